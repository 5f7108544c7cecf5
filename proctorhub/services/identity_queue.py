"""Checks that wait for a worker: taken by one conditional update, and again when it died."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from pymongo import ReturnDocument

from proctorhub.domain import identity
from proctorhub.records import files
from proctorhub.records.base import utc_now
from proctorhub.records.people import User
from proctorhub.records.sessions import Session
from proctorhub.services import identity_view
from proctorhub.services.changing import Document

#: A worker that has not answered by then is taken for dead. One check takes a few seconds.
CLAIM = timedelta(seconds=25)
#: Whatever breaks so many workers must not break every one in turn.
MOST_CLAIMS = 3

_PENDING = {
    "identity_check.state": identity.State.PENDING.value,
    "identity_check.measured": {"$in": [None, {}]},
}


@dataclass(frozen=True)
class Request:
    """What a worker measures: JPEGs, the moves' pictures with their times (ms), and for whom.

    `enrolment` is the face that the same user was last approved with, where the exam allows it,
    `waited_s` how long the check has been there.
    """

    session_id: str
    check_id: str
    waited_s: float
    name: str
    nonce: str
    elapsed_ms: int
    document: bytes
    selfie: bytes
    burst: list[tuple[int, bytes]]
    enrolment: bytes | None


def claim(worker_id: str) -> Request | None:
    """Take the check that waits longest; None when there is none."""
    now = utc_now()
    taken: Document | None = Session._get_collection().find_one_and_update(
        {
            **_PENDING,
            "identity_check.claims": {"$lt": MOST_CLAIMS},
            "$or": [
                {"identity_check.claimed_until": None},
                {"identity_check.claimed_until": {"$lt": now}},
            ],
        },
        {
            "$set": {
                "identity_check.claimed_by": worker_id,
                "identity_check.claimed_until": now + CLAIM,
            },
            "$inc": {"identity_check.claims": 1},
        },
        sort=[("identity_check.at", 1)],
        return_document=ReturnDocument.AFTER,
    )
    return _request(taken, now) if taken else None


def answer(worker_id: str, request: Request, measured: identity.Measured) -> bool:
    """Keep what was measured; False when the check is no longer this worker's."""
    kept = Session._get_collection().update_one(
        {
            "_id": request.session_id,
            **_PENDING,
            "identity_check.id": request.check_id,
            "identity_check.claimed_by": worker_id,
        },
        {"$set": {"identity_check.measured": asdict(measured)}},
    )
    return bool(kept.modified_count)


def measured_of(plain: Mapping[str, Any]) -> identity.Measured:
    """Return what `answer` kept."""
    limits, zone = plain.get("thresholds"), plain.get("zone")
    return identity.Measured(
        **{
            **plain,
            "thresholds": identity.Thresholds(**limits) if limits else None,
            "zone": identity.Zone(**zone) if zone else None,
        }
    )


def enrolment(session: Document) -> str | None:
    """Return the still of the face that the same user was last approved with elsewhere."""
    before = Session._get_collection().find_one(
        {
            "institution_id": session["institution_id"],
            "candidate_id": session["candidate_id"],
            "_id": {"$ne": session["_id"]},
            "identity.status": "approved",
            "identity.face_still": {"$ne": None},
        },
        {"identity": 1},
        sort=[("identity.at", -1)],
    )
    return str(before["identity"]["face_still"]) if before else None


def _request(session: Document, now: datetime) -> Request:
    check = session["identity_check"]
    user = User.objects(id=session["candidate_id"]).first()
    earlier = enrolment(session) if check.get("enrolment") else None
    return Request(
        session_id=session["_id"],
        check_id=check["id"],
        waited_s=(now - check["at"]).total_seconds(),
        name=user.name if user else "",
        nonce=check["nonce"],
        elapsed_ms=check["elapsed_ms"],
        document=_file(check["document_still"]),
        selfie=_file(check["selfie_still"]),
        burst=identity_view.unpacked(_file(check["burst"])),
        enrolment=_file(earlier) if earlier else None,
    )


def _file(file_id: str) -> bytes:
    found = files.read(file_id)
    return found[0] if found else b""
