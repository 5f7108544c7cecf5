"""The proctor's side of a running session."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from proctorhub.domain import exam_clock
from proctorhub.domain.permissions import Actor, Right, Standing
from proctorhub.domain.session import (
    MEDIA_OPEN,
    TALKING,
    Action,
    ActionRefused,
    Side,
    State,
    after,
)
from proctorhub.records.base import utc_now
from proctorhub.services import access, changing, log, sessions
from proctorhub.services.errors import Conflict, Invalid, NotFound

LONGEST_TEXT = 2000
MOST_MINUTES = 240


def take(actor: Actor, session_id: str) -> dict[str, Any]:
    """Become the proctor of a session nobody has. Raises Conflict `taken`."""
    _, stands = access.opened(actor, session_id)
    if stands is Standing.CANDIDATE:
        raise NotFound("session")
    access.require(actor, Right.PROCTOR)
    if stands is Standing.PROCTOR:
        return sessions.view(actor, session_id)
    open_states = [State.PLANNED.value, *(state.value for state in MEDIA_OPEN)]
    taken = changing.write(
        session_id,
        log.entry("proctor.assigned", actor, {"proctor_id": actor.user_id}),
        require={"proctor_id": None, "state": {"$in": open_states}},
        values={"proctor_id": actor.user_id},
    )
    if taken is None:
        now_is = changing.raw(session_id)
        if now_is.get("proctor_id") is None:
            raise changing.state_conflict(now_is["state"])
        raise Conflict("Another proctor has just taken this session.", code="taken")
    return sessions.view(actor, session_id)


def identify(actor: Actor, session_id: str) -> dict[str, Any]:
    """Begin the identification."""
    access.as_proctor(actor, session_id)
    values = {"identifying_at": utc_now()}
    changing.act(session_id, Action.IDENTIFY, Side.PROCTOR, actor, values=values)
    return sessions.view(actor, session_id)


def pause(actor: Actor, session_id: str) -> dict[str, Any]:
    """Stop the exam's clock; the recording goes on."""
    access.as_proctor(actor, session_id)
    changing.act(session_id, Action.PAUSE, Side.PROCTOR, actor, values={"paused_at": utc_now()})
    return sessions.view(actor, session_id)


def resume(actor: Actor, session_id: str) -> dict[str, Any]:
    """Start the clock again; the candidate gets the time of the pause back."""

    def later(session: changing.Document) -> changing.Document:
        end = exam_clock.resumed_end(session["ends_at"], session["paused_at"], utc_now())
        return {"ends_at": end, "paused_at": None, "state": State.RUNNING.value}

    _move_clock(actor, session_id, Action.RESUME, "state.running", later, {"from": "paused"})
    return sessions.view(actor, session_id)


def extend(actor: Actor, session_id: str, minutes: int) -> dict[str, Any]:
    """Add minutes to the exam. Raises Invalid outside 1 to MOST_MINUTES."""
    if not 1 <= minutes <= MOST_MINUTES:
        raise Invalid("minutes", f"Add 1 to {MOST_MINUTES} minutes.")

    def later(session: changing.Document) -> changing.Document:
        return {"ends_at": session["ends_at"] + timedelta(minutes=minutes)}

    _move_clock(actor, session_id, Action.EXTEND, "time.extended", later, {"minutes": minutes})
    return sessions.view(actor, session_id)


def finish(actor: Actor, session_id: str) -> dict[str, Any]:
    """Collect the exam when the candidate cannot."""
    access.as_proctor(actor, session_id)
    changing.act(session_id, Action.FINISH, Side.PROCTOR, actor, values={"finished_at": utc_now()})
    return sessions.view(actor, session_id)


def interrupt(actor: Actor, session_id: str, reason: str) -> dict[str, Any]:
    """End early, with the reason that the candidate reads."""
    access.as_proctor(actor, session_id)
    reason = text(reason, "reason")
    changing.act(
        session_id,
        Action.INTERRUPT,
        Side.PROCTOR,
        actor,
        values={"finished_at": utc_now(), "reason": reason},
        data={"reason": reason},
    )
    return sessions.view(actor, session_id)


def warn(actor: Actor, session_id: str, message: str) -> dict[str, Any]:
    """Warn the candidate; returns the session."""
    access.as_proctor(actor, session_id)
    message = text(message, "text")
    written = changing.write(
        session_id,
        log.entry("warning", actor, {"text": message}),
        require={"state": {"$in": [state.value for state in TALKING]}},
        more={"$inc": {"warnings": 1}},
    )
    if written is None:
        raise changing.state_conflict(changing.raw(session_id)["state"])
    return sessions.view(actor, session_id)


def note(actor: Actor, session_id: str, message: str) -> dict[str, Any]:
    """Write a note that the candidate never sees; returns its entry."""
    access.as_proctor(actor, session_id)
    return log.append(session_id, log.entry("note", actor, {"text": text(message, "text")}))


def text(value: str, field: str) -> str:
    """Return a person's words, trimmed. Raises Invalid when there are none or too many."""
    value = value.strip()
    if not 1 <= len(value) <= LONGEST_TEXT:
        raise Invalid(field, f"Write 1 to {LONGEST_TEXT} characters.")
    return value


def _move_clock(
    actor: Actor,
    session_id: str,
    action: Action,
    kind: str,
    later: Callable[[changing.Document], changing.Document],
    data: dict[str, Any],
) -> None:
    """Change `ends_at` conditionally on the value it was reckoned from."""
    access.as_proctor(actor, session_id)
    while True:
        session = changing.raw(session_id)
        try:
            after(State(session["state"]), action, Side.PROCTOR)
        except ActionRefused as refused:
            raise changing.refusal(refused) from None
        values = later(session)
        written = changing.write(
            session_id,
            log.entry(kind, actor, {**data, "ends_at": log.millis(values["ends_at"])}),
            require={"state": session["state"], "ends_at": session["ends_at"]},
            values=values,
        )
        if written is not None:
            return
