"""What must leave the house: kept, sent, tried again with back-off, under one id for ever."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog

from proctorhub.domain.session import State
from proctorhub.plugins import DeliveryFailed
from proctorhub.records.base import utc_now
from proctorhub.records.exams import Exam
from proctorhub.records.outbox import OutboxMessage
from proctorhub.records.people import User
from proctorhub.records.sessions import Session
from proctorhub.services import log
from proctorhub.services.runtime import current

#: How long one attempt may take before another worker may try, seconds.
LEASE = timedelta(seconds=60)
FIRST_RETRY = timedelta(seconds=5)
LONGEST_RETRY = timedelta(hours=1)
MOST_ATTEMPTS = 100
VERDICT = "session.concluded"
RECORDING = "recording.finished"
#: How the log tells that a message has arrived.
_DELIVERED = {VERDICT: "verdict.delivered", RECORDING: "recording.delivered"}

_log = structlog.get_logger()


def queue_verdict(session_id: str) -> None:
    """Leave the session's verdict for every connector that is set up; can be repeated."""
    session = Session.objects.get(id=session_id)
    queue(f"verdict:{session_id}", VERDICT, session_id, verdict(session))
    Session.objects(id=session_id).update_one(set__verdict_queued=True)


def queue(message_id: str, kind: str, session_id: str, payload: dict[str, Any]) -> None:
    """Leave a message for every connector that is set up; can be repeated under the same id."""
    for name in current().connectors:
        OutboxMessage._get_collection().update_one(
            {"_id": f"{message_id}:{name}"},
            {
                "$setOnInsert": {
                    "connector": name,
                    "kind": kind,
                    "session_id": session_id,
                    "payload": payload,
                    "state": "due",
                    "attempts": 0,
                    "next_at": utc_now(),
                    "created_at": utc_now(),
                }
            },
            upsert=True,
        )


def queue_missed() -> int:
    """Queue verdicts whose signing a crash cut off from the outbox; returns how many."""
    missed = Session.objects(state=State.CONCLUDED.value, verdict_queued__ne=True).scalar("id")
    ids = list(missed)
    for session_id in ids:
        queue_verdict(session_id)
    return len(ids)


def verdict(session: Session) -> dict[str, Any]:
    """Return the message that tells another system of a conclusion."""
    exam = Exam.objects(id=session.exam_id).first()
    candidate = User.objects(id=session.candidate_id).first()
    return {
        "type": VERDICT,
        "session_id": session.id,
        "institution_id": session.institution_id,
        "exam": {"id": session.exam_id, "title": exam.title if exam else ""},
        "candidate": {
            "id": session.candidate_id,
            "login": candidate.login if candidate else "",
        },
        "verdict": session.conclusion.verdict,
        "comment": session.conclusion.comment,
        "signed_by": session.conclusion.by_name,
        "signed_at": log.millis(session.conclusion.at),
        "started_at": log.millis(session.started_at) if session.started_at else None,
        "finished_at": log.millis(session.finished_at) if session.finished_at else None,
    }


def deliver_due() -> int:
    """Send what is due; returns how many messages were delivered."""
    delivered = 0
    while True:
        message = _lease()
        if message is None:
            return delivered
        delivered += _deliver(message)


def retry_after(attempts: int) -> timedelta:
    """Return how long to wait after the n-th failed attempt: doubling, up to an hour."""
    doublings = min(attempts - 1, 20)
    return min(FIRST_RETRY * (1 << doublings), LONGEST_RETRY)


def _lease() -> Mapping[str, Any] | None:
    now = utc_now()
    message: Mapping[str, Any] | None = OutboxMessage._get_collection().find_one_and_update(
        {"state": "due", "next_at": {"$lte": now}},
        {"$set": {"next_at": now + LEASE}, "$inc": {"attempts": 1}},
        sort=[("next_at", 1)],
    )
    return message


def _deliver(message: Mapping[str, Any]) -> bool:
    attempts = message["attempts"] + 1
    connector = current().connectors.get(message["connector"])
    values: dict[str, Any]
    try:
        if connector is None:
            raise DeliveryFailed(f"the connector {message['connector']!r} is not set up")
        send = connector.send_verdict if message["kind"] == VERDICT else connector.send_event
        send(message["_id"], message["payload"])
        values = {"state": "delivered", "delivered_at": utc_now(), "last_error": None}
    except DeliveryFailed as error:
        gave_up = error.permanent or attempts >= MOST_ATTEMPTS
        values = {
            "state": "failed" if gave_up else "due",
            "next_at": utc_now() + retry_after(attempts),
            "last_error": str(error)[:1000],
        }
        _log.warning(
            "outbox.not_delivered",
            session_id=message["session_id"],
            connector=message["connector"],
            attempts=attempts,
            gave_up=gave_up,
            error=str(error),
        )
    OutboxMessage._get_collection().update_one({"_id": message["_id"]}, {"$set": values})
    done = bool(values["state"] == "delivered")
    if done:
        told = {"connector": message["connector"], "message_id": message["_id"]}
        entry_id = f"delivered:{message['_id']}"
        kind = _DELIVERED[message["kind"]]
        log.append(message["session_id"], log.entry(kind, None, told, entry_id=entry_id))
    return done
