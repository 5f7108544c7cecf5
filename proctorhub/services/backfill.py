"""Filling gaps from what the candidate's own browser kept.

The media node's word stands: only what it noted as missing can be filled, never what it has. A
chunk is kept as it came, beside the segments made of it, and both are marked as the client's. Once
its record is there a chunk claims what is wanted of it, so a job finishes what a crash left undone.
"""

from __future__ import annotations

import hashlib
import io
from datetime import datetime, timedelta
from typing import Any

import structlog
from pymongo.errors import DuplicateKeyError

from proctorhub.domain import backfill, webm_capture, webm_join
from proctorhub.domain.completeness import Span, merge
from proctorhub.domain.media import Origin
from proctorhub.domain.permissions import Actor
from proctorhub.domain.session import MEDIA_OPEN
from proctorhub.domain.ticket import Source
from proctorhub.domain.webm_join import NotWebm
from proctorhub.plugins import BlobNotFound
from proctorhub.records.base import utc_now
from proctorhub.records.people import User
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
#: The page waits so long for an answer; after that nobody works on a chunk any more.
UNFINISHED_AFTER = timedelta(minutes=1)

_log = structlog.get_logger()


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
    chunk = _offered(session, source, number, span, len(data), sha256)
    capture = _capture(data, span)
    if _pattern(session_id, source, capture, span[0]) is None:
        raise Conflict("The media node has nothing of this codec.", code="other_codec")
    # before the record: what claims a stretch can always be finished
    current().store.put(chunk["blob_key"], io.BytesIO(data), size=len(data), sha256=sha256)
    filled = _cut(actor, _accepted(chunk), capture)
    return {"number": number, "filled": [_filled(segment) for segment in filled]}


def finish_accepted() -> int:
    """Make the segments of accepted chunks whose request ended before; returns of how many.

    Raises what the store raises when it is away.
    """
    left = {"filled": False, "received_at": {"$lt": utc_now() - UNFINISHED_AFTER}}
    count = 0
    for chunk in list(ClientChunk._get_collection().find(left)):
        session = changing.raw(chunk["session_id"])
        user = User.objects(id=session["candidate_id"]).first()
        actor = user and Actor(user.id, user.name, frozenset(user.roles), user.institution_id)
        try:
            data = b"".join(current().store.get(chunk["blob_key"]))
            _cut(actor, chunk, webm_capture.read(data))
        except (BlobNotFound, NotWebm) as error:
            _log.error("backfill.not_finished", chunk=chunk["_id"], error=repr(error))
            continue
        count += 1
    return count


def _cut(
    actor: Actor | None, chunk: changing.Document, capture: webm_capture.Capture
) -> list[changing.Document]:
    """Return the chunk's segments, stored and told of; again does no harm."""
    span = (chunk["started_at_ms"], chunk["ended_at_ms"])
    segments = []
    for index, part in enumerate(chunk.get("wanted", [])):
        wanted = {number: _spans(part, track) for track, number in _NUMBERS.items() if part[track]}
        piece = backfill.filling(capture.blocks, span, wanted)
        pattern = piece and _pattern(
            chunk["session_id"], chunk["source"], capture, piece.started_at_ms
        )
        if piece and pattern:
            segment = _stored(f"{chunk['_id']}-{index}") or _store(
                chunk, index, piece, wanted, pattern
            )
            _tell(actor, chunk, segment)
            segments.append(segment)
    ClientChunk._get_collection().update_one(
        {"_id": chunk["_id"], "filled": False}, {"$set": {"filled": True}}
    )
    return segments


def _source(session: changing.Document, source: str) -> dict[str, Any]:
    count = ClientChunk.objects(session_id=session["_id"], source=source).count()
    spans = [span for gaps in _open(session, source).values() for span in gaps]
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


def _offered(
    session: changing.Document, source: str, number: int, span: Span, size: int, sha256: str
) -> changing.Document:
    """Return the chunk's record: the one that is there, or a new one that is not stored yet.

    Raises Conflict `wrong_number`, `number_taken` or `no_gap`.
    """
    session_id = session["_id"]
    chunk: changing.Document = {
        "_id": f"{session_id}-{source}-{number}",
        "session_id": session_id,
        "source": source,
        "number": number,
        "started_at_ms": span[0],
        "ended_at_ms": span[1],
        "bytes": size,
        "sha256": sha256,
        # whoever loses the number to another chunk leaves the other's blob as it is
        "blob_key": f"sessions/{session_id}/{source}/client/{sha256}.webm",
        "received_at": utc_now(),
        "filled": False,
    }
    found = ClientChunk._get_collection().find_one({"_id": chunk["_id"]})
    if found is not None:
        return _same(found, chunk)
    # numbers have no holes, so each chunk sees all before it
    if number != ClientChunk.objects(session_id=session_id, source=source).count():
        raise Conflict("Another number comes next.", code="wrong_number")
    wanted = backfill.overlaps(span, _open(session, source))
    if not wanted:
        raise Conflict("Nothing is missing at that time.", code="no_gap")
    chunk["wanted"] = [
        {track: part.get(of, []) for track, of in _NUMBERS.items()} for part in wanted
    ]
    return chunk


def _accepted(chunk: changing.Document) -> changing.Document:
    """Return the stored record: the first that came under its number. Raises Conflict."""
    chunks = ClientChunk._get_collection()
    try:
        chunks.insert_one(chunk)
    except DuplicateKeyError:
        return _same(chunks.find_one({"_id": chunk["_id"]}), chunk)
    return chunk


def _same(found: changing.Document, chunk: changing.Document) -> changing.Document:
    if any(found[name] != chunk[name] for name in ("sha256", "started_at_ms", "ended_at_ms")):
        raise Conflict("Another chunk has this number.", code="number_taken")
    return found


def _claimed(chunk: changing.Document, track: str) -> list[Span]:
    """Return what of a track a chunk was accepted for; a former version claimed all of it."""
    if "wanted" not in chunk:
        return [(chunk["started_at_ms"], chunk["ended_at_ms"])]
    return [span for part in chunk["wanted"] for span in _spans(part, track)]


def _spans(part: changing.Document, track: str) -> list[Span]:
    return [(start, end) for start, end in part[track]]


def _open(session: changing.Document, source: str) -> dict[int, list[Span]]:
    """Return what the node noted as missing, has not got, and no chunk was accepted for.

    By track; nothing while the node has no segment whose header a filling could take over.
    """
    known, newest = reckoning.recorded_by_node(session["_id"], source)
    if not known.noted or not newest:
        return {}
    if session.get("last_gaps_noted"):
        newest = max(newest, *(gap.ended_at_ms + 1 for gap in known.noted))
    of_source = {"session_id": session["_id"], "source": source}
    chunks = list(ClientChunk._get_collection().find(of_source))
    return {
        number: backfill.open_gaps(
            [gap.span for gap in known.noted if gap.concerns(track)],
            known.recorded(track),
            [span for chunk in chunks for span in _claimed(chunk, track)],
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
    # two that finish a chunk at once may choose different patterns: each writes a blob of its own
    folder = f"sessions/{chunk['session_id']}/{chunk['source']}/backfill-{index}"
    key = f"{folder}/{chunk['number']:06d}-{digest}.webm"
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
    return _stored(segment["_id"]) or segment


def _tell(actor: Actor | None, chunk: changing.Document, segment: changing.Document) -> None:
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
