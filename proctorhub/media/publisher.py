"""One sender of one source: its peer, its tracks, and its chain of segments."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable

import structlog
from aiortc.rtp import RtcpByePacket, RtcpPacket, RtcpSrPacket

from proctorhub.media import rtcp, transport_cc
from proctorhub.media.aiortc_seam import Peer
from proctorhub.media.clock import SenderClock
from proctorhub.media.forward import Forwarder
from proctorhub.media.frame import Frame
from proctorhub.media.ingest import TrackIngest
from proctorhub.media.lines import MediaLine

log = structlog.get_logger(__name__)

# What senders without transport-wide feedback hear: a constant ceiling.
REMB_BITS = 4_000_000
PLI_EVERY_S = 0.25
#: A sender has two to four streams, and some more when an encoder begins anew. libsrtp keeps each
#: there ever was in a list, which every packet is looked up in.
MAX_SOURCES = 32
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
        ids = {line.transport_cc for line in lines} - {None}
        self._wide_id = ids.pop() if ids else None
        # As a rule the number comes first in the extension: id, and length less one.
        self._wide_head = -1 if self._wide_id is None else self._wide_id << 4 | 1
        self._feedback = transport_cc.Feedback(self._send_feedback)
        self._arrived = self._feedback.arrived
        self.unknown_packets = 0
        self.bad_packets = 0
        self._unannounced: set[int] = set()
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

    def on_rtp(self, packet: bytes, now: float) -> None:
        """Take one RTP packet (RFC 3550 section 5.1) that arrived at `now`, UTC seconds."""
        try:
            first, second, seq, rtp, ssrc = _unpack(packet)
            at = 12 + ((first & 15) << 2)
            if first & 0x10:
                if packet[at + 4] == self._wide_head and packet[at] == 0xBE:
                    self._arrived((packet[at + 5] << 8 | packet[at + 6], now))
                elif self._wide_id is not None:
                    self._find_number(packet, at, self._wide_id, now)
                at += 4 + ((packet[at + 2] << 8 | packet[at + 3]) << 2)
            end = len(packet)
            if first & 0x20:
                end -= packet[-1]
        except (struct.error, IndexError):
            self.bad_packets += 1
            self._meet(int.from_bytes(packet[8:12], "big"))
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
        if payload:
            for forwarder in track.forwarders:
                forwarder.send(marker, seq, rtp, payload, now)
        track.ingest.push(marker, seq, rtp, payload, now, again)

    def _find_number(self, packet: bytes, at: int, wide_id: int, now: float) -> None:
        seq = transport_cc.number(packet, at, wide_id)
        if seq is not None:
            self._arrived((seq, now))

    def _send_feedback(self, body: bytes) -> None:
        track = self.tracks.get("video") or next(iter(self.tracks.values()))
        self.peer.send_rtcp(rtcp.transport_feedback(track.line.local_ssrc, track.ssrc or 0, body))

    def flush(self, now: float) -> None:
        """Take everything that came, holes or not, because the sender is gone."""
        for track in self.tracks.values():
            track.ingest.flush(now)

    @property
    def crowded(self) -> bool:
        """Whether there were more streams (SSRCs) than any sender has."""
        return len(self._unannounced) > MAX_SOURCES

    def _meet(self, ssrc: int) -> None:
        """Count a stream that was not announced."""
        if not self.crowded:
            self._unannounced.add(ssrc)

    def _learn(self, ssrc: int, payload_type: int) -> tuple[Track | None, bool]:
        self._meet(ssrc)
        if self.crowded:
            return None, False
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

    def on_rtcp(self, data: bytes, now: float) -> None:
        """Take one compound RTCP packet that arrived at `now`, UTC seconds."""
        ssrc = int.from_bytes(data[4:8], "big")
        if ssrc not in self._by_ssrc:
            self._meet(ssrc)
        try:
            packets = RtcpPacket.parse(data)
        except (ValueError, struct.error, IndexError):
            self.bad_packets += 1
            return
        for packet in packets:
            if isinstance(packet, RtcpSrPacket):
                track = self._by_ssrc.get(packet.ssrc)
                if track is not None:
                    info = packet.sender_info
                    track.ingest.report(info.ntp_timestamp, info.rtp_timestamp, now)
            elif isinstance(packet, RtcpByePacket):
                log.debug("sender_said_bye", sources=len(packet.sources))

    def tick(self, now: float) -> None:
        """Ask for lost packets again and tell when packets came. Call a few times a second."""
        for track in self.tracks.values():
            track.ingest.tick(now)
            if self._pli_wanted and track.kind == "video":
                self._send_pli(track)
        self._feedback.tell()

    def report(self, now: float) -> None:
        """Send a receiver report, and a ceiling to senders that estimate nothing. Each second."""
        heard = [t for t in self.tracks.values() if t.ssrc is not None and t.ingest.packets]
        if not heard:
            return
        signed_by = heard[0].line.local_ssrc
        blocks = [t.ingest.reception(t.ssrc, now) for t in heard if t.ssrc is not None]
        report = rtcp.receiver_report(signed_by, blocks)
        ceiling = [t.ssrc for t in heard if t.kind == "video" and t.ssrc is not None]
        if self._wide_id is None and ceiling:
            report += rtcp.remb(signed_by, REMB_BITS, ceiling)
        self.peer.send_rtcp(report)
