"""H.264 frames as browsers put them into Matroska, made alike: NAL units with four-byte lengths.

A browser writes start codes (ITU-T H.264 annex B), or lengths with the parameter sets in the
track's header alone (ISO/IEC 14496-15 section 5.3.3). Here each keyframe carries its parameter
sets, as it does when it arrives by RTP.
"""

from __future__ import annotations

import struct

IDR, SPS, PPS = 5, 7, 8
_START = b"\0\0\1"
#: NAL units of one frame: even a slice for every row of 4K pictures is fewer.
MOST_UNITS = 256
#: Parameter sets of one kind; browsers write one, and each keyframe may get a copy of all.
MOST_SETS = 4


class MalformedUnits(Exception):
    """These are no NAL units."""


def normal(frame: bytes, private: bytes) -> tuple[bytes, bool]:
    """Return a frame with four-byte lengths, and whether it is a keyframe.

    `private` is the track's AVCDecoderConfigurationRecord; empty where start codes are used.
    Raises MalformedUnits.
    """
    if private:
        width, sets = _record(private)
        units = _by_length(frame, width)
    else:
        sets, units = [], _by_start_code(frame)
    kinds = {unit[0] & 0x1F for unit in units}
    if not units:
        raise MalformedUnits("no NAL unit")
    key = IDR in kinds
    if key and not {SPS, PPS} <= kinds:
        if not sets:
            raise MalformedUnits("a keyframe without parameter sets")
        units = [*sets, *units]
    return b"".join(struct.pack("!I", len(unit)) + unit for unit in units), key


def _by_start_code(frame: bytes) -> list[bytes]:
    # in linear time whatever is sent: zeros before a start code end the unit before it
    head, *rest = frame.split(_START, MOST_UNITS + 1)
    if not rest or head.strip(b"\0"):
        raise MalformedUnits("no start code")
    if len(rest) > MOST_UNITS:
        raise MalformedUnits("too many NAL units")
    return [unit for part in rest if (unit := part.rstrip(b"\0"))]


def _by_length(frame: bytes, width: int) -> list[bytes]:
    units: list[bytes] = []
    at = 0
    while at < len(frame):
        size = int.from_bytes(frame[at : at + width], "big")
        unit = frame[at + width : at + width + size]
        if not unit or len(unit) < size:
            raise MalformedUnits("a unit that is cut off")
        if len(units) == MOST_UNITS:
            raise MalformedUnits("too many NAL units")
        units.append(unit)
        at += width + size
    return units


def _record(private: bytes) -> tuple[int, list[bytes]]:
    """Return the width of lengths and the parameter sets."""
    try:
        if private[0] != 1:
            raise MalformedUnits("not a decoder configuration")
        width, at = (private[4] & 3) + 1, 6
        sets: list[bytes] = []
        for count in (private[5] & 0x1F, None):
            if count is None:
                count, at = private[at], at + 1
            if count > MOST_SETS:
                raise MalformedUnits("too many parameter sets")
            for _ in range(count):
                (size,) = struct.unpack_from("!H", private, at)
                sets.append(private[at + 2 : at + 2 + size])
                at += 2 + size
    except (IndexError, struct.error) as error:
        raise MalformedUnits("a decoder configuration that is cut off") from error
    return width, [unit for unit in sets if unit]
