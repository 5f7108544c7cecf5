"""The value that travels from ingest to the recorder."""

from __future__ import annotations


class Frame:
    """One whole encoded frame.

    `rtp` is the unwrapped media timestamp (never wraps); `data` is a VP8 frame, an Opus packet, or
    H.264 NAL units each preceded by a 4-byte length (ISO/IEC 14496-15). No frame of temporal layer
    0 needs one of another layer to be decoded.
    """

    __slots__ = ("data", "key", "kind", "layer", "rtp")

    def __init__(self, kind: str, data: bytes, rtp: int, key: bool, layer: int = 0) -> None:
        self.kind = kind
        self.data = data
        self.rtp = rtp
        self.key = key
        self.layer = layer
