"""What software looks for in an exam, and what it does not look for in one candidate.

A change after somebody has begun is logged in every session it concerns, with before and after.
"""

from __future__ import annotations

import hashlib
from typing import Any

from pymongo import ReturnDocument

from proctorhub.domain.incident_policy import LARGEST_RELAXATION, Policy
from proctorhub.domain.incident_rules import PHASES, RULES
from proctorhub.domain.incident_terms import Detector, Severity
from proctorhub.domain.permissions import Actor, Right
from proctorhub.domain.session import State, Tier
from proctorhub.records.base import new_id, utc_now
from proctorhub.records.exams import Exam, Monitoring
from proctorhub.records.incidents import Accommodation
from proctorhub.records.people import User
from proctorhub.records.sessions import Session
from proctorhub.services import exams, feed, log
from proctorhub.services.access import require
from proctorhub.services.changing import Document
from proctorhub.services.errors import Invalid, NotFound

View = dict[str, Any]
MOST_APPLICATIONS = 100
_NOT_BEGUN = [State.PLANNED.value, State.CANCELLED.value, State.NO_SHOW.value]


def weights(exam_id: str) -> dict[Detector, int]:
    """Return the weight of every detector in an exam."""
    exam = Exam.objects(id=exam_id).only("monitoring").first()
    own = exam.monitoring.weights if exam else {}
    return {detector: own.get(detector.value, rule.weight) for detector, rule in RULES.items()}


def policy(
    state: State,
    exam: Exam,
    accommodation: Document | None,
    match: tuple[float, float] | None = None,
) -> Policy | None:
    """Return what applies to a candidate in this state; None when software does not look at all."""
    if exam.tier == Tier.NONE or state not in PHASES:
        return None
    settings = exam.monitoring
    off = {*settings.off, *((accommodation or {}).get("off") or [])}
    checked = {detector for detector in PHASES[state] if detector.value not in off}
    if not exam.rules.require_screen:
        checked -= {Detector.SHARE_STOPPED, Detector.SHARE_NOT_MONITOR}
    if not settings.forbidden_applications:
        checked.discard(Detector.FORBIDDEN_APPLICATION)
    if not exam.url:
        checked.discard(Detector.EXAM_NOT_SHOWN)
    relaxed = (accommodation or {}).get("relaxed") or {}
    return Policy(
        checked=frozenset(checked),
        severity={Detector(d): Severity(s) for d, s in settings.severity.items()},
        relaxed={Detector(d): float(factor) for d, factor in relaxed.items()},
        match=match,
    )


def policy_of(session: Document, match: tuple[float, float] | None = None) -> Policy | None:
    """Return what applies to one session now."""
    exam = Exam.objects(id=session["exam_id"]).first()
    if exam is None:
        return None
    accommodation = accommodations([session]).get(session["_id"])
    return policy(State(session["state"]), exam, accommodation, match)


def accommodations(sessions: list[Document]) -> dict[str, Document]:
    """Return session → accommodation of its candidate in its exam, where there is one."""
    ids = {_id(session["exam_id"], session["candidate_id"]): session["_id"] for session in sessions}
    found = Accommodation._get_collection().find({"_id": {"$in": list(ids)}})
    return {ids[document["_id"]]: document for document in found}


def get(actor: Actor, exam_id: str) -> View:
    """Return an exam's settings for exam administrators. Raises Forbidden, NotFound."""
    require(actor, Right.MANAGE_EXAMS)
    return _view(exams.find(actor, exam_id).monitoring)


def put(actor: Actor, exam_id: str, settings: View) -> View:
    """Replace an exam's settings; `{off, weights, severity, forbidden_applications}`."""
    require(actor, Right.MANAGE_EXAMS)
    exam = exams.find(actor, exam_id)
    wanted = {
        "off": _detectors("off", settings["off"]),
        "weights": dict(settings["weights"]),
        "severity": dict(settings["severity"]),
        "forbidden_applications": _applications(settings["forbidden_applications"]),
    }
    before = _view(exam.monitoring)
    if wanted != before:
        change = _change(actor, "exam", before, wanted)
        Exam._get_collection().update_one(
            {"_id": exam_id},
            {"$set": {"monitoring": wanted}, "$push": {"monitoring_changes": change}},
        )
        _spread_exam(exam_id)
        feed.tell(exam.institution_id, "exam.changed", {"id": exam_id})
    return get(actor, exam_id)


def accommodations_of(actor: Actor, exam_id: str) -> list[View]:
    """Return the accommodations of an exam, with their reasons, for exam administrators."""
    require(actor, Right.MANAGE_EXAMS)
    exams.find(actor, exam_id)
    found = list(Accommodation.objects(exam_id=exam_id).order_by("at"))
    names = {u.id: u.name for u in User.objects(id__in=[a.candidate_id for a in found])}
    return [
        {
            "candidate": {"id": a.candidate_id, "name": names.get(a.candidate_id, "")},
            "off": list(a.off),
            "relaxed": dict(a.relaxed),
            "reason": a.reason,
            "by": a.by_name,
            "at": a.at,
        }
        for a in found
        if a.off or a.relaxed or a.reason
    ]


def accommodate(actor: Actor, exam_id: str, candidate_id: str, wanted: View) -> list[View]:
    """Set `{off, relaxed, reason}` for one candidate; nothing off and nothing relaxed removes it.

    The reason stays with exam administrators: neither log nor report nor console shows it.
    """
    require(actor, Right.MANAGE_EXAMS)
    exam = exams.find(actor, exam_id)
    user = User.objects(id=candidate_id, institution_id=actor.institution_id).first()
    if user is None:
        raise NotFound("candidate")
    after: View = {
        "off": _detectors("off", wanted["off"]),
        "relaxed": {name: float(factor) for name, factor in wanted["relaxed"].items()},
    }
    for name, factor in after["relaxed"].items():
        if not 1 < factor <= LARGEST_RELAXATION:
            raise Invalid(
                f"relaxed.{name}", f"A factor is above 1, at most {LARGEST_RELAXATION:g}."
            )
    which = _id(exam_id, candidate_id)
    old = Accommodation._get_collection().find_one({"_id": which})
    before = {"off": old["off"], "relaxed": old["relaxed"]} if old else {"off": [], "relaxed": {}}
    update: View = {
        "$set": {
            **after,
            "institution_id": exam.institution_id,
            "exam_id": exam_id,
            "candidate_id": candidate_id,
            "reason": wanted["reason"] if after["off"] or after["relaxed"] else "",
            "by_name": actor.name,
            "at": utc_now(),
        }
    }
    if before != after:
        update["$push"] = {"changes": _change(actor, "candidate", before, after)}
    Accommodation._get_collection().find_one_and_update(
        {"_id": which}, update, upsert=True, return_document=ReturnDocument.AFTER
    )
    _spread_accommodation(which)
    return accommodations_of(actor, exam_id)


def spread_all() -> int:
    """Log what a crash left unlogged; returns how many settings were touched."""
    count = 0
    for exam in Exam._get_collection().find({"monitoring_changes.id": {"$exists": True}}):
        _spread_exam(exam["_id"])
        count += 1
    for found in Accommodation._get_collection().find({"changes.id": {"$exists": True}}):
        _spread_accommodation(found["_id"])
        count += 1
    return count


def _spread_exam(exam_id: str) -> None:
    exam = Exam._get_collection().find_one({"_id": exam_id}) or {}
    for change in exam.get("monitoring_changes") or []:
        _log(change, {"exam_id": exam_id})
        Exam._get_collection().update_one(
            {"_id": exam_id}, {"$pull": {"monitoring_changes": {"id": change["id"]}}}
        )


def _spread_accommodation(which: str) -> None:
    found = Accommodation._get_collection().find_one({"_id": which}) or {}
    for change in found.get("changes") or []:
        _log(change, {"exam_id": found["exam_id"], "candidate_id": found["candidate_id"]})
        Accommodation._get_collection().update_one(
            {"_id": which}, {"$pull": {"changes": {"id": change["id"]}}}
        )


def _log(change: Document, sessions: Document) -> None:
    """Write a change into the log of every session that has begun; each once."""
    query = {**sessions, "state": {"$nin": _NOT_BEGUN}}
    for session in Session._get_collection().find(query, {"_id": 1}):
        entry_id = hashlib.sha256(f"{change['id']}/{session['_id']}".encode()).hexdigest()[:32]
        data = {name: change[name] for name in ("of", "before", "after")}
        entry = {
            "id": entry_id,
            "kind": "monitoring.changed",
            "at": change["at"],
            "actor": change["actor"],
            "data": data,
        }
        log.append(session["_id"], entry)


def _change(actor: Actor, of: str, before: View, after: View) -> View:
    entry = log.entry("monitoring.changed", actor)
    return {
        "id": new_id(),
        "of": of,
        "before": _sealed(before),
        "after": _sealed(after),
        "at": entry["at"],
        "actor": entry["actor"],
    }


def _sealed(settings: View) -> View:
    if "relaxed" not in settings:
        return settings
    return {**settings, "relaxed": {d: f"{factor:g}" for d, factor in settings["relaxed"].items()}}


def _detectors(field: str, names: list[str]) -> list[str]:
    unknown = [name for name in names if name not in set(Detector)]
    if unknown:
        raise Invalid(field, f"There is no such detector: {unknown[0]}.")
    return sorted(set(names))


def _applications(names: list[str]) -> list[str]:
    kept = list(dict.fromkeys(name.strip() for name in names if name.strip()))
    if len(kept) > MOST_APPLICATIONS:
        raise Invalid("forbidden_applications", f"Name at most {MOST_APPLICATIONS} applications.")
    return kept


def _view(monitoring: Monitoring) -> View:
    return {
        "off": list(monitoring.off),
        "weights": dict(monitoring.weights),
        "severity": dict(monitoring.severity),
        "forbidden_applications": list(monitoring.forbidden_applications),
    }


def _id(exam_id: str, candidate_id: str) -> str:
    return f"{exam_id}/{candidate_id}"
