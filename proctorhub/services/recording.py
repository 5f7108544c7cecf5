"""What the media node reports: sources that come and go, segments, gaps.

Everything here can be repeated safely: the node tries again until it hears that it worked.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

from proctorhub.domain.completeness import TOLERANCE_MS
from proctorhub.domain.media import ClosedSegment, CloseReason, GapCause, NotedGap, Origin
from proctorhub.domain.session import MEDIA_OPEN
from proctorhub.records.base import utc_now
from proctorhub.records.sessions import Gap, Segment
from proctorhub.services import changing, log
from proctorhub.services.runtime import current

_TRIALS = "trials/"

_CAUSE_OF_CLOSING = {
    CloseReason.DELETED: GapCause.CLIENT,
    CloseReason.REPLACED: GapCause.CLIENT,
    CloseReason.CONNECTION_LOST: GapCause.NETWORK,
    CloseReason.SESSION_ENDED: GapCause.CLIENT,
    CloseReason.NODE_STOPPED: GapCause.NODE,
}


def origin_ms(session_id: str) -> int:
    """Return the origin of the session's media timeline: its check-in, UTC milliseconds.

    Raises NotFound, and Conflict when the session takes no media now.
    """
    session = changing.raw(session_id)
    if session["state"] not in MEDIA_OPEN:
        raise changing.state_conflict(session["state"])
    return log.millis(session["checked_in_at"])


def source_opened(session_id: str, source: str, chain: str, at_ms: int, *, replaced: bool) -> None:
    """A sender's connection is up; `replaced` says that it took over from another.

    A status that a chain opened later has set stays: a node that was cut off tells late.
    """
    at = moment(at_ms)
    told = {"source": source, "chain": chain, "replaced": replaced}
    entry = log.entry("source.opened", None, told, at=at, entry_id=f"opened:{chain}")
    begun = {"$min": {f"sources.{source}.first_at": at}}
    written = changing.write(
        session_id,
        entry,
        require={f"sources.{source}.opened_at": {"$not": {"$gte": at}}},
        values={
            f"sources.{source}.state": "live",
            f"sources.{source}.chain": chain,
            f"sources.{source}.at": at,
            f"sources.{source}.opened_at": at,
            f"sources.{source}.silent": [],
        },
        more=begun,
    )
    if written is None:
        changing.write(session_id, entry, more=begun)


def source_closed(session_id: str, source: str, chain: str, at_ms: int, reason: str) -> None:
    """A sender is gone; a status that a newer chain has set stays."""
    at = moment(at_ms)
    told = {"source": source, "chain": chain, "reason": reason}
    entry = log.entry("source.closed", None, told, at=at, entry_id=f"closed:{chain}")
    written = changing.write(
        session_id,
        entry,
        require={f"sources.{source}.chain": chain},
        values={
            f"sources.{source}.state": "closed",
            f"sources.{source}.at": at,
            f"sources.{source}.reason": reason,
        },
    )
    if written is None:
        log.append(session_id, entry)


def track_state(
    session_id: str,
    source: str,
    chain: str,
    state: str,
    at_ms: int,
    tracks: Sequence[str] = (),
) -> None:
    """Packets of some tracks stopped (`silent`) or all are back (`live`) on an open connection.

    Of a chain that is not the newest any more it is no news.
    """
    at = moment(at_ms)
    changing.write(
        session_id,
        log.entry(f"track.{state}", None, {"source": source, "tracks": list(tracks)}, at=at),
        require={
            f"sources.{source}.chain": chain,
            f"sources.{source}.state": {"$in": ["live", "silent"]},
        },
        values={
            f"sources.{source}.state": state,
            f"sources.{source}.at": at,
            f"sources.{source}.silent": list(tracks) if state == "silent" else [],
        },
    )


def store_segment(segment: ClosedSegment, path: Path) -> None:
    """Put a closed segment into the blob store, then record and log it.

    Raises BlobRefused when the file is not what the node promised; other errors mean try again.
    """
    key = blob_key(segment)
    with path.open("rb") as stream:
        current().store.put(key, stream, size=segment.bytes, sha256=segment.sha256)
    record_id = f"{segment.chain}-{segment.seq:06d}"
    fields = {**asdict(segment), "blob_key": key, "stored_at": utc_now()}
    Segment._get_collection().update_one({"_id": record_id}, {"$setOnInsert": fields}, upsert=True)
    log.append(
        segment.session_id,
        log.entry(
            "segment.stored",
            None,
            {
                "segment_id": record_id,
                "source": segment.source,
                "started_at": segment.started_at_ms,
                "ended_at": segment.ended_at_ms,
                "bytes": segment.bytes,
                "sha256": segment.sha256,
            },
            entry_id=f"stored:{record_id}",
        ),
    )
    if segment.seq == 0:
        _note_gap_before(segment)


def try_storage() -> None:
    """Put a small blob into the blob store and take it out again. Raises what the store raises."""
    store, key, data = current().store, f"{_TRIALS}{uuid.uuid4().hex}", os.urandom(64)
    store.put(key, BytesIO(data), size=len(data), sha256=sha256(data).hexdigest())
    store.delete(key)


def clear_trials() -> None:
    """Take out what killed nodes left of their trials. Raises what the store raises.

    To a trial that is under way elsewhere it makes no difference: its blob goes a little sooner.
    """
    store = current().store
    for key in list(store.list(_TRIALS)):
        store.delete(key)


def note_gap(gap: NotedGap) -> None:
    """Record missing media with its cause."""
    # the end as well: a hole that lasts is told in pieces, and as a whole when its node was killed
    record_id = f"{gap.chain}-{gap.track}-{gap.started_at_ms}-{gap.ended_at_ms}"
    Gap._get_collection().update_one({"_id": record_id}, {"$setOnInsert": asdict(gap)}, upsert=True)
    log.append(
        gap.session_id,
        log.entry(
            "gap.noted",
            None,
            {
                "source": gap.source,
                "track": gap.track,
                "started_at": gap.started_at_ms,
                "ended_at": gap.ended_at_ms,
                "cause": gap.cause,
            },
            entry_id=f"gap:{record_id}",
        ),
    )


def blob_key(segment: ClosedSegment) -> str:
    """Return where a segment is kept."""
    return f"sessions/{segment.session_id}/{segment.source}/{segment.chain}/{segment.seq:06d}.webm"


def moment(at_ms: int) -> datetime:
    """Return epoch milliseconds as a UTC time."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def closing_cause(session_id: str, chain: str) -> GapCause:
    """Return why media is missing after a chain; one without a good-bye died with its node."""
    return closing_causes(session_id).get(chain, GapCause.NODE)


def closing_causes(session_id: str) -> dict[str, GapCause]:
    """Return why media is missing after each chain that said good-bye."""
    return {
        entry["data"]["chain"]: _CAUSE_OF_CLOSING[CloseReason(entry["data"]["reason"])]
        for entry in log.of_kind(session_id, "source.closed")
    }


def _note_gap_before(segment: ClosedSegment) -> None:
    before: dict[str, Any] | None = Segment._get_collection().find_one(
        {
            "session_id": segment.session_id,
            "source": segment.source,
            "chain": {"$ne": segment.chain},
            "origin": {"$ne": Origin.CLIENT.value},
            "started_at_ms": {"$lt": segment.started_at_ms},
        },
        sort=[("ended_at_ms", -1)],
    )
    if before is None or segment.started_at_ms - before["ended_at_ms"] <= TOLERANCE_MS:
        return
    note_gap(
        NotedGap(
            session_id=segment.session_id,
            source=segment.source,
            chain=segment.chain,
            track="all",
            started_at_ms=before["ended_at_ms"],
            ended_at_ms=segment.started_at_ms,
            cause=closing_cause(segment.session_id, before["chain"]),
        )
    )
