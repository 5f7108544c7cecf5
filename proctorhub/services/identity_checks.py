"""The candidate shows who they are to software: a challenge, the pictures, and what came of it.

One check is in the session's own document, so that each step of it is one conditional update. Jobs
judge what workers measured (`identity_judging`); workers take checks from `identity_queue`.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from proctorhub.domain import identity, jpeg, liveness
from proctorhub.domain.permissions import Actor, Standing
from proctorhub.domain.session import CHECKABLE, Tier, admits_alone
from proctorhub.records import files
from proctorhub.records.base import new_id, utc_now
from proctorhub.records.exams import Exam
from proctorhub.services import access, changing, identity_view, log, reading, watchers
from proctorhub.services.errors import Conflict, Invalid, TooLarge

View = dict[str, Any]

MOST_ATTEMPTS = 5
MOST_CHALLENGES = 30
FRAMES_PER_SECOND = 12
#: How long after the moves their pictures may arrive: they are several megabytes on a poor line.
UPLOAD = timedelta(minutes=2)
#: Without an answer by then a check is for a person.
ANSWER_WITHIN = timedelta(seconds=90)

PICTURE_LIMIT = 2 * 1024 * 1024
BURST_LIMIT = 12 * 1024 * 1024
FRAME_LIMIT = 256 * 1024
FEWEST_FRAMES, MOST_FRAMES = 20, 400
LARGEST_PICTURE, LARGEST_FRAME = 4096, 1920

_OPEN = [state.value for state in CHECKABLE]
_NOT_PENDING = {"$nin": [identity.State.PENDING.value, identity.State.VERIFIED.value]}


@dataclass(frozen=True)
class Submission:
    """What the candidate's page hands in: two JPEGs, and those of the moves one after the other.

    `frames` are (length in bytes, ms from the start of the burst); `quality` is what the page
    found of its pictures, and `doubted` that the candidate sent one which the page advised against.
    """

    nonce: str
    document: bytes
    selfie: bytes
    burst: bytes
    frames: Sequence[tuple[int, int]]
    quality: View
    doubted: bool


def challenge(actor: Actor, session_id: str) -> View:
    """Choose moves for the candidate; the newest challenge alone counts, and once.

    Raises Conflict `identity_by_people`, `state_not_allowed`, `check_pending`, `already_verified`,
    `no_attempts_left`.
    """
    session = access.as_candidate(actor, session_id)
    _exam(session)
    nonce, now = secrets.token_urlsafe(24), utc_now()
    steps = liveness.challenge(nonce)
    seconds = liveness.length_ms(steps) / 1000
    expires_at = now + timedelta(seconds=seconds) + UPLOAD
    told = {"moves": [step.move.value for step in steps], "expires_at": log.millis(expires_at)}
    written = changing.write(
        session_id,
        log.entry("identity.challenged", actor, told, side="candidate", at=now),
        require={
            "state": {"$in": _OPEN},
            "identity_check.state": _NOT_PENDING,
            "identity_attempts": {"$not": {"$gte": MOST_ATTEMPTS}},
            "challenges": {"$not": {"$gte": MOST_CHALLENGES}},
        },
        values={"challenge": {"nonce": nonce, "at": now, "expires_at": expires_at}},
        more={"$inc": {"challenges": 1}},
    )
    if written is None:
        raise _refusal(changing.raw(session_id))
    return {
        "nonce": nonce,
        "moves": [step.move.value for step in steps],
        "steps": [
            {"move": step.move.value, "from_ms": step.from_ms, "to_ms": step.to_ms}
            for step in steps
        ],
        "seconds": seconds,
        "expires_at": expires_at,
        "frames_per_second": FRAMES_PER_SECOND,
        "attempts_left": attempts_left(written),
    }


def submit(actor: Actor, session_id: str, given: Submission) -> View:
    """Hand in the pictures; returns `{id, state}`. Where no worker lives a person is asked at once.

    Raises Invalid and TooLarge naming the part, Conflict as `challenge` does and
    `challenge_unknown`, `challenge_expired`. A refusal costs no attempt.
    """
    session = access.as_candidate(actor, session_id)
    exam = _exam(session)
    _check_pictures(given)
    asked = _answered(session, given.nonce)
    now = utc_now()
    stills = [_still("document", given.document), _still("face", given.selfie)]
    document, selfie = stills
    check: changing.Document = {
        "id": new_id(),
        "state": identity.State.PENDING.value,
        "at": now,
        "answer_by": now + ANSWER_WITHIN,
        "admits": admits_alone(Tier(exam.tier), software=exam.identity.software),
        "enrolment": exam.identity.enrolment,
        "nonce": given.nonce,
        "elapsed_ms": log.millis(now) - log.millis(asked["at"]),
        "document_still": document["id"],
        "selfie_still": selfie["id"],
        "quality": {"doubted": given.doubted, "page": given.quality},
        "claims": 0,
    }
    told = {
        "check_id": check["id"],
        "document": {"still_id": document["id"], "sha256": document["sha256"]},
        "selfie": {"still_id": selfie["id"], "sha256": selfie["sha256"]},
        "burst": {"sha256": hashlib.sha256(given.burst).hexdigest(), "frames": len(given.frames)},
    }
    entries = [log.entry("identity.submitted", actor, told, side="candidate", at=now)]
    kept = {
        document["id"]: (given.document, "image/jpeg"),
        selfie["id"]: (given.selfie, "image/jpeg"),
    }
    if watchers.anybody():
        check["burst"] = new_id()
        packed = identity_view.packed(given.frames, given.burst)
        kept[check["burst"]] = (packed, "application/octet-stream")
    else:
        check["state"] = identity.State.NEEDS_HUMAN_REVIEW.value
        check["reasons"] = [identity.Reason.NOBODY_LOOKS.value]
        check["decided_at"] = now
        entries.append(log.entry("identity.checked", None, identity_view.told(check), at=now))
    for file_id, (data, content_type) in kept.items():
        files.save(file_id, data, content_type=content_type, owner=session_id)
    written = changing.write(
        session_id,
        *entries,
        require={
            "state": {"$in": _OPEN},
            "challenge.nonce": given.nonce,
            "identity_check.state": _NOT_PENDING,
        },
        values={"identity_check": check, "challenge": None},
        more={"$inc": {"identity_attempts": 1}, "$push": {"stills": {"$each": stills}}},
    )
    if written is None:
        for file_id in kept:
            files.delete(file_id)
        now_is = changing.raw(session_id)
        _answered(now_is, given.nonce)
        raise _refusal(now_is)
    return {"id": check["id"], "state": check["state"]}


def _still(purpose: str, data: bytes) -> changing.Document:
    return {
        "id": new_id(),
        "source": "camera",
        "purpose": purpose,
        "sha256": hashlib.sha256(data).hexdigest(),
        "content_type": "image/jpeg",
        "at": utc_now(),
        "by_candidate": True,
    }


def newest(actor: Actor, session_id: str) -> View:
    """Return the newest check: the outcome for the candidate, everything for staff."""
    session, stands = access.opened(actor, session_id)
    check = session.get("identity_check")
    left = attempts_left(session)
    if not check:
        return identity_view.nothing(left)
    staff = stands is not Standing.CANDIDATE
    if staff:
        reading.note(actor, session_id, f"identity:{check['id']}")
    return identity_view.of(session, left, staff=staff)


def attempts_left(session: changing.Document) -> int:
    """Return how often the candidate may still try."""
    return max(0, MOST_ATTEMPTS - int(session.get("identity_attempts") or 0))


def _exam(session: changing.Document) -> Exam:
    exam: Exam = Exam.objects.get(id=session["exam_id"])
    if not exam.identity.software or exam.tier == Tier.NONE:
        raise Conflict("In this exam a person checks who you are.", code="identity_by_people")
    return exam


def _answered(session: changing.Document, nonce: str) -> changing.Document:
    """Return the challenge that a nonce answers. Raises Conflict."""
    asked: changing.Document = session.get("challenge") or {}
    if asked.get("nonce") != nonce:
        raise Conflict(
            "These moves are not the ones that were asked for last. Make them again.",
            code="challenge_unknown",
        )
    if asked["expires_at"] < utc_now():
        raise Conflict("This took too long. Make the moves again.", code="challenge_expired")
    return asked


def _refusal(session: changing.Document) -> Conflict:
    state = (session.get("identity_check") or {}).get("state")
    if session["state"] not in _OPEN:
        return changing.state_conflict(session["state"])
    if state == identity.State.PENDING:
        return Conflict("Your pictures are being looked at.", code="check_pending")
    if state == identity.State.VERIFIED:
        return Conflict("You have been recognised already.", code="already_verified")
    return Conflict(
        "You have used all your tries; your proctor goes on from here.", code="no_attempts_left"
    )


def _check_pictures(given: Submission) -> None:
    for field, data in (("document", given.document), ("selfie", given.selfie)):
        if len(data) > PICTURE_LIMIT:
            raise TooLarge(field, PICTURE_LIMIT)
        _require_jpeg(field, data, LARGEST_PICTURE)
    if len(given.burst) > BURST_LIMIT:
        raise TooLarge("burst", BURST_LIMIT)
    if sum(length for length, _ in given.frames) != len(given.burst):
        raise Invalid("burst", "The pictures' lengths do not add up to what was sent.")
    at = 0
    for number, (length, _) in enumerate(given.frames):
        if length > FRAME_LIMIT:
            raise TooLarge(f"index.burst.{number}.length", FRAME_LIMIT)
        _require_jpeg(f"index.burst.{number}", given.burst[at : at + length], LARGEST_FRAME)
        at += length


def _require_jpeg(field: str, data: bytes, largest: int) -> None:
    found = jpeg.size(data)
    if found is None:
        raise Invalid(field, "This is not a whole JPEG picture.")
    if max(found) > largest:
        raise Invalid(field, "This picture has too many pixels.")
