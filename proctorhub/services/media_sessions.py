"""Recording a student for an outside test engine, which runs the exam itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from proctorhub.domain.permissions import Actor, Right
from proctorhub.domain.session import MEDIA_ENDED, MEDIA_OPEN, Action, Side, State
from proctorhub.domain.ticket import RECORDED_SOURCES
from proctorhub.records.base import utc_now
from proctorhub.services import access, changing, log, placing, report, sitting, ticketing
from proctorhub.services.errors import NotFound


def start(
    actor: Actor,
    exam_id: str,
    student_id: str,
    *,
    consent: tuple[str, str],
    sources: Sequence[str],
    hostname: str | None = None,
) -> dict[str, Any]:
    """Open the student's session and return tickets to send; again gives fresh tickets.

    `consent` is (version, SHA-256) of the text that the engine showed. Raises NotFound, Invalid,
    Conflict `consent_outdated` or `state_not_allowed`, and Busy `no_capacity`.
    """
    access.require(actor, Right.MANAGE_EXAMS)
    sitting.current_text(*consent)
    session_id = sitting.join(actor, exam_id, student_id)["id"]
    session = changing.raw(session_id)
    if session["state"] == State.PLANNED:
        placing.place(session_id)
        _check_in(actor, session_id, consent)
    elif session["state"] not in MEDIA_OPEN or not session.get("opened_by"):
        raise changing.state_conflict(session["state"])
    else:
        placing.place(session_id)
    tickets = [
        {
            "source": source,
            **ticketing.issue_for_machine(actor, session_id, source, hostname=hostname),
        }
        for source in dict.fromkeys(sources)
    ]
    return {**_view(changing.raw(session_id), hostname), "tickets": tickets}


def status(actor: Actor, session_id: str, *, hostname: str | None = None) -> dict[str, Any]:
    """Return how the recording stands. Raises NotFound."""
    session = _opened(actor, session_id)
    return {
        **_view(session, hostname),
        "recordings": [
            item for source in RECORDED_SOURCES for item in report.recordings(session, source)
        ],
        "settled": bool(session.get("recordings_told")),
    }


def stop(actor: Actor, session_id: str, *, hostname: str | None = None) -> dict[str, Any]:
    """End the recording; one that has ended stays as it is. Raises NotFound, Conflict."""
    session = _opened(actor, session_id)
    if session["state"] not in MEDIA_ENDED:
        changing.act(
            session_id,
            Action.STOP,
            Side.PLATFORM,
            actor,
            values={"finished_at": utc_now()},
            data={"reason": "stopped_by_engine"},
        )
    return status(actor, session_id, hostname=hostname)


def _check_in(actor: Actor, session_id: str, consent: tuple[str, str]) -> None:
    version, sha256 = consent
    now = utc_now()
    agreed = {"version": version, "sha256": sha256}
    language = sitting.current_text(version, sha256)
    changing.write(
        session_id,
        log.entry("consent.given", actor, {**agreed, "language": language, "told_by_engine": True}),
        require={"state": State.PLANNED.value},
        values={"consent": {**agreed, "at": now}},
    )
    changing.act(
        session_id,
        Action.CHECK_IN,
        Side.PLATFORM,
        actor,
        values={"checked_in_at": now, "opened_by": actor.user_id},
    )


def _opened(actor: Actor, session_id: str) -> changing.Document:
    access.require(actor, Right.MANAGE_EXAMS)
    session = access.as_staff(actor, session_id)
    if not session.get("opened_by"):
        raise NotFound("media session")
    return session


def _view(session: changing.Document, hostname: str | None) -> dict[str, Any]:
    return {
        "session_id": session["_id"],
        "exam_id": session["exam_id"],
        "student_id": session["candidate_id"],
        "state": session["state"],
        "media_server_url": placing.address(session["_id"], hostname),
        "started_at": session.get("checked_in_at"),
        "stopped_at": session.get("finished_at"),
        "sources": {
            name: {"state": s["state"], "chain": s["chain"], "at": s["at"]}
            for name, s in (session.get("sources") or {}).items()
        },
    }
