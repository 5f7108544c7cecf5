"""What there is of a session's sources, track by track, and why the rest is missing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from proctorhub.domain import ticket
from proctorhub.domain.alarms import Part
from proctorhub.domain.completeness import Span
from proctorhub.domain.media import GapCause, Origin
from proctorhub.domain.reckoning import ALL, Account, Gap, Piece, Source
from proctorhub.domain.session import MEDIA_OPEN
from proctorhub.records.base import utc_now
from proctorhub.records.exams import Exam
from proctorhub.records.sessions import Gap as NotedGap
from proctorhub.records.sessions import Segment
from proctorhub.services import alarms, changing, log, recording

#: A source counts as expected from its first connection on; its first frame may take this long.
FIRST_FRAME_MS = 3000
#: The last picture of a still screen and the node's hearing of the end: no media is missing there.
LAST_FRAME_MS = 2000
#: So long after a source has gone all that it sent is stored, unless storage is in trouble.
STORED_AFTER = timedelta(seconds=12)


@dataclass(frozen=True)
class Reckoned:
    """One source's segments in order, the account of the whole and of each of its tracks."""

    segments: list[Segment]
    whole: Account
    tracks: dict[str, Account]


def of_source(session: changing.Document, source: str) -> Reckoned:
    """Return what there is of one source of a stored session."""
    found = list(
        Segment.objects(session_id=session["_id"], source=source).order_by("started_at_ms", "seq")
    )
    known = _known(session, source, found)
    return Reckoned(found, known.whole(), known.accounts)


def recorded_by_node(session_id: str, source: str) -> tuple[Source, int]:
    """Return what the node has of a source and noted as missing, and up to when it has anything."""
    found = list(Segment.objects(session_id=session_id, source=source))
    own = [piece for piece in map(_piece, found) if not piece.by_client]
    newest = max((piece.ended_at_ms for piece in own), default=0)
    return Source(_tracks(found), (0, 0), own, _noted(session_id, source)), newest


def _known(session: changing.Document, source: str, found: list[Segment]) -> Source:
    pieces = [_piece(segment) for segment in found]
    noted = _noted(session["_id"], source)
    tracks = _tracks(found)
    if source == ticket.Source.PROCTOR:
        # a proctor shows or hides the own picture at will: nothing is missing of one track
        pieces = [replace(piece, tracks=frozenset(tracks)) for piece in pieces]
        noted = [gap for gap in noted if gap.track == ALL]
    return Source(
        tracks,
        _expected(session, source, [piece for piece in pieces if not piece.by_client]),
        pieces,
        noted,
        _endings(session, source, pieces),
    )


def _piece(segment: Segment) -> Piece:
    frames = {"video": segment.video_frames, "audio": segment.audio_frames}
    return Piece(
        segment.chain,
        segment.started_at_ms,
        segment.ended_at_ms,
        frozenset(track for track, count in frames.items() if count),
        segment.origin == Origin.CLIENT.value,
    )


def _tracks(found: list[Segment]) -> tuple[str, ...]:
    tracks = [
        name
        for name, there in (
            ("video", any(s.video_codec for s in found)),
            ("audio", any(s.has_audio for s in found)),
        )
        if there
    ]
    return tuple(tracks) or ("video",)


def _noted(session_id: str, source: str) -> list[Gap]:
    return [
        Gap(g.track, g.started_at_ms, g.ended_at_ms, GapCause(g.cause), g.chain)
        for g in NotedGap.objects(session_id=session_id, source=source)
    ]


def _endings(
    session: changing.Document, source: str, pieces: list[Piece]
) -> list[tuple[int, GapCause]]:
    causes = recording.closing_causes(session["_id"])
    status = (session.get("sources") or {}).get(source) or {}
    if status.get("state") == "silent":
        causes.setdefault(status["chain"], GapCause.NETWORK)
    ended: dict[str, int] = {}
    for piece in pieces:
        if not piece.by_client:
            ended[piece.chain] = max(piece.ended_at_ms, ended.get(piece.chain, 0))
    return sorted((at, causes.get(chain, GapCause.NODE)) for chain, at in ended.items())


def _expected(session: changing.Document, source: str, pieces: list[Piece]) -> Span:
    """Return from when to when the source is expected."""
    status = (session.get("sources") or {}).get(source)
    starts = [piece.started_at_ms for piece in pieces]
    if status is None or not status.get("first_at"):
        first = min(starts, default=0)
    else:
        first = log.millis(status["first_at"])
        if starts and min(starts) - first <= FIRST_FRAME_MS:
            first = min(starts)
    newest = max((piece.ended_at_ms for piece in pieces), default=first)
    end = _end(session, source, newest)
    return first, max(first, newest if newest < end <= newest + LAST_FRAME_MS else end)


def _end(session: changing.Document, source: str, newest: int) -> int:
    """Return until when the source is expected; what may still be on its way is not yet."""
    status = (session.get("sources") or {}).get(source)
    if status is None:
        return newest
    needed = source in alarms.required(session, Exam.objects(id=session["exam_id"]).first())
    closed = status["state"] == "closed"
    if session["state"] not in MEDIA_OPEN:
        finished = session.get("finished_at")
        if finished and not _is_stored(session, finished):
            return newest
        ends = [at for at in (finished, status["at"] if closed and not needed else None) if at]
        return log.millis(min(ends)) if ends else newest
    if needed and _is_gone(session, source, status):
        return log.millis(utc_now())
    return newest


def _is_stored(session: changing.Document, finished: datetime) -> bool:
    """Tell whether all that will come of a session that is over should be there by now."""
    return bool(session.get("last_gaps_noted")) or utc_now() - finished > STORED_AFTER


def _is_gone(session: changing.Document, source: str, status: changing.Document) -> bool:
    here = {a["part"]: a for a in session.get("alarms") or [] if a["source"] == source}
    since = status["at"]
    if Part.NODE in here:
        since = here[Part.NODE]["since"]
    elif status["state"] == "live":
        return False
    return Part.UPLOADER not in here and utc_now() - since > STORED_AFTER
