"""Watching many candidates at once."""

from __future__ import annotations

from typing import Any

from proctorhub.domain.permissions import Actor, Right
from proctorhub.domain.session import MEDIA_OPEN
from proctorhub.records.sessions import Gap, Session
from proctorhub.services import access, incidents, log, sessions, watchers


def grid(actor: Actor) -> list[dict[str, Any]]:
    """Return the actor's sessions that are going on, in an order that stays as they go on.

    Each is `{session, chat, gaps, gap_ms, incidents, silent}`: as staff see it, its last line of
    chat, how much media is missing, the incidents nobody has decided, and the detectors that are
    silent. Raises Forbidden.
    """
    access.require(actor, Right.PROCTOR)
    query = {
        "institution_id": actor.institution_id,
        "proctor_id": actor.user_id,
        "state": {"$in": [state.value for state in MEDIA_OPEN]},
    }
    order = [("scheduled_at", 1), ("_id", 1)]
    found = list(Session._get_collection().find(query).sort(order).limit(sessions.LIST_LIMIT))
    ids = [session["_id"] for session in found]
    missing = _missing(ids)
    undecided = incidents.summaries(ids)
    silent = watchers.silent(ids)
    return [
        {
            "session": view,
            "chat": log.last_of_kind(view["id"], "chat"),
            "gaps": len(missing.get(view["id"], [])),
            "gap_ms": sum(missing.get(view["id"], [])),
            "incidents": undecided.get(view["id"], []),
            "silent": silent.get(view["id"], []),
        }
        for view in sessions.staff_views(found)
    ]


def _missing(session_ids: list[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for gap in Gap._get_collection().find({"session_id": {"$in": session_ids}}):
        lasted = gap["ended_at_ms"] - gap["started_at_ms"]
        found.setdefault(gap["session_id"], []).append(lasted)
    return found
