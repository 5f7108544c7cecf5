"""Handing out tickets for the media node."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from proctorhub.domain import ticket, turn
from proctorhub.domain.permissions import Actor, Right, Standing, standing
from proctorhub.domain.session import MEDIA_OPEN
from proctorhub.domain.ticket import Direction, Source
from proctorhub.records.base import utc_now
from proctorhub.records.sessions import Session
from proctorhub.services import access, changing, placing, reading
from proctorhub.services.errors import Forbidden, Invalid
from proctorhub.services.runtime import current

TTL_S = 120
MOST_STILLS = 100
#: TURN checks its credentials when a relay is asked for; a page that comes back gets fresh ones.
TURN_TTL_S = 3600

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

    Who watches is told where the session is; only who sends makes it get a node, or another one.
    Raises Invalid, Forbidden, Conflict, and Busy for a new session that no node has room for.
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
    if stands is Standing.PROCTOR and direction == Direction.WATCH:
        reading.note(actor, session_id, f"live:{source}")
    if direction == Direction.WATCH:
        node_url = placing.address(session_id, hostname)
    else:
        node_url = placing.url(placing.place(session_id), hostname)
    return _issued(actor, session_id, source, direction, node_url)


def issue_for_machine(
    actor: Actor, session_id: str, source: str = Source.CAMERA, *, hostname: str | None = None
) -> dict[str, Any]:
    """Return a ticket to send a source, for a machine that opened the session for a student."""
    access.require(actor, Right.MANAGE_EXAMS)
    access.opened(actor, session_id)
    node_url = placing.address(session_id, hostname)
    return _issued(actor, session_id, source, Direction.SEND, node_url)


def issue_stills(
    actor: Actor, session_ids: list[str], *, hostname: str | None = None
) -> list[dict[str, Any]]:
    """Return, for each session the actor proctors now, a ticket for stills of its camera.

    Sessions that take no media or are not the actor's own are left out. Raises Invalid.
    """
    if not 1 <= len(session_ids) <= MOST_STILLS:
        raise Invalid("session_ids", f"Name 1 to {MOST_STILLS} sessions.")
    named = {"_id": {"$in": list(dict.fromkeys(session_ids))}}
    mine = [
        session
        for session in Session._get_collection().find(named)
        if standing(actor, access.parties(session)) is Standing.PROCTOR
        and session["state"] in MEDIA_OPEN
    ]
    found = []
    for session, node_url in zip(mine, placing.addresses(mine, hostname), strict=True):
        reading.note(actor, session["_id"], "stills:camera")
        signed, expires_at = _signed(session["_id"], Source.CAMERA, Direction.WATCH)
        found.append(
            {
                "session_id": session["_id"],
                "url": _still_url(node_url, session["_id"], Source.CAMERA),
                "ticket": signed,
                "expires_at": expires_at,
            }
        )
    return found


def issue_check(actor: Actor, *, hostname: str | None = None) -> dict[str, Any]:
    """Return a ticket for the equipment check, which belongs to no session."""
    node_url = placing.for_check(hostname)
    issued = _issued(actor, f"check-{actor.user_id}", Source.CHECK, Direction.SEND, node_url)
    return {**issued, "probe_url": f"{node_url}/probe"}


def _issued(
    actor: Actor, session_id: str, source: str, direction: str, node_url: str
) -> dict[str, Any]:
    signed, expires_at = _signed(session_id, source, direction)
    door = "whip" if direction == Direction.SEND else "whep"
    issued = {
        "ticket": signed,
        "url": f"{node_url}/{door}/{session_id}/{source}",
        "expires_at": expires_at,
        "ice_servers": _ice_servers(actor, utc_now().timestamp()),
        "ice_transport_policy": "relay" if current().settings.turn_only else "all",
    }
    if direction == Direction.WATCH:
        issued["still_url"] = _still_url(node_url, session_id, source)
    return issued


def _signed(session_id: str, source: str, direction: str) -> tuple[str, datetime]:
    now = utc_now().timestamp()
    signed = ticket.sign(
        current().ticket_key,
        session_id=session_id,
        source=source,
        direction=direction,
        now=now,
        ttl_s=TTL_S,
    )
    return signed, datetime.fromtimestamp(int(now) + TTL_S, UTC)


def _still_url(node_url: str, session_id: str, source: str) -> str:
    return f"{node_url}/still/{session_id}/{source}"


def _ice_servers(actor: Actor, now: float) -> list[dict[str, Any]]:
    settings = current().settings
    found: list[dict[str, Any]] = []
    plain = [url for url in settings.turn_servers if url.startswith("stun")]
    if plain:
        found.append({"urls": plain})
    relays = [url for url in settings.turn_servers if url.startswith("turn")]
    if relays and settings.turn_secret:
        made = turn.credentials(settings.turn_secret, actor.user_id, now=now, ttl_s=TURN_TTL_S)
        found.append({"urls": relays, "username": made.username, "credential": made.password})
    return found
