"""H.264: RTP payload (RFC 6184, packetization modes 0 and 1) and parameter sets (ITU-T H.264)."""

from __future__ import annotations

import struct

SLICE, IDR, SPS, PPS = 1, 5, 7, 8
STAP_A, FU_A = 24, 28
_HIGH_PROFILES = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}


class MalformedParameterSet(Exception):
    """A parameter set that does not follow ITU-T H.264 section 7.3.2, or fits no file."""


def begins_keyframe(payload: bytes) -> bool:
    """Return whether this packet starts an access unit that can be decoded on its own."""
    if len(payload) < 2:
        return False
    kind = payload[0] & 0x1F
    if kind == STAP_A:
        return any(nal[0] & 0x1F in (SPS, IDR) for nal in _aggregated(payload) if nal)
    if kind == FU_A:
        return payload[1] & 0x80 != 0 and payload[1] & 0x1F in (SPS, IDR)
    return kind in (SPS, IDR)


def _aggregated(payload: bytes) -> list[bytes]:
    found, at = [], 1
    while at + 2 <= len(payload):
        size = payload[at] << 8 | payload[at + 1]
        found.append(payload[at + 2 : at + 2 + size])
        at += 2 + size
    return found


class H264Assembler:
    """Collects the NAL units of one access unit."""

    def __init__(self) -> None:
        self._nals: list[bytes] = []
        self._fragments: list[bytes] = []

    def begin(self) -> None:
        """Forget what was collected: a new access unit starts."""
        self._nals = []
        self._fragments = []

    def add(self, payload: bytes) -> bool:
        """Take one packet; False when it cannot belong to a whole access unit.

        Raises IndexError for a payload cut short.
        """
        kind = payload[0] & 0x1F
        if kind == FU_A:
            return self._add_fragment(payload)
        if self._fragments:
            return False
        if 1 <= kind < STAP_A:
            self._nals.append(payload)
            return True
        if kind == STAP_A:
            self._nals.extend(nal for nal in _aggregated(payload) if nal)
            return True
        return False

    def _add_fragment(self, payload: bytes) -> bool:
        head = payload[1]
        if head & 0x80:
            self._fragments = [bytes([payload[0] & 0xE0 | head & 0x1F])]
        elif not self._fragments:
            return False
        self._fragments.append(payload[2:])
        if head & 0x40:
            self._nals.append(b"".join(self._fragments))
            self._fragments = []
        return True

    def take(self) -> tuple[bytes, bool, int]:
        """Return (length-prefixed NAL units, is keyframe, temporal layer).

        A picture to which no other refers (nal_ref_idc 0, section 7.4.1) counts as layer 1.
        """
        nals = self._nals
        self.begin()
        key = any(nal[0] & 0x1F == IDR for nal in nals)
        needed = any(nal[0] & 0x60 and nal[0] & 0x1F <= IDR for nal in nals)
        data = b"".join(struct.pack("!I", len(nal)) + nal for nal in nals)
        return data, key, 0 if needed else 1


def parameter_sets(frame: bytes) -> tuple[bytes, bytes] | None:
    """Return (SPS, PPS) found in a frame of length-prefixed NAL units, or None."""
    sps = pps = None
    at = 0
    while at + 4 < len(frame):
        (size,) = struct.unpack_from("!I", frame, at)
        nal = frame[at + 4 : at + 4 + size]
        at += 4 + size
        kind = nal[0] & 0x1F if nal else 0
        if kind == SPS and len(nal) >= 4:
            sps = nal
        elif kind == PPS:
            pps = nal
    return (sps, pps) if sps and pps else None


def decoder_configuration(sps: bytes, pps: bytes) -> bytes:
    """Return the AVCDecoderConfigurationRecord (ISO/IEC 14496-15 section 5.3.3.1).

    Raises MalformedParameterSet for a set whose length in bytes does not fit into its 16 bits.
    """
    longest = max(len(sps), len(pps))
    if longest > 0xFFFF:
        raise MalformedParameterSet(f"a set of {longest} bytes")
    return (
        bytes([1, sps[1], sps[2], sps[3], 0xFF, 0xE1])
        + struct.pack("!H", len(sps))
        + sps
        + b"\x01"
        + struct.pack("!H", len(pps))
        + pps
    )


class _Bits:
    """Reads a NAL unit bit by bit, without its emulation prevention bytes."""

    def __init__(self, nal: bytes) -> None:
        self._value = int.from_bytes(nal.replace(b"\0\0\x03", b"\0\0"), "big")
        self._left = len(nal.replace(b"\0\0\x03", b"\0\0")) * 8

    def take(self, count: int) -> int:
        if count > self._left:
            raise MalformedParameterSet("it ends too early")
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)

    def unsigned(self) -> int:
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 32:
                raise MalformedParameterSet("a number is too long")
        return (1 << zeros) - 1 + self.take(zeros)

    def signed(self) -> int:
        value = self.unsigned()
        return (value + 1) // 2 if value & 1 else -(value // 2)


def size(sps: bytes) -> tuple[int, int]:
    """Return (width, height) after cropping. Raises MalformedParameterSet."""
    bits = _Bits(sps)
    bits.take(8)
    profile = bits.take(8)
    bits.take(16)
    bits.unsigned()
    chroma = 1
    if profile in _HIGH_PROFILES:
        chroma = _skip_high_profile(bits)
    bits.unsigned()
    order = bits.unsigned()
    if order == 0:
        bits.unsigned()
    elif order == 1:
        bits.take(1)
        bits.signed()
        bits.signed()
        for _ in range(min(bits.unsigned(), 256)):
            bits.signed()
    bits.unsigned()
    bits.take(1)
    width = (bits.unsigned() + 1) * 16
    map_units = bits.unsigned() + 1
    frame_only = bits.take(1)
    height = map_units * 16 * (2 - frame_only)
    if not frame_only:
        bits.take(1)
    bits.take(1)
    if bits.take(1):
        left, right, top, bottom = (bits.unsigned() for _ in range(4))
        step_x = 2 if chroma in (1, 2) else 1
        step_y = (2 if chroma == 1 else 1) * (2 - frame_only)
        width -= (left + right) * step_x
        height -= (top + bottom) * step_y
    if not (0 < width <= 16384 and 0 < height <= 16384):
        raise MalformedParameterSet(f"a size of {width}x{height}")
    return width, height


def _skip_high_profile(bits: _Bits) -> int:
    chroma = bits.unsigned()
    if chroma == 3:
        bits.take(1)
    bits.unsigned()
    bits.unsigned()
    bits.take(1)
    if bits.take(1):
        for index in range(8 if chroma != 3 else 12):
            if bits.take(1):
                _skip_scaling_list(bits, 16 if index < 6 else 64)
    return chroma


def _skip_scaling_list(bits: _Bits, count: int) -> None:
    last, following = 8, 8
    for _ in range(count):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last
