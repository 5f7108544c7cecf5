"""Raw RTP from one track of a sender to one viewer: nothing is decoded, nothing is encoded.

Each viewer has its own SSRC, sequence numbers and timestamps, so that the sender behind them can
be replaced unseen. Lost packets are repeated from a ring (RFC 4588 where negotiated).
"""

from __future__ import annotations

import secrets
import struct
import time
from collections.abc import Callable
from typing import Protocol

from proctorhub.media.assemble import keyframe_beginning
from proctorhub.media.clock import TrackClock, ntp_timestamp
from proctorhub.media.layers import ALL, KEYFRAMES, LayerFilter
from proctorhub.media.lines import MediaLine
from proctorhub.media.rtcp import sender_report

RING = 1024
#: What a viewer's narrow line may cost the recording: no more than a keyframe in this time.
KEY_EVERY_S = 2.0
#: What is repeated may be such a part of what is sent, and so many octets at once: on a line that
#: is full everything is missed, and repeating all of it would keep it full.
REPEATED_PART = 4
REPEATED_AT_ONCE = 64_000
_HEADER = struct.Struct("!BBHII")
_pack = _HEADER.pack


class Upstream(Protocol):
    """The track a forwarder is fed from."""

    kind: str
    codec: str
    clock: TrackClock

    def request_keyframe(self) -> None:
        """Ask the sender for a keyframe."""


class Forwarder:
    """One track to one viewer. `send_rtp` and `send_rtcp` put packets on the viewer's wire."""

    def __init__(
        self,
        line: MediaLine,
        send_rtp: Callable[[bytes], None],
        send_rtcp: Callable[[bytes], None],
    ) -> None:
        assert line.ssrc is not None
        self.kind = line.kind
        self.codec = line.codec
        self.ssrc = line.ssrc
        self._line = line
        self._send_rtp, self._send_rtcp = send_rtp, send_rtcp
        self._upstream: Upstream | None = None
        self._waiting_for_key = False
        self._begins = keyframe_beginning(line.codec)
        self._next_seq = secrets.randbelow(0x8000)
        self._next_rtp = secrets.randbelow(0x80000000)
        self._seq_shift: int | None = None
        self._key_asked_s = -KEY_EVERY_S
        #: None as long as nothing was ever left out for this viewer.
        self._layers: LayerFilter | None = None
        self._rtp_shift = 0
        self._last_rtp: int | None = None
        self._last_sent_s = 0.0
        self._rtx_seq = secrets.randbelow(0x8000)
        self._ring: list[bytes | None] = [None] * RING
        self.packets = 0
        self.octets = 0
        self.repeated = 0
        self._repeat_room = float(REPEATED_AT_ONCE)
        self._octets_then = 0

    def attach(self, upstream: Upstream) -> None:
        """Take packets from another sender from now on, beginning with a keyframe."""
        self._upstream = upstream
        self._seq_shift = None
        if self._layers is not None:
            self._layers = LayerFilter(self._layers.wanted)
        self._waiting_for_key = self.kind == "video"
        if self._waiting_for_key:
            upstream.request_keyframe()

    def send(self, marker: int, seq: int, rtp: int, payload: bytes, now: float) -> None:
        """Forward one packet of the sender; `now` is UTC seconds."""
        if self._waiting_for_key:
            if not self._begins(payload):
                return
            self._waiting_for_key = False
        if self._seq_shift is None:
            self._join(seq, rtp, now)
        if self._layers is not None:
            kept = self._layers.take(seq, payload)
            if kept is None:
                return
            fallen, payload = kept
            seq -= fallen
        out_seq = (seq + self._seq_shift) & 0xFFFF  # type: ignore[operator]
        out_rtp = (rtp + self._rtp_shift) & 0xFFFFFFFF
        marked = (0x80 if marker else 0) | self._line.payload_type
        packet = _pack(0x80, marked, out_seq, out_rtp, self.ssrc) + payload
        self._ring[out_seq % RING] = packet
        self._send_rtp(packet)
        self.packets += 1
        self.octets += len(payload)
        self._last_rtp = out_rtp
        self._last_sent_s = now
        if (out_seq - self._next_seq) & 0xFFFF < 0x8000:
            self._next_seq = (out_seq + 1) & 0xFFFF

    def _join(self, seq: int, rtp: int, now: float) -> None:
        # Continue the numbers this viewer has seen; its clock runs on by the time that passed.
        rate = self._line.clock_rate
        if self._last_rtp is not None:
            passed = max(0.02, now - self._last_sent_s)
            self._next_rtp = (self._last_rtp + int(passed * rate)) & 0xFFFFFFFF
        self._seq_shift = self._next_seq - seq
        self._rtp_shift = self._next_rtp - rtp

    def thin(self, highest: int) -> None:
        """Leave out VP8 layers above `highest` from the next picture on; others stay whole."""
        if self.codec == "VP8":
            if self._layers is None:
                self._layers = LayerFilter(ALL)
            self._layers.wanted = highest

    def repeat(self, lost: list[int]) -> None:
        """Send again what a viewer reported as lost (RFC 4585 section 6.2.1), within bounds."""
        earned = (self.octets - self._octets_then) / REPEATED_PART
        self._repeat_room = min(REPEATED_AT_ONCE, self._repeat_room + earned)
        self._octets_then = self.octets
        for wanted in lost:
            seq = wanted & 0xFFFF
            packet = self._ring[seq % RING]
            if packet is None or (packet[2] << 8 | packet[3]) != seq:
                continue
            if self._repeat_room < len(packet):
                return
            self._repeat_room -= len(packet)
            self.repeated += 1
            line = self._line
            if line.rtx_payload_type is None or line.rtx_ssrc is None:
                self._send_rtp(packet)
                continue
            marked = packet[1] & 0x80 | line.rtx_payload_type
            self._rtx_seq = (self._rtx_seq + 1) & 0xFFFF
            (rtp,) = struct.unpack_from("!I", packet, 4)
            head = _pack(0x80, marked, self._rtx_seq, rtp, line.rtx_ssrc)
            self._send_rtp(head + packet[2:4] + packet[12:])

    def request_keyframe(self) -> None:
        """Pass the viewer's wish for a keyframe on to the sender, though not too often.

        Who gets nothing but keyframes has to wait for those that recording needs.
        """
        if self._layers is not None and self._layers.wanted == KEYFRAMES:
            return
        now = time.monotonic()
        if self._upstream is not None and now - self._key_asked_s >= KEY_EVERY_S:
            self._key_asked_s = now
            self._upstream.request_keyframe()

    def report(self, now: float) -> None:
        """Send a sender report that maps this viewer's timestamps to the node's clock.

        A viewer still without its first keyframe asks for it again.
        """
        upstream = self._upstream
        if self._waiting_for_key and upstream is not None:
            upstream.request_keyframe()
        if upstream is None or not self.packets or self._seq_shift is None:
            return
        rtp = upstream.clock.rtp_at(now) + self._rtp_shift
        self._send_rtcp(
            sender_report(
                self.ssrc, ntp_timestamp(now), rtp, self.packets, self.octets, self._line.cname
            )
        )
