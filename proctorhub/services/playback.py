"""Watching again: the recording of one source as one file that browsers can seek in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from proctorhub.domain import webm_join
from proctorhub.domain.media import Origin
from proctorhub.domain.permissions import Actor, Standing
from proctorhub.domain.session import State
from proctorhub.domain.ticket import RECORDED_SOURCES
from proctorhub.domain.webm_join import Chunk, Piece
from proctorhub.records.sessions import Segment
from proctorhub.services import access, reading
from proctorhub.services.errors import NotFound
from proctorhub.services.runtime import current


@dataclass(frozen=True)
class Recording:
    """A readable file: `size` bytes in `chunks`."""

    size: int
    content_type: str
    etag: str
    started_at_ms: int
    ended_at_ms: int
    chunks: tuple[Chunk, ...]

    def read(self, start: int, length: int) -> Iterator[bytes]:
        """Yield the bytes of `[start, start+length)`."""
        store = current().store
        for chunk in webm_join.cut(self.chunks, start, length):
            if chunk.literal is not None:
                yield chunk.literal
            else:
                yield from store.get(chunk.key, start=chunk.start, length=chunk.length)


def open(actor: Actor, session_id: str, source: str, part: int = 0) -> Recording:
    """Return one recording. Raises NotFound, also for a candidate before the conclusion."""
    session, stands = access.opened(actor, session_id)
    own = stands is Standing.CANDIDATE
    if own and session["state"] != State.CONCLUDED:
        raise NotFound("recording")
    parts = parts_of(session_id, source)
    if source not in RECORDED_SOURCES or not 0 <= part < len(parts):
        raise NotFound("recording")
    reading.note(actor, session_id, f"recording:{source}", side="candidate" if own else "staff")
    return _joined(parts[part])


def segment(actor: Actor, session_id: str, segment_id: str) -> Recording:
    """Return one stored segment as it is, for staff. Raises NotFound."""
    access.as_staff(actor, session_id)
    found = Segment.objects(id=segment_id, session_id=session_id).first()
    if found is None:
        raise NotFound("segment")
    reading.note(actor, session_id, f"segment:{segment_id}")
    return Recording(
        found.bytes,
        webm_join.CONTENT_TYPE,
        found.sha256,
        found.started_at_ms,
        found.ended_at_ms,
        (Chunk(found.bytes, key=found.blob_key),),
    )


def stored_segment(session_id: str, segment_id: str) -> tuple[int, bytes] | None:
    """Return a segment's origin (UTC ms) and its bytes, for software that looks again."""
    found = Segment.objects(id=segment_id, session_id=session_id).first()
    if found is None:
        return None
    return found.origin_ms, b"".join(current().store.get(found.blob_key))


def parts_of(session_id: str, source: str) -> list[list[Segment]]:
    """Return the source's segments in order, cut where codec or tracks change.

    A segment without pictures, as after an outage, fits the ones around it.
    """
    found = Segment.objects(session_id=session_id, source=source).order_by("started_at_ms", "seq")
    parts: list[list[Segment]] = []
    for segment in found:
        before = described_by(parts[-1]) if parts else None
        codecs = {segment.video_codec, before.video_codec if before else None} - {None}
        if before is None or before.has_audio != segment.has_audio or len(codecs) > 1:
            parts.append([])
        parts[-1].append(segment)
    return parts


def described_by(part: list[Segment]) -> Segment:
    """Return the segment whose header tells of all tracks of a part."""
    return next((s for s in part if s.video_codec), part[0])


def _joined(segments: list[Segment]) -> Recording:
    whole = described_by(segments)
    header = b"".join(current().store.get(whole.blob_key, length=whole.header_bytes))
    chunks = tuple(webm_join.layout(webm_join.tracks_element(header), _pieces(segments)))
    digest = hashlib.sha256("".join(s.sha256 for s in segments).encode()).hexdigest()
    return Recording(
        sum(chunk.length for chunk in chunks),
        webm_join.CONTENT_TYPE,
        digest,
        segments[0].started_at_ms,
        max(s.ended_at_ms for s in segments),
        chunks,
    )


def _pieces(segments: list[Segment]) -> list[Piece]:
    there = {segment.id for segment in segments}
    inside: dict[str, list[tuple[int, Piece]]] = {}
    for segment in segments:
        if segment.within in there:
            inside.setdefault(segment.within, []).append((segment.within_offset, _piece(segment)))
    return [
        piece
        for segment in segments
        if segment.within not in there
        for piece in (
            _piece(segment).cut(inside[segment.id]) if segment.id in inside else [_piece(segment)]
        )
    ]


def _piece(segment: Segment) -> Piece:
    return Piece(
        segment.blob_key,
        segment.bytes,
        segment.header_bytes,
        segment.started_at_ms,
        segment.ended_at_ms,
        beside=segment.origin == Origin.CLIENT.value,
        sought=segment.origin != Origin.CLIENT.value or _is_whole(segment),
    )


def _is_whole(segment: Segment) -> bool:
    """Tell whether a filling has all tracks; else others lie at the same time."""
    return bool(segment.video_frames and (segment.audio_frames or not segment.has_audio))
