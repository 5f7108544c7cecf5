"""How frames of a codec are made of packets, and where a keyframe begins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from proctorhub.media import h264, vp8
from proctorhub.media.h264 import H264Assembler
from proctorhub.media.vp8 import Vp8Assembler


class Assembler(Protocol):
    """Collects the packets of one video frame."""

    def begin(self) -> None:
        """Forget what was collected."""

    def add(self, payload: bytes) -> bool:
        """Take one packet; False when the frame cannot become whole."""

    def take(self) -> tuple[bytes, bool, int]:
        """Return (frame, is keyframe, temporal layer)."""


def assembler_for(codec: str) -> Assembler | None:
    """Return the assembler of a video codec; None for audio, where a packet is a frame."""
    if codec == "VP8":
        return Vp8Assembler()
    return H264Assembler() if codec == "H264" else None


def keyframe_beginning(codec: str) -> Callable[[bytes], bool]:
    """Return what tells whether a packet's payload begins a keyframe of a video codec."""
    return vp8.begins_keyframe if codec == "VP8" else h264.begins_keyframe
