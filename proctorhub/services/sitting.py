"""The candidate's side: joining, equipment, consent, checking in, starting, finishing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from proctorhub.domain import consent as consents
from proctorhub.domain import exam_clock, scheduling
from proctorhub.domain.permissions import Actor, Right
from proctorhub.domain.session import MEDIA_OPEN, Action, Side, State, Tier
from proctorhub.records.base import utc_now
from proctorhub.records.exams import Exam
from proctorhub.records.sessions import Session
from proctorhub.services import access, booking, changing, exams, log, placing, sessions
from proctorhub.services.errors import Conflict, Invalid, NotFound

_CHECKS = frozenset(
    {"browser", "camera", "microphone", "screen", "round_trip", "uplink", "connection"}
)
_BEFORE_CHECK_IN = (State.PLANNED.value,)


def join(actor: Actor, exam_id: str, student_id: str | None = None) -> dict[str, Any]:
    """Return the session of an open exam for the candidate, made if need be.

    A machine with the right to manage exams names the student. Raises Conflict `needs_booking`.
    """
    exam = exams.find(actor, exam_id)
    if student_id and student_id != actor.user_id:
        access.require(actor, Right.MANAGE_EXAMS)
        if exam.candidates and student_id not in exam.candidates:
            raise Invalid("student_id", "This exam is not for this candidate.")
    elif not exams.is_for(exam, actor):
        raise NotFound("exam")
    candidate_id = student_id or actor.user_id
    existing = Session.objects(
        exam_id=exam.id, candidate_id=candidate_id, state__ne=State.CANCELLED.value
    ).first()
    if existing is None:
        if not exam.open and candidate_id == actor.user_id:
            raise Conflict("Book a time for this exam first.", code="needs_booking")
        _require_window(exam)
        existing = booking.ensure_session(exam, candidate_id, scheduled_at=utc_now())
    return sessions.audience_views(existing.id)[
        "candidate" if candidate_id == actor.user_id else "staff"
    ]


def equipment(actor: Actor, session_id: str, results: list[dict[str, Any]]) -> dict[str, Any]:
    """Keep the result of the equipment check, whatever it was: a person decides what it means."""
    access.as_candidate(actor, session_id)
    kept = []
    for number, result in enumerate(results):
        if result["name"] not in _CHECKS:
            raise Invalid(f"results.{number}.name", f"Choose from: {', '.join(sorted(_CHECKS))}.")
        kept.append(
            {
                "name": result["name"],
                "ok": bool(result["ok"]),
                "detail": str(result.get("detail", ""))[:200],
            }
        )
    if not kept:
        raise Invalid("results", "Name at least one check.")
    passed = all(result["ok"] for result in kept)
    written = changing.write(
        session_id,
        log.entry("equipment.checked", actor, {"ok": passed, "results": kept}, side="candidate"),
        require={"state": {"$in": [State.PLANNED.value, *(s.value for s in MEDIA_OPEN)]}},
        values={"equipment": {"ok": passed, "at": utc_now(), "results": kept}},
    )
    return _written(actor, session_id, written)


def consent_text(
    language: str = consents.DEFAULT,
    how: consents.Identification = consents.Identification.PEOPLE,
) -> dict[str, str]:
    """Return the text a candidate agrees to, its language, its version and its SHA-256.

    A language that it was not written in gets the default one.
    """
    known = language if language in consents.TEXTS[how] else consents.DEFAULT
    text = consents.TEXTS[how][known]
    return {
        "version": consents.VERSION,
        "language": known,
        "text": text,
        "sha256": consents.sha256(text),
    }


def consent_text_for(actor: Actor, session_id: str, language: str) -> dict[str, str]:
    """Return the text that fits a session's exam: who identifies is part of it."""
    session = access.as_candidate(actor, session_id)
    return consent_text(language, _identification(_exam(session)))


def consent(actor: Actor, session_id: str, version: str, sha256: str) -> dict[str, Any]:
    """Record the consent. Raises Conflict `consent_outdated` for any text but today's."""
    session = access.as_candidate(actor, session_id)
    language = current_text(version, sha256, _identification(_exam(session)))
    agreed = {"version": version, "language": language, "sha256": sha256}
    written = changing.write(
        session_id,
        log.entry("consent.given", actor, agreed, side="candidate"),
        require={"state": {"$in": list(_BEFORE_CHECK_IN)}},
        values={"consent": {"version": version, "sha256": sha256, "at": utc_now()}},
    )
    return _written(actor, session_id, written)


def current_text(
    version: str,
    sha256: str,
    how: consents.Identification = consents.Identification.PEOPLE,
) -> str:
    """Return the language of a text. Raises Conflict `consent_outdated` for any but today's."""
    language = consents.language_of(how, version, sha256)
    if language is None:
        raise Conflict("The text has changed: read it again.", code="consent_outdated")
    return language


def check_in(actor: Actor, session_id: str) -> dict[str, Any]:
    """Come in, and get a place on a media node.

    Raises Conflict `consent_missing`, `too_early`, `too_late`, `state_not_allowed`, and Busy
    `no_capacity` with a time to come back.
    """
    session = access.as_candidate(actor, session_id)
    exam = _exam(session)
    now = utc_now()
    if session["state"] == State.PLANNED:
        if not session.get("consent"):
            raise Conflict("Agree to the recording first.", code="consent_missing")
        booked = session.get("booking")
        if booked and now < booked["start"] - scheduling.EARLY_CHECK_IN:
            raise Conflict(
                "It is too early: you can check in half an hour before.", code="too_early"
            )
        if booked is None:
            _require_window(exam)
        elif now >= booked["end"]:
            raise Conflict("The booked time is over.", code="too_late")
        if exam.tier != Tier.NONE:
            placing.place(session_id)
    changing.act(session_id, Action.CHECK_IN, Side.CANDIDATE, actor, values={"checked_in_at": now})
    if not session.get("booking") and exam.tier != Tier.NONE:
        assign_free_proctor(session_id, exam)
    return sessions.view(actor, session_id)


def ready(actor: Actor, session_id: str) -> dict[str, Any]:
    """Say that everything is on. An exam without proctoring goes straight to `admitted`."""
    session = access.as_candidate(actor, session_id)
    if _exam(session).tier == Tier.NONE:
        changing.act(session_id, Action.WAIVE, Side.PLATFORM, None)
    else:
        changing.act(session_id, Action.READY, Side.CANDIDATE, actor)
    return sessions.view(actor, session_id)


def start(actor: Actor, session_id: str) -> dict[str, Any]:
    """Start the exam's clock; possible only once the identification was approved."""
    session = access.as_candidate(actor, session_id)
    now = utc_now()
    end = exam_clock.ends_at(now, _exam(session).duration_min)
    changing.act(
        session_id,
        Action.START,
        Side.CANDIDATE,
        actor,
        values={"started_at": now, "ends_at": end},
        data={"ends_at": log.millis(end)},
    )
    return sessions.view(actor, session_id)


def finish(actor: Actor, session_id: str) -> dict[str, Any]:
    """Hand in."""
    access.as_candidate(actor, session_id)
    changing.act(
        session_id, Action.FINISH, Side.CANDIDATE, actor, values={"finished_at": utc_now()}
    )
    return sessions.view(actor, session_id)


def finish_overdue() -> int:
    """Finish every sitting whose time is up; returns how many."""
    over = Session._get_collection().find(
        {"state": State.RUNNING.value, "ends_at": {"$lte": utc_now()}}, {"_id": 1, "ends_at": 1}
    )
    count = 0
    for document in over:
        done = changing.write(
            document["_id"],
            log.entry("state.finished", None, {"from": State.RUNNING.value, "reason": "time_up"}),
            require={"state": State.RUNNING.value, "ends_at": document["ends_at"]},
            values={"state": State.FINISHED.value, "finished_at": utc_now()},
        )
        count += done is not None
    return count


def mark_missing() -> int:
    """Mark booked candidates who did not come as `no_show`; returns how many."""
    before = utc_now() - scheduling.NO_SHOW_AFTER
    missed = Session._get_collection().find(
        {"state": State.PLANNED.value, "booking.start": {"$lt": before}}, {"_id": 1}
    )
    count = 0
    for document in missed:
        try:
            changing.act(document["_id"], Action.MISS, Side.PLATFORM, None)
        except Conflict:
            continue
        count += 1
    return count


def assign_free_proctor(session_id: str, exam: Exam) -> None:
    """Claim a proctor who is there now, for a sitting without booking; it may stay untaken."""
    now = utc_now()
    end = now + timedelta(minutes=exam.duration_min)
    claimed = booking.claim(exam, session_id, now, end)
    if claimed is None:
        return
    assigned = changing.write(
        session_id,
        log.entry("proctor.assigned", None, {"proctor_id": claimed.proctor_id}),
        require={"proctor_id": None, "booking": None},
        values={
            "proctor_id": claimed.proctor_id,
            "booking": {"availability_id": claimed.id, "start": now, "end": end},
        },
    )
    if assigned is None:
        booking.release(claimed.id, session_id)


def _exam(session: changing.Document) -> Exam:
    return Exam.objects.get(id=session["exam_id"])


def _identification(exam: Exam) -> consents.Identification:
    return consents.identification(Tier(exam.tier), software=exam.identity.software)


def _require_window(exam: Exam) -> None:
    now = utc_now()
    if now < exam.opens_at:
        raise Conflict("This exam is not open yet.", code="too_early")
    if now >= exam.closes_at:
        raise Conflict("This exam is closed.", code="too_late")


def _written(actor: Actor, session_id: str, written: changing.Document | None) -> dict[str, Any]:
    if written is None:
        raise changing.state_conflict(changing.raw(session_id)["state"])
    return sessions.view(actor, session_id)
