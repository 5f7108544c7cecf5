"""Incidents as people meet them: kept, shown with their reasons, and decided by a person."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from proctorhub.domain import explanation, suspicion
from proctorhub.domain.incident_terms import Detector, Severity
from proctorhub.domain.incidents import Change, Kind
from proctorhub.domain.permissions import Actor, Right, Standing
from proctorhub.domain.session import State
from proctorhub.records import files
from proctorhub.records.base import utc_now
from proctorhub.records.incidents import Incident
from proctorhub.services import access, changing, log, monitoring_settings, reading, recording
from proctorhub.services.errors import Conflict, Forbidden, Invalid, NotFound

View = dict[str, Any]
LONGEST_COMMENT = 2000
DECISIONS = ("confirmed", "dismissed")
#: Pictures kept of one incident.
MOST_STILLS = 4


def incident_id(session_id: str, detector: Detector, started_at: int) -> str:
    """Return the id that an incident has wherever and however often it is found."""
    return _digest(f"{session_id}/{detector.value}/{started_at}")


def record(
    session_id: str, changes: Iterable[Change], pictures: Mapping[str, bytes] | None = None
) -> None:
    """Keep what the rules found, each change with its log entry; repeating it changes nothing.

    `pictures` maps the SHA-256 of frames to their JPEG: those of flagged looks become stills.
    """
    for change in changes:
        _kept(session_id, change, pictures or {})


def list_for(actor: Actor, session_id: str) -> View:
    """Return the incidents of a session: staff see them at any time, the candidate afterwards.

    Raises NotFound.
    """
    session, stands = access.opened(actor, session_id)
    if stands is Standing.CANDIDATE and session["state"] != State.CONCLUDED:
        raise NotFound("report")
    return overview(actor, session, stands)


def overview(actor: Actor, session: changing.Document, stands: Standing) -> View:
    """Return `{items, suspicion, may_decide}`: in order, and for staff the score with its parts."""
    found = list(_of(session["_id"]))
    items = [_view(document) for document in found]
    if stands is Standing.CANDIDATE:
        for item in items:
            item["decision"] = item["decision"] and {**item["decision"], "by": None}
        return {"items": items, "suspicion": None, "may_decide": False}
    weights = monitoring_settings.weights(session["exam_id"])
    counted = [
        (Detector(d["detector"]), Severity(d["severity"]), (d.get("decision") or {}).get("value"))
        for d in found
    ]
    return {
        "items": items,
        "suspicion": suspicion.score(counted, weights),
        "may_decide": _may_decide(actor, stands) and session["state"] != State.CONCLUDED,
    }


def kept(session_id: str) -> dict[tuple[str, int], View]:
    """Return what was found, by detector and start, for those who find it again."""
    return {
        (document["detector"], document["started_at_ms"]): {
            "severity": document["severity"],
            "ended_at_ms": document.get("ended_at_ms"),
            "explanation": document["explanation"],
        }
        for document in _of(session_id)
    }


def summaries(session_ids: list[str]) -> dict[str, list[View]]:
    """Return session → its undecided incidents without reasons, for a proctor's grid."""
    query = {"session_id": {"$in": session_ids}, "decision": None}
    found: dict[str, list[View]] = {}
    for document in Incident._get_collection().find(query).sort("started_at_ms", 1):
        view = _view(document)
        brief = {
            name: view[name] for name in ("id", "detector", "severity", "started_at", "ended_at")
        }
        found.setdefault(document["session_id"], []).append(brief)
    return found


def decide(
    actor: Actor, session_id: str, which: str, decision: str, comment: str, was: str | None = None
) -> View:
    """Confirm or dismiss an incident; `was` is the decision that the person saw, if any.

    The session's proctor and reviewers may, until the conclusion. Raises Conflict `decided` when
    somebody was faster.
    """
    session, stands = access.opened(actor, session_id)
    if stands is Standing.CANDIDATE:
        raise NotFound("incident")
    if not _may_decide(actor, stands):
        raise Forbidden("Another proctor looks after this session.", code="not_your_session")
    if decision not in DECISIONS:
        raise Invalid("decision", f"Choose from: {', '.join(DECISIONS)}.")
    comment = comment.strip()
    if len(comment) > LONGEST_COMMENT:
        raise Invalid("comment", f"Write at most {LONGEST_COMMENT} characters.")
    if session["state"] == State.CONCLUDED:
        raise changing.state_conflict(session["state"])
    now = utc_now()
    entry = log.entry(
        "incident.decided",
        actor,
        {"incident_id": which, "decision": decision, "comment": comment},
        at=now,
    )
    kept = {
        "value": decision,
        "comment": comment,
        "by": actor.user_id,
        "by_name": actor.name,
        "at": now,
    }
    changed = Incident._get_collection().find_one_and_update(
        {"_id": which, "session_id": session_id, **_decided(was)},
        {"$set": {"decision": kept}, "$push": {"pending": entry}},
        return_document=ReturnDocument.AFTER,
    )
    if changed is None:
        if _one(session_id, which):
            raise Conflict("Somebody else has decided this already.", code="decided")
        raise NotFound("incident")
    log.drain_from(Incident, which, session_id)
    return _view(changed)


def still(actor: Actor, session_id: str, which: str, still_id: str) -> tuple[bytes, str]:
    """Return (bytes, content type) of a flagged picture. Raises NotFound."""
    session, stands = access.opened(actor, session_id)
    own = stands is Standing.CANDIDATE
    document = _one(session_id, which)
    known = document and still_id in {s["id"] for s in document.get("stills", [])}
    if not known or (own and session["state"] != State.CONCLUDED):
        raise NotFound("still")
    found = files.read(still_id)
    if found is None:
        raise NotFound("still")
    side = "candidate" if own else "staff"
    reading.note(actor, session_id, f"incident:{which}", side=side)
    return found


def _may_decide(actor: Actor, stands: Standing) -> bool:
    return stands is Standing.PROCTOR or actor.may(Right.REVIEW)


def _kept(session_id: str, change: Change, pictures: Mapping[str, bytes]) -> None:
    which = incident_id(session_id, change.detector, change.started_at)
    incidents = Incident._get_collection()
    entry = log.entry(
        f"incident.{change.kind.value}",
        None,
        _told(which, change),
        entry_id=_digest(f"{which}/{change.kind.value}/{change.severity.value}"),
    )
    news: View = {"severity": change.severity.value, "explanation": dict(change.explanation)}
    if change.kind is Kind.OPENED:
        document = {
            "_id": which,
            "session_id": session_id,
            "detector": change.detector.value,
            "source": change.source.value,
            "started_at_ms": change.started_at,
            "flagged_at_ms": change.at,
            "opened_at": utc_now(),
            "stills": _stills(session_id, change, pictures),
            "pending": [entry],
            **news,
        }
        try:
            incidents.insert_one(document)
        except DuplicateKeyError:
            # recorded before; its entry may still wait, and its pictures may not be there yet
            incidents.update_one(
                {"_id": which, "stills": []}, {"$set": {"stills": document["stills"]}}
            )
    else:
        if change.ended_at is not None:
            news["ended_at_ms"] = change.ended_at
        incidents.update_one(
            {"_id": which, "ended_at_ms": None},
            {"$set": news, "$push": {"pending": entry}},
        )
    log.drain_from(Incident, which, session_id)


def _told(which: str, change: Change) -> View:
    told = {
        "incident_id": which,
        "detector": change.detector.value,
        "source": change.source.value,
        "severity": change.severity.value,
        "started_at": change.started_at,
        "rules": change.explanation["rules"],
        "explanation": explanation.sealed(change.explanation),
    }
    return told if change.ended_at is None else {**told, "ended_at": change.ended_at}


def _stills(session_id: str, change: Change, pictures: Mapping[str, bytes]) -> list[View]:
    kept: list[View] = []
    for sha256 in dict.fromkeys(look["frame_sha256"] for look in change.explanation["looks"]):
        if sha256 not in pictures or len(kept) == MOST_STILLS:
            continue
        still_id = _digest(f"{session_id}/{sha256}")
        if files.read(still_id) is None:
            files.save(still_id, pictures[sha256], content_type="image/jpeg", owner=session_id)
        kept.append({"id": still_id, "frame_sha256": sha256})
    return kept


def _of(session_id: str) -> Iterable[changing.Document]:
    query = {"session_id": session_id}
    found: Iterable[changing.Document] = Incident._get_collection().find(query)
    return sorted(found, key=lambda document: (document["started_at_ms"], document["detector"]))


def _one(session_id: str, which: str) -> changing.Document | None:
    found: changing.Document | None = Incident._get_collection().find_one(
        {"_id": which, "session_id": session_id}
    )
    return found


def _decided(was: str | None) -> View:
    return {"decision": None} if was is None else {"decision.value": was}


def _view(document: changing.Document) -> View:
    ended = document.get("ended_at_ms")
    decision = document.get("decision")
    base = f"/api/v1/sessions/{document['session_id']}/incidents/{document['_id']}/stills"
    return {
        "id": document["_id"],
        "detector": document["detector"],
        "source": document["source"],
        "severity": document["severity"],
        "started_at": recording.moment(document["started_at_ms"]),
        "ended_at": recording.moment(ended) if ended is not None else None,
        "flagged_at": recording.moment(document["flagged_at_ms"]),
        "explanation": document["explanation"],
        "stills": [
            {"id": s["id"], "frame_sha256": s["frame_sha256"], "url": f"{base}/{s['id']}"}
            for s in document.get("stills", [])
        ],
        "decision": decision
        and {
            "value": decision["value"],
            "comment": decision.get("comment", ""),
            "by": decision["by_name"],
            "at": decision["at"],
        },
    }


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]
