"""The whole session afterwards: events, recordings, what is missing and why."""

from __future__ import annotations

from typing import Any

from proctorhub.domain import evidence
from proctorhub.domain.media import Origin
from proctorhub.domain.permissions import Actor, Standing, visible_to
from proctorhub.domain.reckoning import Account, Gap
from proctorhub.domain.session import State
from proctorhub.domain.ticket import RECORDED_SOURCES
from proctorhub.records.exams import Exam
from proctorhub.records.sessions import Segment
from proctorhub.services import (
    access,
    alarms,
    changing,
    incidents,
    log,
    playback,
    reading,
    reckoning,
    recording,
    sessions,
    watchers,
)
from proctorhub.services.errors import NotFound


def report(actor: Actor, session_id: str) -> dict[str, Any]:
    """Return the report; the candidate gets it after the conclusion, without notes.

    Raises NotFound.
    """
    session, stands = access.opened(actor, session_id)
    own = stands is Standing.CANDIDATE
    side = "candidate" if own else "staff"
    if own and session["state"] != State.CONCLUDED:
        raise NotFound("report")
    reading.note(actor, session_id, "report", side=side)
    chain = list(log.entries(session_id))
    check = evidence.verify(chain)
    flagged = incidents.overview(actor, session, stands)
    return {
        "session": sessions.view(actor, session_id),
        "entries": [e for e in chain if visible_to(side, e["kind"])],
        "sources": [item for name in RECORDED_SOURCES for item in _recordings(session, name)],
        "incidents": flagged["items"],
        "suspicion": flagged["suspicion"],
        "may_decide": flagged["may_decide"],
        "monitoring_gaps": watchers.gaps(session),
        "log": {"entries": check.entries, "intact": check.intact, "head": check.head},
    }


def recordings(session: changing.Document, source: str) -> list[dict[str, Any]]:
    """Return the playable files of one source, what they cover and what is missing."""
    return _recordings(session, source)


def media(actor: Actor, session_id: str) -> dict[str, Any]:
    """Return segments, gaps and completeness of every source, and what is wrong now, for staff.

    Raises NotFound.
    """
    session = access.as_staff(actor, session_id)
    exam = Exam.objects(id=session["exam_id"]).first()
    return {
        "tracks": [_track(session, name) for name in _present(session)],
        "alarms": alarms.of(session, exam),
    }


def entries(actor: Actor, session_id: str, after: int = -1) -> list[dict[str, Any]]:
    """Return the log from a seq on, for staff. Raises NotFound."""
    access.as_staff(actor, session_id)
    reading.note(actor, session_id, "log")
    return list(log.entries(session_id, after))


def live_entries(actor: Actor, session_id: str, after: int = -1) -> list[dict[str, Any]]:
    """Return what a page that watches the session has missed. Raises NotFound."""
    _, stands = access.opened(actor, session_id)
    side = "candidate" if stands is Standing.CANDIDATE else "staff"
    return [e for e in log.entries(session_id, after) if visible_to(side, e["kind"])]


def sync(segments: list[Segment]) -> dict[str, float | None]:
    """Return the clocks of some segments: the newest drift of each track, ms per hour.

    `sound_offset_ms` is the sound's largest distance from its picture; None where nothing is known.
    """

    def known(name: str) -> list[float]:
        return [value for s in segments if (value := getattr(s, name)) is not None]

    drifts = {name: known(name) for name in ("audio_drift_ms_h", "video_drift_ms_h")}
    offsets = known("sound_offset_ms")
    return {
        **{name: values[-1] if values else None for name, values in drifts.items()},
        "sound_offset_ms": max(offsets, key=abs, default=None),
    }


def _present(session: changing.Document) -> list[str]:
    return [name for name in RECORDED_SOURCES if name in (session.get("sources") or {})]


def _track(session: changing.Document, source: str) -> dict[str, Any]:
    reckoned = reckoning.of_source(session, source)
    return {
        "source": source,
        "segments": [
            {
                "id": s.id,
                "chain": s.chain,
                "seq": s.seq,
                "started_at": recording.moment(s.started_at_ms),
                "ended_at": recording.moment(s.ended_at_ms),
                "bytes": s.bytes,
                "sha256": s.sha256,
                "origin": s.origin,
                "video_codec": s.video_codec,
                "has_audio": s.has_audio,
            }
            for s in reckoned.segments
        ],
        "sync": sync(reckoned.segments),
        **_account(reckoned.whole),
        "by_track": [
            {"track": name, **_account(account)} for name, account in reckoned.tracks.items()
        ],
    }


def _account(account: Account) -> dict[str, Any]:
    return {
        **_missing(account),
        "expected_s": round(account.expected_ms / 1000, 3),
        "recorded_s": round(account.recorded_ms / 1000, 3),
        "backfilled_s": round(account.backfilled_ms / 1000, 3),
        "completeness": round(account.completeness, 5),
    }


def _missing(account: Account) -> dict[str, Any]:
    return {
        "gaps": [_gap(gap) for gap in account.gaps],
        "healed": [{**_gap(gap), "origin": Origin.CLIENT.value} for gap in account.healed],
    }


def _gap(gap: Gap) -> dict[str, Any]:
    return {
        "track": gap.track,
        "started_at": recording.moment(gap.started_at_ms),
        "ended_at": recording.moment(gap.ended_at_ms),
        "cause": gap.cause.value,
    }


def _recordings(session: changing.Document, source: str) -> list[dict[str, Any]]:
    parts = playback.parts_of(session["_id"], source)
    if not parts:
        return []
    whole = reckoning.of_source(session, source).whole
    items = []
    for number, segments in enumerate(parts):
        starts, ends = segments[0].started_at_ms, max(s.ended_at_ms for s in segments)
        url = f"/api/v1/sessions/{session['_id']}/recordings/{source}.webm"
        items.append(
            {
                "source": source,
                "part": number,
                "url": f"{url}?part={number}" if number else url,
                "starts_at": recording.moment(starts),
                "ends_at": recording.moment(ends),
                "duration_s": round((ends - starts) / 1000, 3),
                "bytes": sum(s.bytes for s in segments),
                "completeness": round(whole.completeness, 5),
                **_missing(whole),
                "sync": sync(segments),
                "video_codec": playback.described_by(segments).video_codec,
                "has_audio": segments[0].has_audio,
            }
        )
    return items
