"""Telling other systems that a recording is finished: once each, when all of it is stored."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from proctorhub.domain.session import MEDIA_ENDED
from proctorhub.records.connection import server_time
from proctorhub.records.exams import Exam
from proctorhub.records.people import User
from proctorhub.records.sessions import Segment, Session
from proctorhub.services import backfill, changing, log, nodes, outbox, report, settling
from proctorhub.services.changing import Document
from proctorhub.services.runtime import current

_AT_ONCE = 100
_NO_SOURCES: list[Any] = [None, {}]


def tell_finished() -> int:
    """Settle sessions that are over and queue `recording.finished` where media is whole.

    Returns how many messages were queued.
    """
    now = server_time()
    ended = {"recordings_told": False, "state": {"$in": [state.value for state in MEDIA_ENDED]}}
    _settle({**ended, "sources": {"$nin": _NO_SOURCES}, "last_gaps_noted": {"$ne": True}}, now)
    due = {**ended, "$or": [{"last_gaps_noted": True}, {"sources": {"$in": _NO_SOURCES}}]}
    # those that wait have their turn again when the others had theirs
    found = Session._get_collection().find(due).sort("recordings_looked_at", 1).limit(_AT_ONCE)
    return sum(_tell(session, now) for session in list(found))


def _settle(unsettled: dict[str, Any], now: datetime) -> None:
    """Note the last gaps of some sessions: within GRACE they can still be filled."""
    sessions = Session._get_collection()
    needed = {"sources": 1, "finished_at": 1}
    # whoever waits for a node is passed over, however many they are
    waiting = list(sessions.find(unsettled, needed).sort("finished_at", 1))
    known = nodes.all_stored() if waiting else []
    settled = [session for session in waiting if settling.is_settled(session, known, now)]
    for session in settled[:_AT_ONCE]:
        settling.note_last_gaps(changing.raw(session["_id"]))


def _tell(session: Document, now: datetime) -> int:
    """Queue the messages of one session, unless its gaps may still be filled."""
    sources = session.get("sources") or {}
    waits = sources and now - session["finished_at"] < backfill.GRACE and _can_be_filled(session)
    if not waits:
        for source in sources:
            message_id = f"recording:{session['_id']}:{source}"
            outbox.queue(message_id, outbox.RECORDING, session["_id"], event(session, source))
    Session._get_collection().update_one(
        {"_id": session["_id"]},
        {"$set": {"recordings_looked_at": now} if waits else {"recordings_told": True}},
    )
    return 0 if waits else len(sources)


def event(session: Document, source: str) -> dict[str, Any]:
    """Return the message that tells another system of one finished recording."""
    exam = Exam.objects(id=session["exam_id"]).first()
    candidate = User.objects(id=session["candidate_id"]).first()
    files = report.recordings(session, source)
    segments = Segment.objects(session_id=session["_id"], source=source).order_by("started_at_ms")
    return {
        "type": outbox.RECORDING,
        "session_id": session["_id"],
        "institution_id": session["institution_id"],
        "exam": {"id": session["exam_id"], "title": exam.title if exam else ""},
        "candidate": {
            "id": session["candidate_id"],
            "login": candidate.login if candidate else "",
        },
        "recording": {
            "source": source,
            "files": [_file(item) for item in files],
            "duration_s": round(sum(item["duration_s"] for item in files), 3),
            "bytes": sum(item["bytes"] for item in files),
            "completeness": files[0]["completeness"] if files else 0.0,
            "gaps": [_gap(gap) for gap in files[0]["gaps"]] if files else [],
            "segments": [
                {
                    "id": s.id,
                    "sha256": s.sha256,
                    "bytes": s.bytes,
                    "started_at": s.started_at_ms,
                    "ended_at": s.ended_at_ms,
                }
                for s in segments
            ],
        },
    }


def _file(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "url": f"{current().settings.web_url}{item['url']}",
        "starts_at": log.millis(item["starts_at"]),
        "ends_at": log.millis(item["ends_at"]),
        "duration_s": item["duration_s"],
        "bytes": item["bytes"],
    }


def _gap(gap: dict[str, Any]) -> dict[str, Any]:
    return {
        "started_at": log.millis(gap["started_at"]),
        "ended_at": log.millis(gap["ended_at"]),
        "cause": gap["cause"],
    }


def _can_be_filled(session: Document) -> bool:
    """Tell whether the candidate's browser may still send what is missing."""
    return not session.get("opened_by") and any(
        item["gaps"] for source in backfill.SOURCES for item in report.recordings(session, source)
    )
