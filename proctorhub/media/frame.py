"""The value that travels from ingest to the recorder."""

from __future__ import annotations


class Frame:
    """One whole encoded frame.

    `rtp` is the unwrapped media timestamp (never wraps); `data` is a VP8 frame, an Opus packet, or
    H.264 NAL units each preceded by a 4-byte length (ISO/IEC 14496-15).
    """

    __slots__ = ("data", "key", "kind", "rtp")

    def __init__(self, kind: str, data: bytes, rtp: int, key: bool) -> None:
        self.kind = kind
        self.data = data
        self.rtp = rtp
        self.key = key
