from __future__ import annotations

import struct
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from aiortc import rtp
from hypothesis import given, settings
from hypothesis import strategies as st

from proctorhub.media import publisher as module
from proctorhub.media.frame import Frame
from proctorhub.media.lines import MediaLine
from proctorhub.media.publisher import Publisher

NOW = 1_800_000_000.0
KEY = b"\x10" + b"\x30\x01\x00\x9d\x01\x2a\x80\x02\xe0\x01"


class Wire:
    """Stands in for a peer."""

    def __init__(self) -> None:
        self.rtcp: list[bytes] = []

    def send_rtcp(self, packet: bytes) -> None:
        self.rtcp.append(packet)


def _line(kind: str, ssrc: int | None, rtx: int | None) -> MediaLine:
    video = kind == "video"
    return MediaLine(
        kind=kind,
        mid="0",
        codec="VP8" if video else "opus",
        payload_type=97 if video else 96,
        clock_rate=90_000 if video else 48_000,
        rtx_payload_type=98 if video else None,
        ssrc=ssrc,
        rtx_ssrc=rtx,
        local_ssrc=9,
        cname="",
        profile="",
    )


def _publisher(ssrc: int | None = 2, rtx: int | None = 3) -> tuple[Publisher, Wire, list[Frame]]:
    wire, frames = Wire(), []
    made = Publisher(
        wire,  # type: ignore[arg-type]
        [_line("audio", None if ssrc is None else 1, None), _line("video", ssrc, rtx)],
        on_loss=lambda *_: None,
    )
    made.on_frame = lambda frame, now: frames.append(frame)
    return made, wire, frames


def _packet(payload: bytes, *, seq: int = 1, ssrc: int = 2, kind: int = 97) -> bytes:
    return struct.pack("!BBHII", 0x80, 0x80 | kind, seq, 900, ssrc) + payload


def test_header_extensions_sources_and_padding_are_taken_off() -> None:
    made, _, frames = _publisher()
    head = struct.pack("!BBHII", 0x80 | 0x20 | 0x10 | 2, 0x80 | 97, 1, 900, 2) + bytes(8)
    made.on_rtp(head + b"\xbe\xde\x00\x01\x10\x00\x00\x00" + KEY + b"\0\0\0\x04", NOW)
    assert [f.data for f in frames] == [KEY[1:]]


@pytest.mark.parametrize("announced", [True, False])
def test_tracks_are_found_by_ssrc_or_else_by_payload_type(announced: bool) -> None:
    made, _, frames = _publisher(*((2, 3) if announced else (None, None)))
    made.on_rtp(_packet(KEY, seq=1, ssrc=2), NOW)
    made.on_rtp(_packet(b"\x00\x02" + KEY, seq=77, ssrc=3, kind=98), NOW)  # RTX of packet 2
    made.on_rtp(_packet(b"sound", seq=5, ssrc=1, kind=96), NOW)
    made.on_rtp(_packet(b"?", seq=5, ssrc=4, kind=111), NOW)
    assert sorted(f.kind for f in frames) == ["audio", "video", "video"]
    assert made.tracks["video"].ingest.recovered == 1
    assert made.unknown_packets == 1


def _rtp_of(ssrc: int) -> tuple[bytes, bool]:
    return _packet(KEY, ssrc=ssrc), False


def _rtx_of(ssrc: int) -> tuple[bytes, bool]:
    return _packet(b"\x00\x02" + KEY, ssrc=ssrc, kind=98), False


def _stranger(ssrc: int) -> tuple[bytes, bool]:
    return _packet(b"?", ssrc=ssrc, kind=111), False


def _cut_short(ssrc: int) -> tuple[bytes, bool]:
    return struct.pack("!BBHIII", 0x90, 97, 1, 900, ssrc, 0xBEDE0000), False


def _report(ssrc: int) -> tuple[bytes, bool]:
    return struct.pack("!BBHI", 0x80, 201, 1, ssrc), True


def _cut_report(ssrc: int) -> tuple[bytes, bool]:
    return struct.pack("!BBHI", 0x81, 201, 7, ssrc), True


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("make", [_rtp_of, _rtx_of, _stranger, _cut_short, _report, _cut_report])
def test_more_streams_than_any_sender_has_are_noticed_and_not_remembered(
    make: Callable[[int], tuple[bytes, bool]], announced: bool
) -> None:
    made, _, _ = _publisher(*((2, 3) if announced else (None, None)))
    for kind in (96, 97, 98):
        made.on_rtp(_packet(b"\x00\x02" + KEY, ssrc=kind - 95, kind=kind), NOW)
    made.on_rtp(_packet(b"probe", ssrc=0, kind=97), NOW)
    made.on_rtcp(_report(1)[0], NOW)
    for ssrc in [*range(1000, 1000 + module.MAX_SOURCES // 2)] * 3:
        packet, is_report = make(ssrc)
        (made.on_rtcp if is_report else made.on_rtp)(packet, NOW)
    assert not made.crowded
    for ssrc in range(2000, 3000):
        packet, is_report = make(ssrc)
        (made.on_rtcp if is_report else made.on_rtp)(packet, NOW)
    assert made.crowded
    known = len(made._by_ssrc) + len(made._by_rtx) + len(made._unannounced)
    assert known <= 3 * module.MAX_SOURCES


def test_wishes_for_a_keyframe_are_gathered_but_none_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, wire, _ = _publisher()
    now = 1000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    video = made.tracks["video"]
    for _ in range(5):
        video.request_keyframe()
    assert len(wire.rtcp) == 1
    made.tick(time.time())
    assert len(wire.rtcp) == 1
    now += module.PLI_EVERY_S
    made.tick(time.time())
    assert len(wire.rtcp) == 2
    now += 1
    made.tick(time.time())
    assert len(wire.rtcp) == 2


def test_reports_go_out_for_tracks_that_send() -> None:
    made, wire, _ = _publisher()
    made.report(time.time())
    assert not wire.rtcp
    made.on_rtp(_packet(KEY), NOW)
    made.report(time.time())
    report, remb = rtp.RtcpPacket.parse(wire.rtcp[0])
    assert isinstance(report, rtp.RtcpRrPacket) and report.reports[0].ssrc == 2
    assert isinstance(remb, rtp.RtcpPsfbPacket)


@settings(max_examples=200)
@given(st.binary(max_size=80), st.binary(max_size=80))
def test_garbage_never_hurts(packet: bytes, report: bytes) -> None:
    made, _, _ = _publisher(None, None)
    made.on_rtp(packet, NOW)
    made.on_rtp(struct.pack("!BB", 0x80, 97) + packet, NOW)
    made.on_rtcp(report, NOW)
    made.flush(time.time())


def test_arrivals_are_told_and_the_ceiling_is_for_those_that_do_not_number() -> None:
    wire = Wire()
    lines = [replace(_line("video", 2, 3), transport_cc=4)]
    made = Publisher(wire, lines, on_loss=lambda *_: None)  # type: ignore[arg-type]
    head = struct.pack("!BBHII", 0x90, 97, 1, 900, 2)
    made.on_rtp(head + bytes.fromhex("bede 0001 41 0007 00") + KEY, NOW)
    # behind another extension, in a packet of nothing but padding
    made.on_rtp(head + bytes.fromhex("bede 0002 10 30 00 41 0008 0000"), NOW + 0.01)
    made.tick(NOW + 0.25)
    (feedback,) = [p for p in wire.rtcp if p[:2] == b"\x8f\xcd"]
    assert struct.unpack_from("!IHH", feedback, 8) == (2, 7, 2)
    made.report(NOW + 1)
    assert b"REMB" not in wire.rtcp[-1]

    plain, wire, _ = _publisher()
    plain.on_rtp(_packet(KEY), NOW)
    plain.report(NOW + 1)
    assert b"REMB" in wire.rtcp[-1]
