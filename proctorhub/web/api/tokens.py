"""Tokens of machines."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import StringConstraints

from proctorhub.domain.permissions import Actor
from proctorhub.services import tokens
from proctorhub.web.api.answers import Items, NewToken, Token
from proctorhub.web.api.fields import Body
from proctorhub.web.api.routing import Resource
from proctorhub.web.api.users import Roles

resource = Resource("tokens")


class TokenDraft(Body):
    """What the token is for, and its rights."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
    roles: Roles


@resource.route("GET", "/tokens", answer=Items[Token])
def list_tokens(actor: Actor) -> dict[str, Any]:
    """List the tokens, without their secrets."""
    return {"items": tokens.list_for(actor)}


@resource.route("POST", "/tokens", body=TokenDraft, answer=NewToken, status=201)
def create_token(actor: Actor, body: TokenDraft) -> dict[str, Any]:
    """Make a token; its secret is shown in this answer only."""
    return tokens.create(actor, body.name, [role.value for role in body.roles])


@resource.route("DELETE", "/tokens/<token_id>", status=204)
def revoke_token(actor: Actor, token_id: str) -> None:
    """Take a token's rights away at once."""
    tokens.revoke(actor, token_id)
