"""Telling what is wrong with recordings: raised once, in the session's log, and over once.

A media node says with every beat what is wrong there; of a node that says nothing any more, the
job `check` says it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from proctorhub.domain.alarms import Alarm, Part, Reason, of_sources
from proctorhub.domain.session import MEDIA_OPEN, State
from proctorhub.domain.ticket import Source
from proctorhub.records.base import utc_now
from proctorhub.records.connection import server_time
from proctorhub.records.exams import Exam
from proctorhub.records.nodes import MediaNode
from proctorhub.records.sessions import Session
from proctorhub.services import changing, log, nodes
from proctorhub.services.recording import moment

View = dict[str, Any]

_OPEN = [state.value for state in MEDIA_OPEN]


def told(node_id: str, alarms: Iterable[Alarm]) -> None:
    """Take over what is wrong at a node now; what is not among it any more is over."""
    now = {alarm.key: alarm for alarm in alarms}
    for session in Session._get_collection().find({"alarms.node": node_id}, {"alarms": 1}):
        for stored in session["alarms"]:
            if stored["node"] == node_id and now.pop(_key(session["_id"], stored), None) is None:
                _end(session["_id"], stored)
    for alarm in now.values():
        _raise(node_id, alarm)


def check() -> int:
    """Say what is wrong at nodes that have fallen silent; returns how many sources that concerns.

    A source is concerned until it is sent elsewhere, is closed, or the node speaks again.
    """
    now = server_time()
    dead = [n for n in MediaNode._get_collection().find({"left": False}) if _is_silent(n, now)]
    count = 0
    for node in dead:
        alarms = list(_of_silent(node))
        told(node["_id"], alarms)
        count += len(alarms)
    return count


def of(session: changing.Document, exam: Exam | None) -> list[View]:
    """Return what is wrong with a session's recording now: `{part, source, track, reason, since}`.

    Empty for a session that is over, but for what storage has not taken yet.
    """
    stored = [
        {name: alarm[name] for name in ("part", "source", "track", "reason", "since")}
        for alarm in session.get("alarms") or []
    ]
    if session["state"] not in _OPEN:
        return stored
    return [*of_sources(session.get("sources") or {}, required(session, exam)), *stored]


def required(session: changing.Document, exam: Exam | None) -> frozenset[str]:
    """Return the sources that have to send as long as the session goes on.

    An outside test engine decides for itself when it sends.
    """
    if exam is None or session.get("opened_by") or session["state"] == State.PLANNED:
        return frozenset()
    screen = {Source.SCREEN.value} if exam.rules.require_screen else set()
    return frozenset({Source.CAMERA.value} | screen)


def _is_silent(node: changing.Document, now: datetime) -> bool:
    return node.get("beat_at") is not None and not nodes.is_alive(node, now)


def _of_silent(node: changing.Document) -> Iterable[Alarm]:
    query = {
        "state": {"$in": _OPEN},
        "$or": [{"media_node": node["_id"]}, {"alarms.node": node["_id"]}],
    }
    for session in Session._get_collection().find(query):
        known = {
            (alarm["source"], alarm["chain"])
            for alarm in session.get("alarms") or []
            if alarm["node"] == node["_id"] and alarm["part"] == Part.NODE
        }
        for name, status in (session.get("sources") or {}).items():
            here = session.get("media_node") == node["_id"] or (name, status["chain"]) in known
            if here and status["state"] != "closed":
                yield Alarm(
                    session["_id"],
                    name,
                    Part.NODE,
                    Reason.SILENT,
                    log.millis(node["beat_at"]),
                    chain=status["chain"],
                )


def _key(session_id: str, stored: View) -> tuple[str, str, Part, str]:
    return session_id, stored["source"], Part(stored["part"]), stored["track"]


def _raise(node_id: str, alarm: Alarm) -> None:
    same = {"node": node_id, "part": alarm.part.value, "source": alarm.source, "track": alarm.track}
    data = {**same, "reason": alarm.reason.value}
    changing.write(
        alarm.session_id,
        log.entry("alarm.raised", None, {**data, "since": alarm.since_ms}),
        require={"alarms": {"$not": {"$elemMatch": same}}},
        more={"$push": {"alarms": {**data, "chain": alarm.chain, "since": moment(alarm.since_ms)}}},
    )


def _end(session_id: str, stored: View) -> None:
    same = {name: stored[name] for name in ("node", "part", "source", "track")}
    data = {**same, "reason": stored["reason"], "since": log.millis(stored["since"])}
    changing.write(
        session_id,
        log.entry("alarm.cleared", None, {**data, "lasted_ms": _lasted(stored)}),
        require={"alarms": {"$elemMatch": same}},
        more={"$pull": {"alarms": same}},
    )


def _lasted(stored: View) -> int:
    return max(0, log.millis(utc_now()) - log.millis(stored["since"]))
