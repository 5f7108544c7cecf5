"""Accounts and profile photographs."""

from __future__ import annotations

from typing import Annotated, Any

from flask import Response
from pydantic import Field

from proctorhub.domain.permissions import Actor, Role
from proctorhub.services import accounts
from proctorhub.web.api.answers import Items, User
from proctorhub.web.api.fields import Body, Line, Query, Secret, unchanged
from proctorhub.web.api.pictures import picture
from proctorhub.web.api.routing import Media, Resource

resource = Resource("users")

Roles = Annotated[list[Role], Field(min_length=1, max_length=len(Role))]


class NewUser(Body):
    """An account to be made."""

    login: Line
    name: Line
    roles: Roles
    password: Secret
    email: Annotated[str, Field(max_length=320)] = ""
    time_zone: Annotated[str, Field(max_length=60)] | None = None


class UserChange(Body):
    """What changes; a `password` given here is a one-time password."""

    name: Line = unchanged()
    roles: Roles = unchanged()
    email: Annotated[str, Field(max_length=320)] = unchanged()
    active: bool = unchanged()
    time_zone: Annotated[str, Field(max_length=60)] | None = None
    password: Secret = unchanged()


class UserQuery(Query):
    """Which accounts."""

    role: Role | None = None


@resource.route("GET", "/users", query=UserQuery, answer=Items[User])
def list_users(actor: Actor, query: UserQuery) -> dict[str, Any]:
    """List the accounts of the institution."""
    return {"items": accounts.list_users(actor, query.role)}


@resource.route("POST", "/users", body=NewUser, answer=User, status=201)
def create_user(actor: Actor, body: NewUser) -> dict[str, Any]:
    """Make an account."""
    return accounts.create_user(actor, **body.model_dump(mode="json"))


@resource.route("GET", "/users/<user_id>", answer=User)
def get_user(actor: Actor, user_id: str) -> dict[str, Any]:
    """Read an account."""
    return accounts.get_user(actor, user_id)


@resource.route("PATCH", "/users/<user_id>", body=UserChange, answer=User)
def update_user(actor: Actor, user_id: str, body: UserChange) -> dict[str, Any]:
    """Change an account."""
    changes = body.model_dump(mode="json", exclude_unset=True)
    return accounts.update_user(actor, user_id, **changes)


@resource.route("GET", "/users/<user_id>/photo", answer=Media("image/*"))
def get_user_photo(actor: Actor, user_id: str) -> Response:
    """Read a profile photograph."""
    return picture(*accounts.photo(actor, user_id))


@resource.route("PUT", "/users/<user_id>/photo", upload="image", answer=User)
def put_user_photo(actor: Actor, user_id: str, data: bytes) -> dict[str, Any]:
    """Keep a profile photograph, JPEG or PNG."""
    return accounts.set_photo(actor, user_id, data)
