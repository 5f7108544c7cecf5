"""Booking a time: a free proctor is claimed by one conditional update, or nobody is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from mongoengine.errors import NotUniqueError

from proctorhub.domain import scheduling
from proctorhub.domain.permissions import Actor, Standing
from proctorhub.domain.session import Action, Side, State
from proctorhub.records.base import utc_now
from proctorhub.records.exams import Availability, Exam
from proctorhub.records.people import User
from proctorhub.records.sessions import Session
from proctorhub.services import access, changing, exams, feed, log, sessions
from proctorhub.services.availability import offer
from proctorhub.services.errors import Conflict, Invalid, NotFound

#: A claim whose session knows nothing of it after this long was left by a crash.
CLAIM_GRACE = timedelta(minutes=1)


def times(actor: Actor, exam_id: str, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """Return the starts in `[start, end)` that can be booked, with the places left."""
    exam = exams.find(actor, exam_id)
    offers = [offer(a) for a in _offers(exam).filter(ends_at__gt=max(start, utc_now()))]
    free = scheduling.bookable(
        offers,
        window=(exam.opens_at, exam.closes_at),
        duration_min=exam.duration_min,
        now=utc_now(),
    )
    return [{"start": at, "places": n} for at, n in free.items() if start <= at < end]


def book(actor: Actor, exam_id: str, start: datetime) -> dict[str, Any]:
    """Book one start. Raises Conflict `no_place` or `already_booked`, Invalid for a wrong start."""
    exam = exams.find(actor, exam_id)
    if not exams.is_for(exam, actor):
        raise NotFound("exam")
    _check_start(exam, start)
    session = ensure_session(exam, actor.user_id, scheduled_at=start)
    if session.state != State.PLANNED or session.booking:
        raise Conflict("You have booked this exam already.", code="already_booked")
    end = scheduling.sitting_end(start, exam.duration_min)
    claimed = claim(exam, session.id, start, end)
    if claimed is None:
        raise Conflict("This time has just been taken; choose another.", code="no_place")
    booked = changing.write(
        session.id,
        log.entry(
            "booking.made",
            actor,
            {"start": log.millis(start), "proctor_id": claimed.proctor_id},
            side="candidate",
        ),
        require={"state": State.PLANNED.value, "booking": None},
        values={
            "booking": {"availability_id": claimed.id, "start": start, "end": end},
            "proctor_id": claimed.proctor_id,
            "scheduled_at": start,
        },
    )
    if booked is None:
        release(claimed.id, session.id)
        raise Conflict("You have booked this exam already.", code="already_booked")
    feed.tell(exam.institution_id, "availability.changed", {})
    return sessions.view(actor, session.id)


def cancel(actor: Actor, session_id: str) -> None:
    """Give a booking back. Raises NotFound, Conflict when the sitting has begun."""
    session, stands = access.opened(actor, session_id)
    mine = stands is Standing.CANDIDATE
    if not mine:
        access.as_proctor(actor, session_id)
    side = Side.CANDIDATE if mine else Side.PROCTOR
    changing.act(session_id, Action.CANCEL, side, actor)
    if session.get("booking"):
        release(session["booking"]["availability_id"], session_id)
        feed.tell(session["institution_id"], "availability.changed", {})


def ensure_session(exam: Exam, candidate_id: str, *, scheduled_at: datetime) -> Session:
    """Return the candidate's session of an exam, made if need be; a cancelled one is past."""
    while True:
        latest = (
            Session.objects(exam_id=exam.id, candidate_id=candidate_id).order_by("-attempt").first()
        )
        if latest and latest.state != State.CANCELLED:
            return latest
        attempt = latest.attempt + 1 if latest else 1
        candidate = User.objects(id=candidate_id, institution_id=exam.institution_id).first()
        if candidate is None:
            raise NotFound("candidate")
        fresh = Session(
            institution_id=exam.institution_id,
            exam_id=exam.id,
            candidate_id=candidate_id,
            attempt=attempt,
            scheduled_at=scheduled_at,
            pending=[log.entry("session.created", None, {"exam_id": exam.id, "attempt": attempt})],
        )
        try:
            fresh.save(force_insert=True)
        except NotUniqueError:
            continue
        log.drain(fresh.id)
        return fresh


def claim(exam: Exam, session_id: str, start: datetime, end: datetime) -> Availability | None:
    """Take one place of a proctor who is free for all of `[start, end)`; None when none is.

    One conditional update decides; the proctor with the most room is tried first.
    """
    keys = scheduling.quanta(start, end)
    while True:
        fitting = [
            a
            for a in _offers(exam).filter(starts_at__lte=start, ends_at__gte=end)
            if scheduling.places(offer(a), start, end)
        ]
        if not fitting:
            return None
        fitting.sort(key=lambda a: scheduling.places(offer(a), start, end), reverse=True)
        for candidate in fitting:
            free = {f"taken.{key}": {"$not": {"$gte": candidate.capacity}} for key in keys}
            taken = Availability._get_collection().update_one(
                {"_id": candidate.id, "claims.session_id": {"$ne": session_id}, **free},
                {
                    "$inc": {f"taken.{key}": 1 for key in keys},
                    "$push": {
                        "claims": {"session_id": session_id, "quanta": keys, "at": utc_now()}
                    },
                },
            )
            if taken.modified_count:
                return candidate
            if Availability.objects(id=candidate.id, claims__session_id=session_id).first():
                return None


def release(availability_id: str, session_id: str) -> None:
    """Give a claimed place back; one that is not held any more is fine."""
    record = Availability.objects(id=availability_id).first()
    held = [c for c in record.claims if c.session_id == session_id] if record else []
    for one in held:
        Availability._get_collection().update_one(
            {"_id": availability_id, "claims.session_id": session_id},
            {
                "$inc": {f"taken.{key}": -1 for key in one.quanta},
                "$pull": {"claims": {"session_id": session_id}},
            },
        )


def reconcile() -> int:
    """Release claims a crash left behind; returns how many."""
    left = 0
    before = utc_now() - CLAIM_GRACE
    for record in Availability.objects(ends_at__gt=utc_now()):
        for one in record.claims:
            if one.at > before:
                continue
            session = Session.objects(id=one.session_id).first()
            booking = session.booking if session else None
            given_up = session is None or session.state == State.CANCELLED
            if given_up or not booking or booking.availability_id != record.id:
                release(record.id, one.session_id)
                left += 1
    return left


def _offers(exam: Exam) -> Any:
    """Return the query of all time that may be used for an exam."""
    offers = Availability.objects(institution_id=exam.institution_id)
    return offers.filter(proctor_id__in=exam.proctors) if exam.proctors else offers


def _check_start(exam: Exam, start: datetime) -> None:
    if not scheduling.on_grid(start):
        raise Invalid("start", "A booking starts on a quarter of an hour.")
    if start <= utc_now():
        raise Invalid("start", "This time is over.")
    ends = start + timedelta(minutes=exam.duration_min)
    if start < exam.opens_at or ends > exam.closes_at:
        raise Invalid("start", "The exam cannot be sat at this time.")
