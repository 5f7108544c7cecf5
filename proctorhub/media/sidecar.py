"""What is told of a segment beside its frames: the fields of `ClosedSegment`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proctorhub.media.clock import TrackClock, sound_offset_ms
from proctorhub.media.spool import ChainRecord
from proctorhub.media.webm import SegmentWriter, VideoTrack


def sidecar(
    record: ChainRecord,
    segment: SegmentWriter,
    ended_ms: int,
    *,
    video: VideoTrack | None,
    clocks: Mapping[str, TrackClock],
    frames: Mapping[str, int],
    lost_packets: int,
) -> dict[str, Any]:
    """Return what `Spool.finish` takes; `ended_ms` is since the session's origin."""
    shown = video if frames["video"] else None
    return {
        "session_id": record.session_id,
        "source": record.source,
        "chain": record.chain,
        "seq": int(segment.path.stem),
        "origin_ms": record.origin_ms,
        "started_at_ms": record.origin_ms + segment.timestamp_ms,
        "ended_at_ms": record.origin_ms + ended_ms,
        "header_bytes": segment.header_bytes,
        "video_codec": shown.codec if shown else None,
        "width": shown.width if shown else 0,
        "height": shown.height if shown else 0,
        "has_audio": "audio" in clocks,
        "video_frames": frames["video"],
        "audio_frames": frames["audio"],
        "lost_packets": lost_packets,
        **_sync(clocks),
    }


def _sync(clocks: Mapping[str, TrackClock]) -> dict[str, float | None]:
    drifts = {f"{kind}_drift_ms_h": clock.drift_ms_h for kind, clock in clocks.items()}
    found = {**drifts, "sound_offset_ms": sound_offset_ms(dict(clocks))}
    return {name: None if v is None else round(v, 3) for name, v in found.items()}
