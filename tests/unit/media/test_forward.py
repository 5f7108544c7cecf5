from __future__ import annotations

import struct

import pytest
from aiortc import rtp

from proctorhub.media.clock import SenderClock, TrackClock, ntp_seconds
from proctorhub.media.forward import REPEATED_AT_ONCE, REPEATED_PART, Forwarder
from proctorhub.media.layers import ALL, KEYFRAMES
from proctorhub.media.lines import MediaLine

KEY = b"\x10\x30" + bytes(20)
DELTA = b"\x10\x31" + bytes(20)


class Upstream:
    def __init__(self, kind: str = "video") -> None:
        self.kind = kind
        self.codec = "VP8" if kind == "video" else "opus"
        self.clock = TrackClock(90_000, SenderClock())
        self.asked = 0

    def request_keyframe(self) -> None:
        self.asked += 1


class Wire:
    def __init__(self, kind: str = "video", rtx: bool = True) -> None:
        self.packets: list[rtp.RtpPacket] = []
        self.reports: list[bytes] = []
        line = MediaLine(
            kind=kind,
            mid="0",
            codec="VP8" if kind == "video" else "opus",
            payload_type=101,
            clock_rate=90_000,
            rtx_payload_type=102 if rtx else None,
            ssrc=1234,
            rtx_ssrc=5678,
            local_ssrc=1234,
            cname="node",
            profile="",
        )
        self.forwarder = Forwarder(
            line, lambda p: self.packets.append(rtp.RtpPacket.parse(p)), self.reports.append
        )

    def send(self, seq: int, at: int, payload: bytes, now: float = 1.0, marker: int = 0x80) -> None:
        self.forwarder.send(marker, seq & 0xFFFF, at & 0xFFFFFFFF, payload, now)


def test_a_viewer_begins_at_a_keyframe_asked_for_at_once() -> None:
    wire, upstream = Wire(), Upstream()
    wire.forwarder.attach(upstream)
    assert upstream.asked == 1
    wire.send(1, 100, DELTA)
    assert not wire.packets
    wire.send(2, 200, KEY)
    wire.send(3, 300, DELTA)
    assert [p.payload for p in wire.packets] == [KEY, DELTA]


def test_sound_waits_for_nothing() -> None:
    wire, upstream = Wire("audio"), Upstream("audio")
    wire.forwarder.attach(upstream)
    wire.send(1, 100, b"sound")
    assert len(wire.packets) == 1 and not upstream.asked


@pytest.mark.parametrize("first", [10, 65534])
def test_numbers_run_on_as_the_senders_do(first: int) -> None:
    wire = Wire()
    wire.forwarder.attach(Upstream())
    for step in (0, 1, 3, 2, 4):
        wire.send(first + step, 0xFFFFFF00 + 3000 * step, KEY)
    base = wire.packets[0]
    assert [(p.sequence_number - base.sequence_number) & 0xFFFF for p in wire.packets] == [
        0,
        1,
        3,
        2,
        4,
    ]
    assert [(p.timestamp - base.timestamp) & 0xFFFFFFFF for p in wire.packets] == [
        0,
        3000,
        9000,
        6000,
        12000,
    ]
    assert {(p.ssrc, p.payload_type, p.marker) for p in wire.packets} == {(1234, 101, 1)}


def test_a_new_sender_continues_the_viewers_numbers() -> None:
    wire = Wire()
    wire.forwarder.attach(Upstream())
    for step in range(5):
        wire.send(100 + step, 3000 * step, KEY, now=1.0 + step / 30)
    second = Upstream()
    wire.forwarder.attach(second)
    wire.send(40_000, 77_777_777, DELTA, now=3.0)
    wire.send(40_001, 77_780_777, KEY, now=3.0)
    before, after = wire.packets[-2:]
    assert second.asked == 1
    assert (after.sequence_number - before.sequence_number) & 0xFFFF == 1
    passed = (after.timestamp - before.timestamp) & 0xFFFFFFFF
    assert passed == pytest.approx(90_000 * (3.0 - (1.0 + 4 / 30)), abs=10)


def test_lost_packets_are_repeated_as_rtx() -> None:
    wire = Wire()
    wire.forwarder.attach(Upstream())
    for step in range(20):
        wire.send(step, step, KEY + bytes([step]))
    lost = wire.packets[7]
    wire.forwarder.repeat([lost.sequence_number, lost.sequence_number + 5000])
    again = wire.packets[-1]
    assert len(wire.packets) == 21 and wire.forwarder.repeated == 1
    assert (again.ssrc, again.payload_type) == (5678, 102)
    plain = rtp.unwrap_rtx(again, payload_type=101, ssrc=1234)
    assert plain.sequence_number == lost.sequence_number
    assert (plain.payload, plain.timestamp, plain.marker) == (
        lost.payload,
        lost.timestamp,
        lost.marker,
    )


def test_without_rtx_the_packet_itself_is_repeated() -> None:
    wire = Wire(rtx=False)
    wire.forwarder.attach(Upstream())
    wire.send(1, 1, KEY)
    wire.forwarder.repeat([wire.packets[0].sequence_number])
    assert bytes(wire.packets[0].serialize()) == bytes(wire.packets[1].serialize())


def test_a_viewers_wish_goes_upstream() -> None:
    wire, upstream = Wire(), Upstream()
    wire.forwarder.request_keyframe()
    wire.forwarder.attach(upstream)
    wire.forwarder.request_keyframe()
    assert upstream.asked == 2


def test_reports_tie_both_tracks_to_one_clock() -> None:
    clock = SenderClock()
    said: dict[str, float] = {}
    for kind, rate, start in (("video", 90_000, 5_000_000), ("audio", 90_000, 123)):
        upstream = Upstream(kind)
        upstream.clock = TrackClock(rate, clock)
        upstream.clock.frame(start, 1000.0)
        upstream.clock.report(50.0, start, 1000.0)
        wire = Wire(kind)
        wire.forwarder.attach(upstream)
        wire.forwarder.report(1002.0)
        assert not wire.reports  # nothing was sent yet
        wire.send(1, start + rate, KEY, now=1001.0)  # media of one second after the report
        wire.forwarder.report(1002.0)
        report = rtp.RtcpPacket.parse(wire.reports[0])[0]
        assert isinstance(report, rtp.RtcpSrPacket)
        info = report.sender_info
        behind = (info.rtp_timestamp - wire.packets[0].timestamp) & 0xFFFFFFFF
        said[kind] = ntp_seconds(info.ntp_timestamp) - behind / rate
        assert (info.packet_count, info.octet_count) == (1, len(KEY))
    assert said["video"] == pytest.approx(1001.0, abs=0.002)
    assert said["audio"] == pytest.approx(said["video"], abs=0.002)


def test_the_header_is_rfc_3550() -> None:
    sent: list[bytes] = []
    wire = Wire()
    wire.forwarder._send_rtp = sent.append
    wire.forwarder.attach(Upstream())
    wire.send(1, 2, KEY, marker=0)
    first, second, _, _, ssrc = struct.unpack_from("!BBHII", sent[0])
    assert (first, second, ssrc) == (0x80, 101, 1234)


def test_a_viewer_that_asks_all_the_time_costs_few_keyframes() -> None:
    wire, upstream = Wire(), Upstream()
    wire.forwarder.attach(upstream)
    wire.send(1, 100, KEY)
    for _ in range(50):
        wire.forwarder.request_keyframe()
    assert upstream.asked == 2  # the first at the beginning


def layered(layer: int, picture: int) -> bytes:
    """A VP8 payload with a picture id and a layer (RFC 7741 section 4.2); not of a keyframe."""
    return bytes([0x90, 0xA0, picture, layer << 6 | 0x20, 1]) + bytes(20)


def test_a_thinned_viewer_gets_numbers_without_holes() -> None:
    wire = Wire()
    wire.forwarder.attach(Upstream())
    wire.send(1, 0, KEY)
    wire.forwarder.thin(0)
    for step, layer in enumerate((0, 2, 1, 2, 0, 2), start=2):
        wire.send(step, 3000 * step, layered(layer, step))
    base = wire.packets[0].sequence_number
    assert [(p.sequence_number - base) & 0xFFFF for p in wire.packets] == [0, 1, 2]
    assert [p.payload[2] for p in wire.packets[1:]] == [2, 3]
    wire.forwarder.attach(Upstream())
    wire.send(500, 7, KEY)
    wire.send(501, 8, layered(2, 9))
    assert len(wire.packets) == 4  # a new sender is thinned like the one before


def test_h264_has_no_layers_to_leave_out() -> None:
    wire = Wire()
    wire.forwarder.codec = "H264"
    wire.forwarder.thin(0)
    wire.forwarder.attach(Upstream())
    wire.send(1, 0, KEY)
    wire.send(2, 1, layered(2, 9))
    assert len(wire.packets) == 2


def test_who_gets_keyframes_alone_costs_the_sender_none() -> None:
    wire, upstream = Wire(), Upstream()
    wire.forwarder.attach(upstream)
    wire.forwarder.thin(KEYFRAMES)
    wire.forwarder.request_keyframe()
    assert upstream.asked == 1
    wire.forwarder.thin(ALL)
    wire.forwarder.request_keyframe()
    assert upstream.asked == 2


def test_a_full_line_is_not_kept_full_by_repeating() -> None:
    wire = Wire()
    wire.forwarder.attach(Upstream())
    big = KEY + bytes(1000)
    for step in range(200):
        wire.send(step, step, big)
    lost = [p.sequence_number for p in wire.packets]
    for _ in range(10):
        wire.forwarder.repeat(lost)
    again = sum(len(p.serialize()) for p in wire.packets[200:])
    assert REPEATED_AT_ONCE - 1100 < again <= REPEATED_AT_ONCE
    for step in range(200, 200 + 2 * REPEATED_PART):
        wire.send(step, step, big)
    before = len(wire.packets)
    wire.forwarder.repeat([p.sequence_number for p in wire.packets[-2 * REPEATED_PART :]])
    assert len(wire.packets) - before in (1, 2)
