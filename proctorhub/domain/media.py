"""Plain values of the media plane: what the node tells the control plane."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class GapCause(StrEnum):
    """Why a second of media is missing."""

    CLIENT = "client"
    NETWORK = "network"
    NODE = "node"
    STORAGE = "storage"


class Origin(StrEnum):
    """Who recorded a segment: the media node, or (weaker trust) the candidate's own browser."""

    NODE = "node"
    CLIENT = "client"


class CloseReason(StrEnum):
    """Why a chain (one WHIP session's run of segments) ended."""

    DELETED = "deleted"
    REPLACED = "replaced"
    CONNECTION_LOST = "connection_lost"
    SESSION_ENDED = "session_ended"
    NODE_STOPPED = "node_stopped"


@dataclass(frozen=True)
class ClosedSegment:
    """One closed, immutable WebM segment on the node's spool.

    Times are UTC milliseconds on the node's clock. `header_bytes` is the offset of the only
    Cluster, whose Timestamp is milliseconds since `origin_ms`, so that segments of one source
    can be joined without reading their frames. Drift is what a track's clock lost against its
    sender's, ms per hour; `sound_offset_ms` how much later than its picture a sound is written.
    """

    session_id: str
    source: str
    chain: str
    seq: int
    origin_ms: int
    started_at_ms: int
    ended_at_ms: int
    bytes: int
    sha256: str
    header_bytes: int
    video_codec: str | None
    width: int
    height: int
    has_audio: bool
    video_frames: int
    audio_frames: int
    lost_packets: int
    audio_drift_ms_h: float | None = None
    video_drift_ms_h: float | None = None
    sound_offset_ms: float | None = None


@dataclass(frozen=True)
class NotedGap:
    """A stretch of missing media the node saw with its own eyes, UTC milliseconds."""

    session_id: str
    source: str
    chain: str
    track: str
    started_at_ms: int
    ended_at_ms: int
    cause: str
