"""Watching many candidates at once."""

from __future__ import annotations

from typing import Any

from proctorhub.domain.completeness import TOLERANCE_MS, Span, merge, subtract
from proctorhub.domain.media import Origin
from proctorhub.domain.permissions import Actor, Right
from proctorhub.domain.session import MEDIA_OPEN
from proctorhub.records.sessions import Gap, Segment, Session
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
    """Return how long each gap lasts that is not filled, per session."""
    noted = _spans(Gap, {"session_id": {"$in": session_ids}})
    of_clients = {
        "session_id": {"$in": sorted({s for s, _ in noted})},
        "origin": Origin.CLIENT.value,
    }
    filled = _spans(Segment, of_clients) if noted else {}
    found: dict[str, list[int]] = {}
    for (session_id, source), gaps in noted.items():
        holes = subtract(gaps, filled.get((session_id, source), []))
        lasting = [end - start for start, end in holes if end - start > TOLERANCE_MS]
        found.setdefault(session_id, []).extend(lasting)
    return found


def _spans(records: Any, query: dict[str, Any]) -> dict[tuple[str, str], list[Span]]:
    found: dict[tuple[str, str], list[Span]] = {}
    for record in records._get_collection().find(query):
        span = (record["started_at_ms"], record["ended_at_ms"])
        found.setdefault((record["session_id"], record["source"]), []).append(span)
    return {key: merge(spans) for key, spans in found.items()}
