"""Filling gaps from what the candidate's own browser kept.

The media node's word stands: only what it noted as missing can be filled, never what it has. A
chunk is kept as it came, beside the segments made of it, and both are marked as the client's.
"""

from __future__ import annotations

import hashlib
import io
from datetime import datetime, timedelta
from typing import Any

from pymongo.errors import DuplicateKeyError

from proctorhub.domain import backfill, webm_capture, webm_join
from proctorhub.domain.completeness import Span, merge
from proctorhub.domain.media import Origin
from proctorhub.domain.permissions import Actor
from proctorhub.domain.session import MEDIA_OPEN
from proctorhub.domain.ticket import Source
from proctorhub.domain.webm_join import NotWebm
from proctorhub.records.base import utc_now
from proctorhub.records.sessions import ClientChunk, Segment
from proctorhub.services import access, changing, log, reckoning
from proctorhub.services.errors import Conflict, Invalid, NotFound
from proctorhub.services.recording import moment
from proctorhub.services.runtime import current

SOURCES = (Source.CAMERA.value, Source.SCREEN.value)
#: After the end a page may still send what was asked of it, as long as it keeps what it has.
GRACE = timedelta(minutes=10)
_NUMBERS = {"video": webm_capture.VIDEO, "audio": webm_capture.AUDIO}
#: How far a browser's clock may be ahead of ours.
AHEAD_MS = 2_000


def gaps(actor: Actor, session_id: str) -> dict[str, Any]:
    """Return what is still missing of the candidate's own sources. Raises NotFound.

    `settled` tells that the session is over and nothing further will be found missing.
    """
    session = access.as_candidate(actor, session_id)
    return {
        "items": [_source(session, source) for source in SOURCES],
        "settled": bool(session.get("last_gaps_noted")),
    }


def fill(
    actor: Actor,
    session_id: str,
    source: str,
    number: int,
    started_at: datetime,
    ended_at: datetime,
    sha256: str,
    data: bytes,
) -> dict[str, Any]:
    """Keep a chunk and make segments of what falls into gaps; the same chunk again does no harm.

    Raises NotFound, Invalid, and Conflict `state_not_allowed`, `wrong_number`, `number_taken`,
    `other_codec` or `no_gap`.
    """
    session = access.as_candidate(actor, session_id)
    _require_open(session)
    if source not in SOURCES:
        raise NotFound("source")
    span = _span(started_at, ended_at)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise Invalid("sha256", "This is not the SHA-256 of what was sent.")
    capture = _capture(data, span)
    if _pattern(session_id, source, capture, span[0]) is None:
        raise Conflict("The media node has nothing of this codec.", code="other_codec")
    chunk = _accepted(session, source, number, span, data, sha256)
    store = current().store
    store.put(chunk["blob_key"], io.BytesIO(data), size=len(data), sha256=sha256)
    filled = []
    for index, wanted in enumerate(_wanted(session, source, span, before=number)):
        piece = backfill.filling(capture.blocks, span, wanted)
        pattern = _pattern(session_id, source, capture, piece.started_at_ms) if piece else None
        if piece and pattern:
            segment = _stored(f"{chunk['_id']}-{index}") or _store(
                chunk, index, piece, wanted, pattern
            )
            _tell(actor, chunk, segment)
            filled.append(_filled(segment))
    return {"number": number, "filled": filled}


def _source(session: changing.Document, source: str) -> dict[str, Any]:
    count = ClientChunk.objects(session_id=session["_id"], source=source).count()
    spans = [span for gaps in _open(session, source, before=count).values() for span in gaps]
    return {
        "source": source,
        "next_number": count,
        "gaps": [
            {"started_at": moment(start), "ended_at": moment(end)} for start, end in merge(spans)
        ],
    }


def _require_open(session: changing.Document) -> None:
    ended = session.get("finished_at")
    late = ended is None or utc_now() - ended > GRACE
    if session["state"] not in MEDIA_OPEN and late:
        raise changing.state_conflict(session["state"])


def _span(started_at: datetime, ended_at: datetime) -> Span:
    span = (log.millis(started_at), log.millis(ended_at))
    if not 0 < span[1] - span[0] <= backfill.MAX_CHUNK_MS:
        longest = backfill.MAX_CHUNK_MS // 1000
        raise Invalid("ended_at", f"A chunk ends after it began, at most {longest} s later.")
    if span[1] > log.millis(utc_now()) + AHEAD_MS:
        raise Invalid("ended_at", "This lies in the future.")
    return span


def _capture(data: bytes, span: Span) -> webm_capture.Capture:
    try:
        capture = webm_capture.read(data)
    except NotWebm as error:
        raise Invalid("body", f"This is no WebM of VP8 or H.264 and Opus: {error}.") from None
    if not backfill.plausible(capture.blocks, span):
        raise Invalid("ended_at", "What was sent is longer than these times.")
    return capture


def _accepted(
    session: changing.Document, source: str, number: int, span: Span, data: bytes, sha256: str
) -> changing.Document:
    """Return the chunk's record. Numbers have no holes, so each chunk sees all before it."""
    chunks = ClientChunk._get_collection()
    session_id = session["_id"]
    record_id = f"{session_id}-{source}-{number}"
    chunk: changing.Document = {
        "_id": record_id,
        "session_id": session_id,
        "source": source,
        "number": number,
        "started_at_ms": span[0],
        "ended_at_ms": span[1],
        "bytes": len(data),
        "sha256": sha256,
        "blob_key": f"sessions/{session_id}/{source}/client/{number:06d}.webm",
        "received_at": utc_now(),
    }
    if number == ClientChunk.objects(session_id=session_id, source=source).count():
        if not _wanted(session, source, span, before=number):
            raise Conflict("Nothing is missing at that time.", code="no_gap")
        try:
            chunks.insert_one(chunk)
        except DuplicateKeyError:
            pass
        else:
            return chunk
    found: changing.Document | None = chunks.find_one({"_id": record_id})
    if found is None:
        raise Conflict("Another number comes next.", code="wrong_number")
    same = ("sha256", "started_at_ms", "ended_at_ms")
    if any(found[name] != chunk[name] for name in same):
        raise Conflict("Another chunk has this number.", code="number_taken")
    return found


def _wanted(
    session: changing.Document, source: str, span: Span, *, before: int
) -> list[backfill.Wanted]:
    return backfill.overlaps(span, _open(session, source, before=before))


def _open(session: changing.Document, source: str, *, before: int) -> dict[int, list[Span]]:
    """Return what the node noted as missing, has not got, and no chunk below a number covers.

    By track; nothing while the node has no segment whose header a filling could take over.
    """
    known, newest = reckoning.recorded_by_node(session["_id"], source)
    if not known.noted or not newest:
        return {}
    if session.get("last_gaps_noted"):
        newest = max(newest, *(gap.ended_at_ms + 1 for gap in known.noted))
    chunks = ClientChunk.objects(session_id=session["_id"], source=source, number__lt=before)
    claimed = [(c.started_at_ms, c.ended_at_ms) for c in chunks]
    return {
        number: backfill.open_gaps(
            [gap.span for gap in known.noted if gap.concerns(track)],
            known.recorded(track),
            claimed,
            newest,
        )
        for track, number in _NUMBERS.items()
        if track in known.tracks
    }


def _pattern(
    session_id: str, source: str, capture: webm_capture.Capture, at_ms: int
) -> Segment | None:
    """Return the node's segment whose header the filling takes over, so that they join.

    None where the node recorded another codec than the browser did.
    """
    found = Segment.objects(
        session_id=session_id,
        source=source,
        origin__ne=Origin.CLIENT.value,
        video_codec=capture.video_codec,
    )
    before = found.filter(started_at_ms__lte=at_ms).order_by("-started_at_ms").first()
    return before or found.order_by("started_at_ms").first()


def _place(
    session_id: str, source: str, piece: backfill.Filling, wanted: backfill.Wanted
) -> tuple[str, int] | None:
    """Return the node's segment that a filling lies within, and before which of its bytes."""
    host = (
        Segment.objects(
            session_id=session_id,
            source=source,
            origin__ne=Origin.CLIENT.value,
            started_at_ms__lte=piece.started_at_ms,
            ended_at_ms__gt=piece.started_at_ms,
        )
        .order_by("-started_at_ms")
        .first()
    )
    if host is None:
        return None
    data = b"".join(current().store.get(host.blob_key))
    after = {track: spans[0][0] - host.origin_ms for track, spans in wanted.items()}
    offset = webm_join.offset_of(data, host.header_bytes, after)
    return None if offset is None else (host.id, offset)


def _stored(segment_id: str) -> changing.Document | None:
    found: changing.Document | None = Segment._get_collection().find_one({"_id": segment_id})
    return found


def _store(
    chunk: changing.Document,
    index: int,
    piece: backfill.Filling,
    wanted: backfill.Wanted,
    pattern: Segment,
) -> changing.Document:
    store = current().store
    head = b"".join(store.get(pattern.blob_key, length=pattern.header_bytes))
    kept = [b for b in piece.blocks if pattern.has_audio or b.track == webm_capture.VIDEO]
    data = webm_capture.write(head, kept, pattern.origin_ms)
    digest = hashlib.sha256(data).hexdigest()
    key = chunk["blob_key"].replace("/client/", f"/backfill-{index}/")
    store.put(key, io.BytesIO(data), size=len(data), sha256=digest)
    frames = [block.track for block in kept]
    segment = {
        "_id": f"{chunk['_id']}-{index}",
        "session_id": chunk["session_id"],
        "source": chunk["source"],
        "chain": f"backfill-{index}",
        "seq": chunk["number"],
        "origin_ms": pattern.origin_ms,
        "started_at_ms": piece.started_at_ms,
        "ended_at_ms": piece.ended_at_ms,
        "bytes": len(data),
        "sha256": digest,
        "header_bytes": len(head),
        "video_codec": pattern.video_codec,
        "width": pattern.width,
        "height": pattern.height,
        "has_audio": pattern.has_audio,
        "video_frames": frames.count(webm_capture.VIDEO),
        "audio_frames": frames.count(webm_capture.AUDIO),
        "lost_packets": 0,
        "blob_key": key,
        "origin": Origin.CLIENT.value,
        "stored_at": utc_now(),
    }
    place = _place(chunk["session_id"], chunk["source"], piece, wanted)
    if place is not None:
        segment["within"], segment["within_offset"] = place
    Segment._get_collection().update_one(
        {"_id": segment["_id"]}, {"$setOnInsert": segment}, upsert=True
    )
    return segment


def _tell(actor: Actor, chunk: changing.Document, segment: changing.Document) -> None:
    told = {
        "segment_id": segment["_id"],
        "source": segment["source"],
        "started_at": segment["started_at_ms"],
        "ended_at": segment["ended_at_ms"],
        "bytes": segment["bytes"],
        "sha256": segment["sha256"],
        "origin": segment["origin"],
        "chunk": {"number": chunk["number"], "sha256": chunk["sha256"]},
    }
    entry_id = f"backfilled:{segment['_id']}"
    log.append(
        segment["session_id"],
        log.entry("segment.backfilled", actor, told, side="candidate", entry_id=entry_id),
    )


def _filled(segment: changing.Document) -> dict[str, Any]:
    return {
        "segment_id": segment["_id"],
        "started_at": moment(segment["started_at_ms"]),
        "ended_at": moment(segment["ended_at_ms"]),
    }
