"""What we write is read by aiortc's parser, which is not ours."""

from __future__ import annotations

from aiortc import rtp
from hypothesis import example, given
from hypothesis import strategies as st

from proctorhub.media import rtcp

SSRC = st.integers(1, 0xFFFFFFFF)


@example(1, 2, 65_530, {0, 3, 10, 40})
@given(SSRC, SSRC, st.integers(0, 0xFFFF), st.sets(st.integers(0, 600), min_size=1, max_size=80))
def test_nack_names_the_same_packets_also_over_the_wrap(
    ours: int, theirs: int, first: int, steps: set[int]
) -> None:
    lost = [(first + step) & 0xFFFF for step in sorted(steps)]
    (packet,) = rtp.RtcpPacket.parse(rtcp.nack(ours, theirs, lost))
    assert isinstance(packet, rtp.RtcpRtpfbPacket)
    assert (packet.fmt, packet.ssrc, packet.media_ssrc) == (1, ours, theirs)
    assert [seq & 0xFFFF for seq in packet.lost] == lost


def test_picture_loss() -> None:
    (packet,) = rtp.RtcpPacket.parse(rtcp.picture_loss(1, 2))
    assert isinstance(packet, rtp.RtcpPsfbPacket)
    assert (packet.fmt, packet.ssrc, packet.media_ssrc, packet.fci) == (1, 1, 2, b"")


@given(st.integers(-1000, 1 << 24), st.integers(0, 255), st.integers(0, 1 << 40))
def test_receiver_report(lost: int, fraction: int, highest: int) -> None:
    report = rtcp.Reception(7, fraction, lost, highest, 12, 34, 56)
    (packet,) = rtp.RtcpPacket.parse(rtcp.receiver_report(3, [report]))
    assert isinstance(packet, rtp.RtcpRrPacket)
    (block,) = packet.reports
    assert (block.ssrc, block.fraction_lost) == (7, fraction)
    assert block.packets_lost == max(-(1 << 23), min((1 << 23) - 1, lost))
    assert block.highest_sequence == highest & 0xFFFFFFFF
    assert (block.jitter, block.lsr, block.dlsr) == (12, 34, 56)


@given(st.text(max_size=400))
def test_sender_report_with_name(cname: str) -> None:
    report, names = rtp.RtcpPacket.parse(rtcp.sender_report(5, 1 << 40, 1 << 33, 3, 4, cname))
    assert isinstance(report, rtp.RtcpSrPacket) and isinstance(names, rtp.RtcpSdesPacket)
    assert report.sender_info.ntp_timestamp == 1 << 40
    assert report.sender_info.rtp_timestamp == 0
    assert names.chunks[0].items == [(1, cname.encode()[:255])]


@given(st.integers(1000, 1_000_000_000))
def test_remb_says_about_the_bitrate(bitrate: int) -> None:
    (packet,) = rtp.RtcpPacket.parse(rtcp.remb(1, bitrate, [8, 9]))
    assert isinstance(packet, rtp.RtcpPsfbPacket)
    said, ssrcs = rtp.unpack_remb_fci(packet.fci)
    assert ssrcs == [8, 9]
    assert bitrate * 0.99 <= said <= bitrate
