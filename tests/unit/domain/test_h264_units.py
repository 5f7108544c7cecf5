"""Browsers write H.264 in two ways; both come out as it arrives by RTP."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctorhub.domain.h264_units import MOST_SETS, MOST_UNITS, MalformedUnits, normal

SPS, PPS = b"\x67\x42\xc0\x1f\x8c", b"\x68\xce\x3c\x80"
KEY, DELTA = b"\x65\x88\x84\x11", b"\x41\x9a\x22\x33"
RECORD = (
    b"\x01\x42\xc0\x1f\xff\xe1" + struct.pack("!H", len(SPS)) + SPS
    + b"\x01" + struct.pack("!H", len(PPS)) + PPS
)  # fmt: skip


def sized(*units: bytes) -> bytes:
    return b"".join(struct.pack("!I", len(unit)) + unit for unit in units)


def started(*units: bytes) -> bytes:
    return b"".join(b"\0\0\0\x01" + unit for unit in units)


@pytest.mark.parametrize(
    ("frame", "private", "wanted", "key"),
    [
        (started(SPS, PPS, KEY), b"", sized(SPS, PPS, KEY), True),
        (b"\0\0\x01" + DELTA, b"", sized(DELTA), False),
        (sized(KEY), RECORD, sized(SPS, PPS, KEY), True),
        (sized(SPS, PPS, KEY), RECORD, sized(SPS, PPS, KEY), True),
        (sized(DELTA), RECORD, sized(DELTA), False),
        (b"\0\x04" + DELTA, RECORD[:4] + b"\xfd" + RECORD[5:], sized(DELTA), False),
    ],
)
def test_frames(frame: bytes, private: bytes, wanted: bytes, key: bool) -> None:
    assert normal(frame, private) == (wanted, key)


@pytest.mark.parametrize(
    ("frame", "private"),
    [
        (b"", b""),
        (DELTA, b""),
        (started(KEY), b""),
        (sized(DELTA)[:-1], RECORD),
        (sized(DELTA), RECORD[:9]),
        (sized(DELTA), b"OpusHead"),
        (b"", RECORD),
        (started(*[DELTA] * (MOST_UNITS + 1)), b""),
        (sized(*[DELTA] * (MOST_UNITS + 1)), RECORD),
        (
            sized(KEY),
            RECORD[:5] + bytes([0xE1 + MOST_SETS]) + (b"\0\1" + SPS[:1]) * (1 + MOST_SETS),
        ),
    ],
)
def test_refused(frame: bytes, private: bytes) -> None:
    with pytest.raises(MalformedUnits):
        normal(frame, private)


@given(st.binary(max_size=80), st.one_of(st.just(b""), st.just(RECORD), st.binary(max_size=40)))
def test_anything_is_refused_or_read(frame: bytes, private: bytes) -> None:
    try:
        data, _ = normal(frame, private)
    except MalformedUnits:
        return
    at = 0
    while at < len(data):
        (size,) = struct.unpack_from("!I", data, at)
        assert size
        at += 4 + size
    assert at == len(data)


def test_as_many_units_as_a_browser_may_write() -> None:
    units = [DELTA] * MOST_UNITS
    assert normal(started(*units), b"") == (sized(*units), False)
    assert normal(sized(*units), RECORD) == (sized(*units), False)


def by_walking(frame: bytes) -> list[bytes] | None:
    """What ITU-T H.264 B.1 says, byte by byte; None without a start code at the begin."""
    units: list[bytearray] = []
    zeros = 0
    for byte in frame:
        if byte == 1 and zeros >= 2:
            units.append(bytearray())
        elif units:
            units[-1].append(byte)
        elif byte:
            return None
        zeros = 0 if byte else zeros + 1
    # zeros behind a unit belong to no unit
    return [bytes(u).rstrip(b"\0") for u in units if any(u)] or None


@given(st.lists(st.sampled_from([0, 0, 0, 1, 1, 0x41, 0x9A]), max_size=60).map(bytes))
def test_start_codes_agree_with_walking(frame: bytes) -> None:
    wanted = by_walking(frame)
    try:
        found = normal(frame, b"")[0]
    except MalformedUnits:
        assert wanted is None
    else:
        assert wanted is not None and found == sized(*wanted)


@pytest.mark.parametrize("zeros", ["before", "behind", "between"])
def test_a_long_run_of_zeros_is_answered(zeros: str) -> None:
    # what is quadratic in these takes an hour, and longer than a test may
    run = bytes(4 << 20)
    frame = {
        "before": run + b"\x01" + DELTA,
        "behind": b"\0\0\x01" + DELTA + run,
        "between": b"\0\0\x01" + DELTA + run + b"\x01" + DELTA,
    }[zeros]
    units = [DELTA] * (2 if zeros == "between" else 1)
    assert normal(frame, b"") == (sized(*units), False)
