"""Candidate and proctor write to each other; the lines live in the session's log."""

from __future__ import annotations

from typing import Any

from proctorhub.domain.permissions import Actor, Standing
from proctorhub.domain.session import TALKING
from proctorhub.services import access, changing, log
from proctorhub.services.proctoring import text


def say(actor: Actor, session_id: str, line: str) -> dict[str, Any]:
    """Write one line; returns its entry. Raises Conflict when the session is over."""
    session, stands = access.opened(actor, session_id)
    if stands is not Standing.CANDIDATE:
        access.as_proctor(actor, session_id)
    if session["state"] not in TALKING:
        raise changing.state_conflict(session["state"])
    side = "candidate" if stands is Standing.CANDIDATE else "staff"
    return log.append(session_id, log.entry("chat", actor, {"text": text(line, "text")}, side=side))


def lines(actor: Actor, session_id: str) -> list[dict[str, Any]]:
    """Return all lines and warnings of the session, in order."""
    access.opened(actor, session_id)
    found = log.of_kind(session_id, "chat") + log.of_kind(session_id, "warning")
    return sorted(found, key=lambda entry: int(entry["seq"]))
