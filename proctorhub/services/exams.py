"""Setting up exams."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from proctorhub.domain import media_settings
from proctorhub.domain.permissions import Actor, Right
from proctorhub.domain.session import Tier
from proctorhub.records.base import utc_now
from proctorhub.records.exams import Exam, ExamRules, MediaSettings
from proctorhub.records.sessions import Session
from proctorhub.services import feed
from proctorhub.services.access import require
from proctorhub.services.errors import Conflict, Invalid, NotFound

_FIELDS = (
    "title",
    "url",
    "opens_at",
    "closes_at",
    "duration_min",
    "tier",
    "open",
    "candidates",
    "proctors",
)
_IDENTITY = ("software", "enrolment")
_RULES = ("allowed", "forbidden", "require_screen", "require_microphone", "instructions")
LONGEST_WINDOW = timedelta(days=366)


def create(actor: Actor, draft: dict[str, Any]) -> dict[str, Any]:
    """Make an exam from the fields of docs/api.md. Raises Forbidden, Invalid."""
    require(actor, Right.MANAGE_EXAMS)
    exam = Exam(institution_id=actor.institution_id, created_by=actor.user_id)
    return _saved(exam, draft, insert=True)


def update(actor: Actor, exam_id: str, changes: dict[str, Any]) -> dict[str, Any]:
    """Change an exam. What people booked by stays: window, duration, tier, identification."""
    require(actor, Right.MANAGE_EXAMS)
    exam = find(actor, exam_id)
    fixed = {"duration_min", "opens_at", "closes_at", "tier"} & {
        name for name, value in changes.items() if value != getattr(exam, name, None)
    }
    if {**identity_view(exam), **(changes.get("identity") or {})} != identity_view(exam):
        fixed.add("identity")
    if fixed and Session.objects(exam_id=exam_id, state__nin=["cancelled"]).first():
        field = sorted(fixed)[0]
        raise Conflict(
            f"Candidates have booked this exam already: {field} cannot change.", code="exam_in_use"
        )
    return _saved(exam, changes, insert=False)


def get(actor: Actor, exam_id: str) -> dict[str, Any]:
    """Raises NotFound, also for an exam that is not for this candidate."""
    return view(find(actor, exam_id), with_url=actor.may(Right.MANAGE_EXAMS))


def list_for(actor: Actor) -> list[dict[str, Any]]:
    """Return what this person may see: administrators all, candidates what is open to them."""
    exams = Exam.objects(institution_id=actor.institution_id).order_by("opens_at", "title")
    if actor.may(Right.MANAGE_EXAMS):
        counts: dict[str, int] = {}
        for row in Session.objects(institution_id=actor.institution_id).scalar("exam_id"):
            counts[row] = counts.get(row, 0) + 1
        return [
            {**view(exam, with_url=True), "session_counts": counts.get(exam.id, 0)}
            for exam in exams
        ]
    now = utc_now()
    return [view(exam) for exam in exams if exam.closes_at > now and is_for(exam, actor)]


def delete(actor: Actor, exam_id: str) -> None:
    """Remove an exam nobody has touched. Raises Conflict `exam_in_use`."""
    require(actor, Right.MANAGE_EXAMS)
    exam = find(actor, exam_id)
    if Session.objects(exam_id=exam_id).first():
        raise Conflict("Candidates have booked or sat this exam.", code="exam_in_use")
    exam.delete()
    feed.tell(actor.institution_id, "exam.changed", {"id": exam_id})


def find(actor: Actor, exam_id: str) -> Exam:
    """Return an exam of the actor's institution that the actor may know of. Raises NotFound."""
    exam = Exam.objects(id=exam_id, institution_id=actor.institution_id).first()
    if exam is None or not (_is_staff(actor) or is_for(exam, actor)):
        raise NotFound("exam")
    return exam


def is_for(exam: Exam, actor: Actor) -> bool:
    """Tell whether a candidate may sit the exam; an empty list means every candidate."""
    return actor.may(Right.SIT) and (not exam.candidates or actor.user_id in exam.candidates)


def rules_view(rules: ExamRules) -> dict[str, Any]:
    """Return the rules as plain values."""
    return {
        name: list(value) if isinstance(value := getattr(rules, name), list) else value
        for name in _RULES
    }


def identity_view(exam: Exam) -> dict[str, bool]:
    """Return how the exam identifies candidates."""
    return {name: bool(getattr(exam.identity, name)) for name in _IDENTITY}


def view(exam: Exam, *, with_url: bool = False) -> dict[str, Any]:
    """Return an exam as docs/api.md shows it; the address of the exam itself is for staff only."""
    return {
        "id": exam.id,
        "title": exam.title,
        "opens_at": exam.opens_at,
        "closes_at": exam.closes_at,
        "duration_min": exam.duration_min,
        "tier": exam.tier,
        "open": exam.open,
        "rules": rules_view(exam.rules),
        "identity": identity_view(exam),
        "media": asdict(exam.media.plain()),
        "candidates": list(exam.candidates) if with_url else [],
        "proctors": list(exam.proctors) if with_url else [],
        "url": exam.url if with_url else None,
    }


def _is_staff(actor: Actor) -> bool:
    return any(actor.may(right) for right in (Right.MANAGE_EXAMS, Right.PROCTOR, Right.REVIEW))


def _saved(exam: Exam, changes: dict[str, Any], *, insert: bool) -> dict[str, Any]:
    for name in _FIELDS:
        if name in changes:
            setattr(exam, name, changes[name])
    for name, value in (changes.get("rules") or {}).items():
        if name not in _RULES:
            raise Invalid(f"rules.{name}", "There is no such rule.")
        setattr(exam.rules, name, value)
    for name, value in (changes.get("identity") or {}).items():
        setattr(exam.identity, name, value)
    _change_media(exam, changes.get("media") or {})
    _check(exam)
    exam.save(force_insert=insert)
    feed.tell(exam.institution_id, "exam.changed", {"id": exam.id})
    return view(exam, with_url=True)


def _change_media(exam: Exam, changes: dict[str, Any]) -> None:
    try:
        settings = media_settings.changed(exam.media.plain(), changes)
    except ValueError as unknown:
        raise Invalid(f"media.{unknown}", "There is no such setting.") from None
    if found := media_settings.problem(settings):
        raise Invalid(f"media.{found[0]}", found[1])
    exam.media = MediaSettings.of(settings)


def _check(exam: Exam) -> None:
    if not exam.title or not 1 <= len(exam.title.strip()) <= 200:
        raise Invalid("title", "A title is 1 to 200 characters.")
    for name in ("opens_at", "closes_at"):
        value = getattr(exam, name)
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise Invalid(name, "This needs a time with a zone.")
    if exam.closes_at <= exam.opens_at:
        raise Invalid("closes_at", "The exam must close after it opens.")
    if exam.closes_at - exam.opens_at > LONGEST_WINDOW:
        raise Invalid("closes_at", "The window is at most a year long.")
    if not isinstance(exam.duration_min, int) or not 1 <= exam.duration_min <= 1440:
        raise Invalid("duration_min", "A duration is 1 to 1440 minutes.")
    if timedelta(minutes=exam.duration_min) > exam.closes_at - exam.opens_at:
        raise Invalid("duration_min", "The duration does not fit between opening and closing.")
    if exam.tier not in set(Tier):
        raise Invalid("tier", f"Choose from: {', '.join(Tier)}.")
    if exam.url and (len(exam.url) > 2000 or not exam.url.startswith(("http://", "https://"))):
        raise Invalid("url", "An address starts with https:// or http://.")
