"""VP8: RTP payload descriptor (RFC 7741) and frame header (RFC 6386)."""

from __future__ import annotations

import struct
from typing import NamedTuple


def payload_offset(payload: bytes) -> int:
    """Return where the VP8 data begins behind the payload descriptor (RFC 7741 section 4.2).

    Raises IndexError when the descriptor is cut short.
    """
    if not payload[0] & 0x80:
        return 1
    extended = payload[1]
    at = 2
    if extended & 0x80:
        at += 2 if payload[at] & 0x80 else 1
    if extended & 0x40:
        at += 1
    if extended & 0x30:
        at += 1
    return at


class Place(NamedTuple):
    """Where a picture stands among those of its stream, as its payload descriptor says.

    `layer`: the temporal one, 0 if none is named. `sync`: it needs nothing but layer 0. `picture`:
    its number, of `picture_bits` (7 or 15) bits, None if it has none.
    """

    layer: int
    sync: bool
    picture: int | None
    picture_bits: int


def place(payload: bytes) -> Place:
    """Read the payload descriptor. Raises IndexError when it is cut short."""
    if not payload[0] & 0x80:
        return Place(0, False, None, 0)
    extended, at = payload[1], 2
    picture, bits = None, 0
    if extended & 0x80:
        picture, bits = payload[at], 7
        if picture & 0x80:
            picture, bits = (picture & 0x7F) << 8 | payload[at + 1], 15
        at += 1 + bits // 15
    at += extended >> 6 & 1
    if not extended & 0x20:
        return Place(0, False, picture, bits)
    return Place(payload[at] >> 6, bool(payload[at] & 0x20), picture, bits)


def with_picture(payload: bytes, picture: int) -> bytes:
    """Return a payload whose descriptor has a picture number, with another one of its width."""
    if payload[2] & 0x80:
        number = bytes((0x80 | picture >> 8 & 0x7F, picture & 0xFF))
        return payload[:2] + number + payload[4:]
    return payload[:2] + bytes((picture & 0x7F,)) + payload[3:]


def begins_frame(payload: bytes) -> bool:
    """Return whether this packet starts the first partition of a frame."""
    return payload[0] & 0x1F == 0x10


def begins_keyframe(payload: bytes) -> bool:
    """Return whether this packet is the first of a keyframe; False for malformed ones."""
    if not payload or not begins_frame(payload):
        return False
    try:
        return not payload[payload_offset(payload)] & 1
    except IndexError:
        return False


def is_keyframe(frame: bytes) -> bool:
    """Return whether a whole frame is a keyframe (RFC 6386 section 9.1)."""
    return len(frame) >= 10 and not frame[0] & 1 and frame[3:6] == b"\x9d\x01\x2a"


def size(keyframe: bytes) -> tuple[int, int]:
    """Return (width, height) of a keyframe."""
    width, height = struct.unpack_from("<HH", keyframe, 6)
    return width & 0x3FFF, height & 0x3FFF


class Vp8Assembler:
    """Collects the packets of one frame."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._layer = 0

    def begin(self) -> None:
        """Forget what was collected: a new frame starts."""
        self._parts = []

    def add(self, payload: bytes) -> bool:
        """Take one packet; False when it cannot belong to a whole frame.

        Raises IndexError for a malformed descriptor.
        """
        if not self._parts:
            if not begins_frame(payload):
                return False
            self._layer = place(payload).layer
        self._parts.append(payload[payload_offset(payload) :])
        return True

    def take(self) -> tuple[bytes, bool, int]:
        """Return (frame, is keyframe, temporal layer)."""
        parts = self._parts
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        self._parts = []
        return data, is_keyframe(data), self._layer
