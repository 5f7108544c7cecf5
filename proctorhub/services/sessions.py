"""Looking at sessions: what a candidate sees of one, and what staff see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from proctorhub.domain import media_settings
from proctorhub.domain.permissions import Actor, Right, Standing
from proctorhub.domain.session import ACCESS, MEDIA_OPEN, Side, State, allowed
from proctorhub.records.base import utc_now
from proctorhub.records.exams import Exam
from proctorhub.records.people import User
from proctorhub.records.sessions import Session
from proctorhub.services import access, alarms, changing, exams, low_bandwidth
from proctorhub.services.errors import Invalid
from proctorhub.services.runtime import current

LIST_LIMIT = 500
#: Where a zone changes its standard time, a day may have some hours more.
LONGEST_DAY = timedelta(hours=48)
View = dict[str, Any]


def view(actor: Actor, session_id: str) -> View:
    """Return the session as this person may see it. Raises NotFound."""
    session, stands = access.opened(actor, session_id)
    return _one(session, for_candidate=stands is Standing.CANDIDATE)


def audience_views(session_id: str) -> dict[str, View]:
    """Return what is pushed live: `candidate` and `staff`. Raises NotFound."""
    session = changing.raw(session_id)
    return {
        "candidate": _one(session, for_candidate=True),
        "staff": _one(session, for_candidate=False),
    }


def staff_views(found: list[changing.Document]) -> list[View]:
    """Return stored sessions as staff see them, in their order."""
    return _many(found, for_candidate=False)


def audience(session_id: str) -> View:
    """Return whose session it is, for deciding who hears of it. Raises NotFound."""
    session = changing.raw(session_id)
    return {
        "institution_id": session["institution_id"],
        "candidate_id": session["candidate_id"],
        "proctor_id": session.get("proctor_id"),
    }


def list_for(
    actor: Actor,
    day: date | None = None,
    state: str | None = None,
    span: tuple[datetime | None, datetime | None] = (None, None),
) -> list[View]:
    """Return the sessions that concern this person.

    Candidates get their own; proctors their own and those nobody has taken; reviewers and
    administrators all. With `day` (in the person's zone) only that day's, and, when it is today,
    whatever is going on; the two ends of `span` say in place of the zone when the day begins and
    ends. Raises Invalid.
    """
    if state and state not in set(State):
        raise Invalid("state", f"Choose from: {', '.join(State)}.")
    staff = actor.may(Right.PROCTOR) or actor.may(Right.REVIEW)
    query: dict[str, Any] = {"institution_id": actor.institution_id}
    if not staff:
        query["candidate_id"] = actor.user_id
    elif not actor.may(Right.REVIEW):
        query["proctor_id"] = {"$in": [actor.user_id, None]}
    if state:
        query["state"] = state
    bounds = _bounds(actor, day, *span)
    if bounds:
        start, end = bounds
        inside: dict[str, Any] = {"scheduled_at": {"$gte": start, "$lt": end}}
        if start <= utc_now() < end:
            going_on = {"state": {"$in": [s.value for s in MEDIA_OPEN]}}
            query["$or"] = [inside, going_on]
        else:
            query.update(inside)
    found = Session._get_collection().find(query).sort("scheduled_at", 1 if bounds else -1)
    return _many(list(found.limit(LIST_LIMIT)), for_candidate=not staff)


def _bounds(
    actor: Actor, day: date | None, start: datetime | None, end: datetime | None
) -> tuple[datetime, datetime] | None:
    if start and end:
        if not timedelta() < end - start <= LONGEST_DAY:
            raise Invalid("to", "Ask for one day.")
        return start, end
    if start or end:
        raise Invalid("to" if start else "from", "A day has a beginning and an end.")
    return _day_bounds(actor, day) if day else None


def _day_bounds(actor: Actor, day: date) -> tuple[datetime, datetime]:
    user = User.objects(id=actor.user_id).first()
    zone = ZoneInfo((user.time_zone if user else None) or current().settings.time_zone)
    try:
        start = datetime.combine(day, time.min, zone).astimezone(UTC)
        end = datetime.combine(day + timedelta(days=1), time.min, zone).astimezone(UTC)
    except OverflowError:
        raise Invalid("day", "There is no such day to ask for.") from None
    return start, end


def _one(session: changing.Document, *, for_candidate: bool) -> View:
    return _many([session], for_candidate=for_candidate)[0]


def _many(found: list[changing.Document], *, for_candidate: bool) -> list[View]:
    exam_by_id = {e.id: e for e in Exam.objects(id__in=_ids(found, "exam_id"))}
    people = {
        u.id: u
        for u in User.objects(id__in=_ids(found, "candidate_id") + _ids(found, "proctor_id"))
    }
    return [_view(s, exam_by_id.get(s["exam_id"]), people, for_candidate) for s in found]


def _ids(found: Iterable[changing.Document], name: str) -> list[str]:
    return list({s[name] for s in found if s.get(name)})


def _view(
    session: changing.Document, exam: Exam | None, people: dict[str, User], for_candidate: bool
) -> View:
    state = State(session["state"])
    candidate = people.get(session["candidate_id"])
    proctor = people.get(session.get("proctor_id") or "")
    has_photo = bool(candidate and candidate.photo)
    return {
        "id": session["_id"],
        "institution_id": session["institution_id"],
        "exam": _exam(exam, state, for_candidate),
        "candidate": {
            "id": session["candidate_id"],
            "name": candidate.name if candidate else "",
            "photo_url": f"/api/v1/users/{session['candidate_id']}/photo" if has_photo else None,
        },
        "proctor": {"id": proctor.id, "name": proctor.name} if proctor else None,
        "state": state.value,
        "attempt": session["attempt"],
        "booking": _booking(session.get("booking")),
        "scheduled_at": session["scheduled_at"],
        **{
            name: session.get(name)
            for name in (
                "created_at",
                "checked_in_at",
                "started_at",
                "ends_at",
                "paused_at",
                "finished_at",
                "reason",
            )
        },
        "equipment": session.get("equipment") or None,
        "consent": session.get("consent"),
        "identity": _identity(session, for_candidate),
        "identity_check": _identity_check(session.get("identity_check")),
        "conclusion": _conclusion(session.get("conclusion")),
        "sources": {
            name: {"state": s["state"], "chain": s["chain"], "at": s["at"]}
            for name, s in (session.get("sources") or {}).items()
        },
        "alarms": [] if for_candidate else alarms.of(session, exam),
        "media": _media(session, exam),
        "warnings": session.get("warnings", 0),
        "actions": {
            "candidate": [a.value for a in allowed(state, Side.CANDIDATE)],
            "proctor": [a.value for a in allowed(state, Side.PROCTOR)],
        },
        "server_now": utc_now(),
    }


def _exam(exam: Exam | None, state: State, for_candidate: bool) -> View | None:
    if exam is None:
        return None
    return {
        "id": exam.id,
        "title": exam.title,
        "duration_min": exam.duration_min,
        "tier": exam.tier,
        "open": exam.open,
        "rules": exams.rules_view(exam.rules),
        "identity": exams.identity_view(exam),
        "url": (exam.url or None) if state in ACCESS or not for_candidate else None,
    }


def _media(session: changing.Document, exam: Exam | None) -> View | None:
    if exam is None:
        return None
    settings = exam.media.plain()
    mode = low_bandwidth.of(session, settings)
    sent = asdict(media_settings.to_send(settings, low=mode.on))
    if not exam.rules.require_microphone:
        sent["microphone_kbit"] = None
    return {**sent, "low_bandwidth_by": mode.by.value}


def _booking(booking: View | None) -> View | None:
    return {"start": booking["start"], "end": booking["end"]} if booking else None


def _identity(session: changing.Document, for_candidate: bool) -> View | None:
    identity = session.get("identity")
    if not identity:
        return None
    shown = {
        "status": identity["status"],
        "reason": identity.get("reason", ""),
        "by": "person" if identity.get("by") else "software",
    }
    if for_candidate:
        # What the proctor remarked on an approval is for staff; a rejection owes a reason.
        return shown if identity["status"] == "rejected" else {**shown, "reason": ""}
    return {
        **shown,
        "document_still": identity.get("document_still"),
        "face_still": identity.get("face_still"),
        "software": identity.get("software"),
        "at": identity.get("at"),
    }


def _identity_check(check: View | None) -> View | None:
    if not check:
        return None
    at = check.get("decided_at") or check["at"]
    return {"id": check["id"], "state": check["state"], "at": at}


def _conclusion(conclusion: View | None) -> View | None:
    if not conclusion:
        return None
    return {
        "verdict": conclusion["verdict"],
        "comment": conclusion.get("comment", ""),
        "by": conclusion["by_name"],
        "at": conclusion["at"],
    }
