"""Tokens of machines that use the API."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from proctorhub.domain.permissions import Actor, Right, Role
from proctorhub.records.people import Institution, Token
from proctorhub.services.access import require
from proctorhub.services.errors import Invalid, NotFound

PREFIX = "ph_"


def create(actor: Actor, name: str, roles: list[str]) -> dict[str, Any]:
    """Return the new token's view with the token itself, which is shown this once."""
    require(actor, Right.MANAGE_USERS)
    record, token = _issue(actor.institution_id, name, roles, created_by=actor.user_id)
    return {**_view(record), "token": token}


def issue_locally(name: str, roles: list[str]) -> str:
    """Return a new token for whoever sits at this machine and can read its database anyway."""
    institution = Institution.objects.order_by("id").first()
    if institution is None:
        raise NotFound("institution")
    return _issue(institution.id, name, roles, created_by="operator")[1]


def list_for(actor: Actor) -> list[dict[str, Any]]:
    """Return the institution's tokens, without the secrets."""
    require(actor, Right.MANAGE_USERS)
    return [_view(t) for t in Token.objects(institution_id=actor.institution_id).order_by("name")]


def revoke(actor: Actor, token_id: str) -> None:
    """Raises NotFound."""
    require(actor, Right.MANAGE_USERS)
    if not Token.objects(id=token_id, institution_id=actor.institution_id).delete():
        raise NotFound("token")


def actor_for_token(token: str) -> Actor | None:
    """Return the machine behind a token, or None."""
    record = Token.objects(sha256=_digest(token)).first()
    if record is None:
        return None
    return Actor(f"token:{record.id}", record.name, frozenset(record.roles), record.institution_id)


def _issue(
    institution_id: str, name: str, roles: list[str], *, created_by: str
) -> tuple[Token, str]:
    if not 1 <= len(name.strip()) <= 100:
        raise Invalid("name", "A name is 1 to 100 characters.")
    if not roles or any(role not in set(Role) for role in roles):
        raise Invalid("roles", f"Choose from: {', '.join(Role)}.")
    token = PREFIX + secrets.token_urlsafe(32)
    record = Token(
        institution_id=institution_id,
        name=name.strip(),
        roles=roles,
        sha256=_digest(token),
        created_by=created_by,
    ).save(force_insert=True)
    return record, token


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _view(record: Token) -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.name,
        "roles": list(record.roles),
        "created_at": record.created_at,
    }
