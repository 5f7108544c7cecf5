"""One sender of one source: its peer, its tracks, and its chain of segments."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable

import structlog
from aiortc.rtp import RtcpByePacket, RtcpPacket, RtcpSrPacket

from proctorhub.media import rtcp
from proctorhub.media.aiortc_seam import Peer
from proctorhub.media.clock import SenderClock
from proctorhub.media.forward import Forwarder
from proctorhub.media.frame import Frame
from proctorhub.media.ingest import TrackIngest
from proctorhub.media.lines import MediaLine

log = structlog.get_logger(__name__)

# A constant ceiling lets Chromium reach its target in seconds; aiortc's own estimate starves it.
REMB_BITS = 4_000_000
PLI_EVERY_S = 0.25
_unpack = struct.Struct("!BBHII").unpack_from


class Track:
    """One negotiated track of a sender, with the viewers that take it."""

    def __init__(self, line: MediaLine, ingest: TrackIngest) -> None:
        self.line = line
        self.ingest = ingest
        self.kind = line.kind
        self.codec = line.codec
        self.clock = ingest.clock
        self.ssrc = line.ssrc
        self.forwarders: list[Forwarder] = []

    def request_keyframe(self) -> None:
        """Ask the sender for a keyframe."""
        self.ingest.request_keyframe()


class Publisher:
    """Turns a connected peer's packets into frames, forwards and feedback.

    `on_frame(frame, now)` gets whole frames; `on_loss(kind, before_s, after_s, packets)` is told of
    what was given up.
    """

    def __init__(
        self,
        peer: Peer,
        lines: list[MediaLine],
        *,
        on_loss: Callable[[str, float, float, int], None],
    ) -> None:
        self.peer = peer
        self.on_frame: Callable[[Frame, float], None] | None = None
        self._on_loss = on_loss
        self._sender_clock = SenderClock()
        self._pli_wanted = False
        self._pli_sent_s = 0.0
        self.tracks = {line.kind: self._track(line) for line in lines}
        self._by_ssrc: dict[int, Track] = {}
        self._by_rtx: dict[int, Track] = {}
        for track in self.tracks.values():
            if track.line.ssrc is not None:
                self._by_ssrc[track.line.ssrc] = track
            if track.line.rtx_ssrc is not None:
                self._by_rtx[track.line.rtx_ssrc] = track
        self.unknown_packets = 0
        self.bad_packets = 0
        peer.on_rtp = self.on_rtp
        peer.on_rtcp = self.on_rtcp

    def _track(self, line: MediaLine) -> Track:
        def nack(lost: list[int]) -> None:
            if track.ssrc is not None:
                self.peer.send_rtcp(rtcp.nack(line.local_ssrc, track.ssrc, lost))

        def pli() -> None:
            self._pli_wanted = True
            self._send_pli(track)

        def loss(before_s: float, after_s: float, packets: int) -> None:
            self._on_loss(line.kind, before_s, after_s, packets)

        ingest = TrackIngest(
            line.kind,
            line.codec,
            line.clock_rate,
            self._sender_clock,
            on_frame=self._frame,
            send_nack=nack,
            send_pli=pli,
            on_loss=loss,
        )
        track = Track(line, ingest)
        return track

    def _send_pli(self, track: Track) -> None:
        # Many may want a keyframe at once; a wish that comes too soon waits for the next tick.
        now = time.monotonic()
        if track.ssrc is not None and now - self._pli_sent_s >= PLI_EVERY_S:
            self._pli_wanted, self._pli_sent_s = False, now
            self.peer.send_rtcp(rtcp.picture_loss(track.line.local_ssrc, track.ssrc))

    def _frame(self, frame: Frame, now: float) -> None:
        if self.on_frame is not None:
            self.on_frame(frame, now)

    def on_rtp(self, packet: bytes) -> None:
        """Take one RTP packet (RFC 3550 section 5.1)."""
        try:
            first, second, seq, rtp, ssrc = _unpack(packet)
            at = 12 + ((first & 15) << 2)
            if first & 0x10:
                at += 4 + ((packet[at + 2] << 8 | packet[at + 3]) << 2)
            end = len(packet)
            if first & 0x20:
                end -= packet[-1]
        except (struct.error, IndexError):
            self.bad_packets += 1
            return
        track = self._by_ssrc.get(ssrc)
        again = False
        if track is None:
            track = self._by_rtx.get(ssrc)
            again = track is not None
            if track is None:
                track, again = self._learn(ssrc, second & 0x7F)
                if track is None:
                    self.unknown_packets += 1
                    return
        if again:  # RFC 4588 section 4: the original sequence number comes first
            if end - at <= 2:
                return
            seq = packet[at] << 8 | packet[at + 1]
            at += 2
        payload = packet[at:end]
        marker = second & 0x80
        now = time.time()
        if payload:
            for forwarder in track.forwarders:
                forwarder.send(marker, seq, rtp, payload, now)
        track.ingest.push(marker, seq, rtp, payload, now, again)

    def keep_pace(self) -> None:
        """Take packets briskly while somebody watches. Call when forwarders come or go."""
        self.peer.brisk(any(track.forwarders for track in self.tracks.values()))

    def flush(self, now: float) -> None:
        """Take everything that came, holes or not, because the sender is gone."""
        for track in self.tracks.values():
            track.ingest.flush(now)

    def _learn(self, ssrc: int, payload_type: int) -> tuple[Track | None, bool]:
        # Senders need not announce their SSRCs; then the payload type tells the track.
        for track in self.tracks.values():
            if payload_type == track.line.payload_type and track.line.ssrc is None:
                track.ssrc = ssrc
                self._by_ssrc[ssrc] = track
                return track, False
            if payload_type == track.line.rtx_payload_type and track.line.rtx_ssrc is None:
                self._by_rtx[ssrc] = track
                return track, True
        return None, False

    def on_rtcp(self, data: bytes) -> None:
        """Take one compound RTCP packet."""
        try:
            packets = RtcpPacket.parse(data)
        except (ValueError, struct.error, IndexError):
            self.bad_packets += 1
            return
        now = time.time()
        for packet in packets:
            if isinstance(packet, RtcpSrPacket):
                track = self._by_ssrc.get(packet.ssrc)
                if track is not None:
                    info = packet.sender_info
                    track.ingest.report(info.ntp_timestamp, info.rtp_timestamp, now)
            elif isinstance(packet, RtcpByePacket):
                log.debug("sender_said_bye", sources=len(packet.sources))

    def tick(self, now: float) -> None:
        """Repeat what is due between packets: lost ones. Call a few times a second."""
        for track in self.tracks.values():
            track.ingest.tick(now)
            if self._pli_wanted and track.kind == "video":
                self._send_pli(track)

    def report(self, now: float) -> None:
        """Send receiver reports and the bitrate ceiling. Call each second."""
        for track in self.tracks.values():
            if track.ssrc is None or not track.ingest.packets:
                continue
            line = track.line
            report = rtcp.receiver_report(
                line.local_ssrc, [track.ingest.reception(track.ssrc, now)]
            )
            if track.kind == "video":
                report += rtcp.remb(line.local_ssrc, REMB_BITS, [track.ssrc])
            self.peer.send_rtcp(report)
