"""The own account, the server's time, signing in."""

from __future__ import annotations

from typing import Any

from flask_wtf.csrf import generate_csrf

from proctorhub.domain.permissions import Actor
from proctorhub.records.base import utc_now
from proctorhub.services import accounts
from proctorhub.web.api.answers import Me, Now
from proctorhub.web.api.fields import Body, Secret
from proctorhub.web.api.routing import Resource
from proctorhub.web.auth import people
from proctorhub.web.limits import limit_passwords

resource = Resource("account")


class Credentials(Body):
    """Login and password."""

    login: Secret
    password: Secret


class PasswordChange(Body):
    """The password now and the one to be."""

    old: Secret
    new: Secret


@resource.route("POST", "/login", body=Credentials, answer=Me, anyone=True, guard=limit_passwords)
def login(body: Credentials) -> dict[str, Any]:
    """Sign in with login and password; sets the session cookie."""
    actor = accounts.sign_in(body.login, body.password)
    people.sign_in(actor)
    return _about(actor)


@resource.route("GET", "/me", answer=Me, with_one_time_password=True)
def get_me(actor: Actor) -> dict[str, Any]:
    """Read the own account and a CSRF token."""
    return _about(actor)


@resource.route(
    "POST",
    "/me/password",
    body=PasswordChange,
    status=204,
    with_one_time_password=True,
    guard=limit_passwords,
)
def change_my_password(actor: Actor, body: PasswordChange) -> None:
    """Change the own password; every other browser is signed out by that."""
    accounts.change_password(actor, body.old, body.new)
    people.sign_in(actor)


@resource.route("GET", "/time", answer=Now, anyone=True)
def get_time() -> dict[str, Any]:
    """Read the server's time."""
    return {"now": utc_now()}


def _about(actor: Actor) -> dict[str, Any]:
    return {**accounts.me(actor), "csrf_token": generate_csrf()}
