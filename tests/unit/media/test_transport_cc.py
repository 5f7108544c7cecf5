"""What we report is read back by a reader written from the draft."""

from __future__ import annotations

import struct

import pylibsrtp
import pytest
from aiortc import rtp
from hypothesis import example, given
from hypothesis import strategies as st

from proctorhub.media import rtcp, transport_cc
from proctorhub.media.transport_cc import Feedback

NOW_S = 1_800_000_000.0
TICK_S = 0.00025


def read(body: bytes) -> dict[int, float | None]:
    """Return sequence number → seconds since the reference time 0, or None for lost ones."""
    base, count, word = struct.unpack_from("!HHI", body)
    symbols: list[int] = []
    at = 8
    while len(symbols) < count:
        (chunk,) = struct.unpack_from("!H", body, at)
        at += 2
        if not chunk & 0x8000:
            symbols += [chunk >> 13 & 3] * (chunk & 0x1FFF)
        elif chunk & 0x4000:
            symbols += [chunk >> shift & 3 for shift in range(12, -1, -2)]
        else:
            symbols += [chunk >> shift & 1 for shift in range(13, -1, -1)]
    found: dict[int, float | None] = {}
    time_s = (word >> 8) * 0.064
    for place, symbol in enumerate(symbols[:count]):
        seq = (base + place) & 0xFFFF
        if symbol == 0:
            found[seq] = None
            continue
        if symbol == 1:
            (delta,) = struct.unpack_from("!B", body, at)
            at += 1
        else:
            assert symbol == 2
            (delta,) = struct.unpack_from("!h", body, at)
            at += 2
        time_s += delta * TICK_S
        found[seq] = time_s
    assert at == len(body)
    return found


def reported(arrivals: list[tuple[int, float]]) -> list[dict[int, float | None]]:
    """Report all arrivals at once."""
    bodies: list[bytes] = []
    feedback = Feedback(bodies.append)
    for arrival in arrivals:
        feedback.arrived(arrival)
    feedback.tell()
    return [read(body) for body in bodies]


@given(
    st.integers(0, 0xFFFF),
    st.lists(
        st.tuples(st.integers(1, 40) | st.just(1), st.floats(0, 7.9)), min_size=1, max_size=900
    ),
)
def test_every_arrival_is_told_with_its_time_and_every_hole_as_lost(
    first: int, steps: list[tuple[int, float]]
) -> None:
    seq, at_s, sent, arrivals = first, NOW_S, {}, []
    for step, later_s in steps:
        arrivals.append((seq & 0xFFFF, at_s))
        sent[seq] = at_s
        seq, at_s = seq + step, at_s + later_s
    found: dict[int, float | None] = {}
    for message in reported(arrivals):
        assert not found.keys() & message.keys() or len(found) > 0x8000
        found |= message
    expected = {s & 0xFFFF: sent.get(s) for s in range(first, max(sent) + 1)}
    if max(sent) - first > 0xFFFF:  # told twice, which one counts is of no interest here
        return
    assert found.keys() == expected.keys()
    for number, at in expected.items():
        told = found[number]
        assert (told is None) == (at is None)
        if told is not None and at is not None:
            off = (told - at) % (0.064 * (1 << 24))
            assert min(off, 0.064 * (1 << 24) - off) < 0.001


@given(
    st.lists(st.integers(1, 4000) | st.integers(1, 12), min_size=1, max_size=600),
    st.sampled_from([0.0, 0.1]),
)
@example([8] * 600, 0.1)
@example([10] * 400, 0.1)
def test_no_message_is_too_long_for_a_protected_datagram(steps: list[int], apart_s: float) -> None:
    bodies: list[bytes] = []
    feedback = Feedback(bodies.append)
    seq = 0
    for index, step in enumerate(steps):
        seq += step
        feedback.arrived((seq & 0xFFFF, NOW_S + index * apart_s))
    feedback.tell()
    protection = pylibsrtp.Session(
        pylibsrtp.Policy(key=bytes(30), ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
    )
    for body in bodies:
        assert len(body) <= transport_cc.MAX_BODY
        protection.protect_rtcp(rtcp.transport_feedback(1, 2, body))


def test_what_could_not_be_sent_is_not_tried_for_ever() -> None:
    told: list[bytes] = []

    def send(body: bytes) -> None:
        told.append(body)
        if len(told) == 1:
            raise ValueError("packet is too long")

    feedback = Feedback(send)
    feedback.arrived((1, NOW_S))
    with pytest.raises(ValueError, match="too long"):
        feedback.tell()
    feedback.tell()
    assert len(told) == 1
    feedback.arrived((2, NOW_S + 1))
    feedback.tell()
    assert list(read(told[1])) == [2]


def test_a_late_packet_that_was_told_as_lost_is_told_again() -> None:
    bodies: list[bytes] = []
    feedback = Feedback(bodies.append)
    feedback.arrived((65_535, NOW_S))
    feedback.tell()
    feedback.arrived((1, NOW_S + 0.01))
    feedback.tell()
    feedback.arrived((0, NOW_S + 0.02))
    feedback.arrived((2, NOW_S + 0.03))
    feedback.tell()
    first, second, third = (read(body) for body in bodies)
    assert [(n, t is None) for n, t in first.items()] == [(65_535, False)]
    assert [(n, t is None) for n, t in second.items()] == [(0, True), (1, False)]
    assert [(n, t is None) for n, t in third.items()] == [(0, False), (1, True), (2, False)]
    assert [body[7] for body in bodies] == [0, 1, 2]


def test_nothing_is_told_twice_and_nothing_when_nothing_came() -> None:
    bodies: list[bytes] = []
    feedback = Feedback(bodies.append)
    feedback.arrived((7, NOW_S))
    feedback.tell()
    feedback.tell()
    assert len(bodies) == 1


def test_a_sender_that_begins_other_numbers_is_followed() -> None:
    bodies: list[bytes] = []
    feedback = Feedback(bodies.append)
    for seq in (10, 40_000, 40_001):
        feedback.arrived((seq, NOW_S))
        feedback.tell()
    assert [list(read(body)) for body in bodies] == [[10], [40_000], [40_001]]


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.floats(-1e4, 1e9)), min_size=1, max_size=60))
def test_any_numbers_and_times_make_readable_messages(arrivals: list[tuple[int, float]]) -> None:
    reported(arrivals)


def test_the_message_is_read_by_another_parser() -> None:
    bodies: list[bytes] = []
    feedback = Feedback(bodies.append)
    feedback.arrived((7, NOW_S))
    feedback.tell()
    (packet,) = rtp.RtcpPacket.parse(rtcp.transport_feedback(5, 6, bodies[0]))
    assert isinstance(packet, rtp.RtcpRtpfbPacket)
    assert (packet.fmt, packet.ssrc, packet.media_ssrc) == (15, 5, 6)


@pytest.mark.parametrize(
    ("extension", "found"),
    [
        ("bede 0001 41 1234 00", 0x1234),
        ("bede 0002 10 30 00 41 1234 0000", 0x1234),  # behind a mid, and padding
        ("bede 0001 51 1234 00", None),
        ("1000 0001 41 1234 00", None),  # not the one-byte form
        ("bede 0000", None),
    ],
)
def test_the_number_in_a_header_extension(extension: str, found: int | None) -> None:
    packet = bytes(12) + bytes.fromhex(extension) + b"payload"
    assert transport_cc.number(packet, 12, 4) == found


def test_a_header_extension_that_is_cut_short() -> None:
    with pytest.raises(IndexError):
        transport_cc.number(bytes(12) + bytes.fromhex("bede 0001 41 12"), 12, 4)
