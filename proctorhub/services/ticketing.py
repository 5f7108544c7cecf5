"""Handing out tickets for the media node."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from proctorhub.domain import ticket
from proctorhub.domain.permissions import Actor, Right, Standing
from proctorhub.domain.session import MEDIA_OPEN
from proctorhub.domain.ticket import Direction, Source
from proctorhub.records.base import utc_now
from proctorhub.services import access, changing
from proctorhub.services.errors import Forbidden, Invalid
from proctorhub.services.runtime import current

TTL_S = 120

_RIGHTS: dict[Standing, frozenset[tuple[Source, Direction]]] = {
    Standing.CANDIDATE: frozenset(
        {
            (Source.CAMERA, Direction.SEND),
            (Source.SCREEN, Direction.SEND),
            (Source.PROCTOR, Direction.WATCH),
        }
    ),
    Standing.PROCTOR: frozenset(
        {
            (Source.PROCTOR, Direction.SEND),
            (Source.CAMERA, Direction.WATCH),
            (Source.SCREEN, Direction.WATCH),
        }
    ),
    Standing.READER: frozenset(),
    Standing.NONE: frozenset(),
}


def issue(
    actor: Actor, session_id: str, source: str, direction: str, *, hostname: str | None = None
) -> dict[str, Any]:
    """Return a ticket and the address it opens, for a browser that calls us `hostname`.

    Raises Invalid, Forbidden, Conflict.
    """
    session, stands = access.opened(actor, session_id)
    if source not in set(Source) or source == Source.CHECK:
        raise Invalid("source", "Choose from: camera, screen, proctor.")
    if direction not in (Direction.SEND, Direction.WATCH):
        raise Invalid("direction", "Choose from: send, watch.")
    if (Source(source), Direction(direction)) not in _RIGHTS[stands]:
        raise Forbidden("This source is not yours to use in this way.", code="forbidden")
    if session["state"] not in MEDIA_OPEN:
        raise changing.state_conflict(session["state"])
    return _issued(session_id, source, direction, hostname)


def issue_for_machine(actor: Actor, session_id: str) -> dict[str, Any]:
    """Return a ticket to send the camera, for a machine that opened the session for a student."""
    access.require(actor, Right.MANAGE_EXAMS)
    access.opened(actor, session_id)
    return _issued(session_id, Source.CAMERA, Direction.SEND, None)


def issue_check(actor: Actor, *, hostname: str | None = None) -> dict[str, Any]:
    """Return a ticket for the equipment check, which belongs to no session."""
    issued = _issued(f"check-{actor.user_id}", Source.CHECK, Direction.SEND, hostname)
    return {**issued, "probe_url": f"{current().settings.media_url_from(hostname)}/probe"}


def _issued(session_id: str, source: str, direction: str, hostname: str | None) -> dict[str, Any]:
    now = utc_now().timestamp()
    signed = ticket.sign(
        current().ticket_key,
        session_id=session_id,
        source=source,
        direction=direction,
        now=now,
        ttl_s=TTL_S,
    )
    door = "whip" if direction == Direction.SEND else "whep"
    return {
        "ticket": signed,
        "url": f"{current().settings.media_url_from(hostname)}/{door}/{session_id}/{source}",
        "expires_at": datetime.fromtimestamp(int(now) + TTL_S, UTC),
    }
