"""What becomes of a check: judged, signed, told, and where the exam's tier says so, let in.

The job runner alone does this, because it holds the key that signs. Each step is one conditional
update and can be repeated: a crash in between is made good by the next run.
"""

from __future__ import annotations

from typing import Any

import structlog

from proctorhub.domain import evidence, identity, identity_record, liveness
from proctorhub.domain.session import Action, Side, State, after
from proctorhub.records import files
from proctorhub.records.base import utc_now
from proctorhub.records.exams import Exam
from proctorhub.records.people import Institution, User
from proctorhub.records.sessions import Session
from proctorhub.services import changing, identity_queue, identity_view, keys, log
from proctorhub.services.runtime import current

_log = structlog.get_logger(__name__)


def settle_due() -> int:
    """Judge what workers measured, and what nobody measured in time; returns how many."""
    count = 0
    waiting = {"identity_check.state": identity.State.PENDING.value}
    for session in list(Session._get_collection().find(waiting)):
        check = session["identity_check"]
        if check.get("measured") or check["answer_by"] <= utc_now():
            count += _settle(session)
    return count


def admit_due() -> int:
    """Admit the recognised candidates whose exam needs no person for it; returns how many."""
    waiting = {
        "identity_check.state": identity.State.VERIFIED.value,
        "identity_check.admits": True,
        "state": State.WAITING.value,
    }
    return sum(_admit(session) for session in list(Session._get_collection().find(waiting)))


def remove_bursts() -> int:
    """Remove the pictures of moves that a crash left behind; returns how many."""
    over = {
        "identity_check.burst": {"$exists": True},
        "identity_check.state": {"$ne": identity.State.PENDING.value},
    }
    left = list(Session._get_collection().find(over, {"identity_check": 1}))
    for session in left:
        _remove_burst(session["_id"], session["identity_check"])
    return len(left)


def _remove_burst(session_id: str, check: changing.Document) -> None:
    files.delete(check["burst"])
    Session._get_collection().update_one(
        {"_id": session_id, "identity_check.id": check["id"]},
        {"$unset": {"identity_check.burst": ""}},
    )


def _settle(session: changing.Document) -> bool:
    check, now = session["identity_check"], utc_now()
    measured = identity_queue.measured_of(check["measured"]) if check.get("measured") else None
    if measured is None:
        verdict = identity.Verdict(identity.State.NEEDS_HUMAN_REVIEW, (identity.Reason.NO_ANSWER,))
    else:
        verdict = identity.judge(
            measured, today=now.date(), doubted=bool(check["quality"].get("doubted"))
        )
    record = identity_record.sign(
        keys.evidence_key(current().settings), _payload(session, verdict, measured, now)
    )
    ended = {
        **check,
        "state": verdict.state.value,
        "reasons": [reason.value for reason in verdict.reasons],
    }
    digest = evidence.sha256(record["payload"])
    written = changing.write(
        session["_id"],
        log.entry(
            "identity.checked", None, {**identity_view.told(ended), "record_sha256": digest}, at=now
        ),
        log.entry("identity.recorded", None, {"check_id": check["id"], "record": record}, at=now),
        require={
            "identity_check.id": check["id"],
            "identity_check.state": identity.State.PENDING.value,
        },
        values={
            "identity_check.state": ended["state"],
            "identity_check.reasons": ended["reasons"],
            "identity_check.record": record,
            "identity_check.measured": {},
            "identity_check.decided_at": now,
        },
    )
    if written is None:
        return False
    _log.info("identity_checked", session_id=session["_id"], outcome=ended["state"])
    _remove_burst(session["_id"], check)
    return True


def _admit(session: changing.Document) -> bool:
    check, now = session["identity_check"], utc_now()
    becomes = after(State.WAITING, Action.ADMIT, Side.PLATFORM, verified=True)
    told = {
        "from": State.WAITING.value,
        "by": "software",
        "check_id": check["id"],
        "document_still": check["document_still"],
        "face_still": check["selfie_still"],
    }
    written = changing.write(
        session["_id"],
        log.entry(f"state.{becomes.value}", None, told, at=now),
        require={
            "state": State.WAITING.value,
            "identity_check.id": check["id"],
            "identity_check.state": identity.State.VERIFIED.value,
            "identity_check.admits": True,
        },
        values={
            "state": becomes.value,
            "identity": {
                "status": "approved",
                "reason": "",
                "document_still": check["document_still"],
                "face_still": check["selfie_still"],
                "at": now,
                "software": identity.State.VERIFIED.value,
                "check_id": check["id"],
            },
        },
    )
    return written is not None


def _payload(
    session: changing.Document,
    verdict: identity.Verdict,
    measured: identity.Measured | None,
    now: Any,
) -> dict[str, Any]:
    check = session["identity_check"]
    institution = Institution.objects(id=session["institution_id"]).first()
    exam = Exam.objects(id=session["exam_id"]).first()
    user = User.objects(id=session["candidate_id"]).first()
    hashes = {still["id"]: still["sha256"] for still in session.get("stills", [])}
    steps = liveness.challenge(check["nonce"])
    return {
        "type": "identity",
        "rules": identity.VERSION,
        "institution": _who(institution, session["institution_id"]),
        "exam": {"id": session["exam_id"], "title": exam.title if exam else ""},
        "candidate": _who(user, session["candidate_id"]),
        "session_id": session["_id"],
        "check_id": check["id"],
        "submitted_at_ms": log.millis(check["at"]),
        "decided_at_ms": log.millis(now),
        "document": {
            "still_id": check["document_still"],
            "sha256": hashes[check["document_still"]],
        },
        "selfie": {"still_id": check["selfie_still"], "sha256": hashes[check["selfie_still"]]},
        "moves": [step.move.value for step in steps],
        "doubted": bool(check["quality"].get("doubted")),
        "outcome": verdict.state.value,
        "reasons": [reason.value for reason in verdict.reasons],
        "faces": _faces(measured) if measured else {},
        "limits": identity_record.plain(
            {
                "least_document_face_px": identity.LEAST_DOCUMENT_FACE_PX,
                "least_selfie_face_px": identity.LEAST_SELFIE_FACE_PX,
                "second_face": identity.SECOND_FACE,
                "least_legibility": identity.LEAST_LEGIBILITY,
                "most_glare": identity.MOST_GLARE,
            }
        ),
        "measured": identity_record.plain(check["measured"]) if measured else None,
    }


def _faces(measured: identity.Measured) -> dict[str, str]:
    return {
        name: identity.match(measured, identity.Against(name)).value for name in measured.compared
    }


def _who(found: Any, known_id: str) -> dict[str, str]:
    return {"id": known_id, "name": found.name if found else ""}
