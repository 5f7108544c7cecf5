"""The whole session afterwards: events, recordings, what is missing and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from proctorhub.domain import backfill, completeness, evidence
from proctorhub.domain.media import Origin
from proctorhub.domain.permissions import Actor, Standing, visible_to
from proctorhub.domain.session import State
from proctorhub.domain.ticket import RECORDED_SOURCES
from proctorhub.records.base import utc_now
from proctorhub.records.exams import Exam
from proctorhub.records.sessions import Gap, Segment
from proctorhub.services import (
    access,
    alarms,
    changing,
    incidents,
    log,
    playback,
    reading,
    recording,
    sessions,
    watchers,
)
from proctorhub.services.errors import NotFound

#: A source counts as expected from its first connection on; its first frame may take this long.
FIRST_FRAME_MS = 3000


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


@dataclass(frozen=True)
class Coverage:
    """What the media node has of one source, and what it is with the client's fillings."""

    by_node: completeness.Coverage
    filled: completeness.Coverage

    @property
    def backfilled_ms(self) -> int:
        """Return how much only the candidate's own browser had."""
        return self.filled.recorded_ms - self.by_node.recorded_ms

    @property
    def healed(self) -> list[completeness.Span]:
        """Return the stretches that were filled."""
        return backfill.subtract(self.by_node.holes, self.filled.holes)


def coverage(session: changing.Document, source: str) -> Coverage:
    """Return how much of one source is recorded, and the holes."""
    found = Segment.objects(session_id=session["_id"], source=source).order_by("started_at_ms")
    by_origin: dict[str, list[completeness.Span]] = {origin.value: [] for origin in Origin}
    for segment in found:
        by_origin[segment.origin].append((segment.started_at_ms, segment.ended_at_ms))
    spans = by_origin[Origin.NODE.value]
    status = (session.get("sources") or {}).get(source)
    if not status and not spans:
        nothing = completeness.Coverage(0, 0, ())
        return Coverage(nothing, nothing)
    opened = log.millis(status["first_at"]) if status and status.get("first_at") else spans[0][0]
    first = spans[0][0] if spans and spans[0][0] - opened <= FIRST_FRAME_MS else opened
    end = recording.media_end(session, source)
    if end is None:
        end = spans[-1][1] if spans else log.millis(utc_now())
    expected = (first, max(first, end))
    return Coverage(
        completeness.coverage(spans, expected),
        completeness.coverage([*spans, *by_origin[Origin.CLIENT.value]], expected),
    )


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
    covered = coverage(session, source)
    found = Segment.objects(session_id=session["_id"], source=source).order_by("started_at_ms")
    segments = list(found)
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
            for s in segments
        ],
        "gaps": _gaps(session, source, covered.filled.holes),
        "healed": _healed(session, source, covered),
        "sync": sync(segments),
        "expected_s": round(covered.by_node.expected_ms / 1000, 3),
        "recorded_s": round(covered.by_node.recorded_ms / 1000, 3),
        "backfilled_s": round(covered.backfilled_ms / 1000, 3),
        "completeness": round(covered.filled.completeness, 5),
    }


def _healed(session: changing.Document, source: str, covered: Coverage) -> list[dict[str, Any]]:
    told = _gaps(session, source, covered.healed)
    return [{**gap, "origin": Origin.CLIENT.value} for gap in told]


def _gaps(
    session: changing.Document, source: str, holes: Iterable[completeness.Span]
) -> list[dict[str, Any]]:
    noted = list(Gap.objects(session_id=session["_id"], source=source))
    found = []
    for start, end in holes:
        overlapping = [g for g in noted if g.started_at_ms < end and g.ended_at_ms > start]
        if overlapping:
            cause = overlapping[0].cause
        else:
            before = (
                Segment.objects(
                    session_id=session["_id"],
                    source=source,
                    origin__ne=Origin.CLIENT.value,
                    ended_at_ms__lte=start + 1,
                )
                .order_by("-ended_at_ms")
                .first()
            )
            cause = recording.closing_cause(session["_id"], before.chain if before else "")
        found.append(
            {
                "track": overlapping[0].track if overlapping else "all",
                "started_at": recording.moment(start),
                "ended_at": recording.moment(end),
                "cause": str(cause),
            }
        )
    return found


def _recordings(session: changing.Document, source: str) -> list[dict[str, Any]]:
    parts = playback.parts_of(session["_id"], source)
    if not parts:
        return []
    covered = coverage(session, source)
    missing = {
        "gaps": _gaps(session, source, covered.filled.holes),
        "healed": _healed(session, source, covered),
    }
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
                "completeness": round(covered.filled.completeness, 5),
                **missing,
                "sync": sync(segments),
                "video_codec": playback.described_by(segments).video_codec,
                "has_audio": segments[0].has_audio,
            }
        )
    return items
