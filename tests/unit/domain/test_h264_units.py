"""Browsers write H.264 in two ways; both come out as it arrives by RTP."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctorhub.domain.h264_units import MalformedUnits, normal

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
