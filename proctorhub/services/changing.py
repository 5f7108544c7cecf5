"""Changing a session: one conditional update that carries its log entry with it."""

from __future__ import annotations

from typing import Any

from pymongo import ReturnDocument

from proctorhub.domain.permissions import Actor
from proctorhub.domain.session import Action, ActionRefused, Side, State, after
from proctorhub.records.base import utc_now
from proctorhub.records.sessions import Session
from proctorhub.services import log
from proctorhub.services.errors import Conflict, NotFound

Document = dict[str, Any]


def raw(session_id: str) -> Document:
    """Return the stored session. Raises NotFound."""
    document: Document | None = Session._get_collection().find_one({"_id": session_id})
    if document is None:
        raise NotFound("session")
    return document


def act(
    session_id: str,
    action: Action,
    side: Side,
    actor: Actor | None,
    *,
    values: Document | None = None,
    data: Document | None = None,
    kind: str | None = None,
) -> Document:
    """Carry out `action` and return the session after it.

    `values` are set with the state; `data` goes into the entry, whose kind is `state.<new>` unless
    `kind` is given. Raises Conflict `state_not_allowed` naming the state.
    """
    while True:
        now_is = State(raw(session_id)["state"])
        try:
            becomes = after(now_is, action, side)
        except ActionRefused as refused:
            raise refusal(refused) from None
        told = {**(data or {})} if kind else {"from": now_is.value, **(data or {})}
        changed = write(
            session_id,
            log.entry(
                kind or f"state.{becomes.value}", actor, told, side=side_name(side), at=utc_now()
            ),
            require={"state": now_is.value},
            values={"state": becomes.value, **(values or {})},
        )
        if changed is not None:
            return changed


def write(
    session_id: str,
    *entries: log.Entry,
    require: Document | None = None,
    values: Document | None = None,
    more: Document | None = None,
) -> Document | None:
    """Update the session and leave the entries with it; None when `require` did not hold.

    `more` holds further update operators.
    """
    operators: Document = {**(more or {})}
    if values:
        operators["$set"] = values
    operators["$push"] = {**operators.get("$push", {}), "pending": {"$each": list(entries)}}
    changed: Document | None = Session._get_collection().find_one_and_update(
        {"_id": session_id, **(require or {})}, operators, return_document=ReturnDocument.AFTER
    )
    if changed is not None:
        log.drain(session_id)
    return changed


def refusal(refused: ActionRefused) -> Conflict:
    """Return the error that names the state an action was refused in."""
    return Conflict(
        f"This is not possible now: the session is {refused.state.value.replace('_', ' ')}.",
        code="state_not_allowed",
        state=refused.state.value,
    )


def state_conflict(state: str) -> Conflict:
    """Return the error for something that `state` does not allow."""
    return Conflict(
        f"This is not possible now: the session is {state.replace('_', ' ')}.",
        code="state_not_allowed",
        state=state,
    )


def side_name(side: Side) -> str:
    """Return how entries name the side of their actor."""
    return "candidate" if side is Side.CANDIDATE else "staff"
