"""One viewer of one source: a peer that gets the source's tracks forwarded."""

from __future__ import annotations

import struct
import time
import uuid
from collections.abc import Callable

import structlog
from aiortc.rtp import (
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    unpack_remb_fci,
)

from proctorhub.media import rtcp
from proctorhub.media.aiortc_seam import Peer
from proctorhub.media.forward import Forwarder
from proctorhub.media.lines import MediaLine
from proctorhub.media.publisher import Publisher
from proctorhub.media.thinning import Thinness, decide

log = structlog.get_logger(__name__)


class Viewer:
    """A viewer from its offer to its end. `on_ready(viewer)` comes when packets may flow."""

    def __init__(
        self, ticket_id: str, on_ready: Callable[[Viewer], None], on_gone: Callable[[Viewer], None]
    ) -> None:
        self.id = uuid.uuid4().hex
        self.ticket_id = ticket_id
        self.created_s = time.monotonic()
        self.peer = Peer()
        self.forwarders: dict[str, Forwarder] = {}
        self.codecs: dict[str, tuple[str, str]] = {}
        self._attached_to: Publisher | None = None
        self._thinness = Thinness()
        self._carried_bits: float | None = None
        self._lost = 0.0
        self._octets = 0
        self._on_ready = on_ready
        self._on_gone = on_gone
        self.peer.on_connected = self._connected
        self.peer.on_rtcp = self._rtcp
        self.peer.on_closed = self._closed

    async def answer(self, offer: str, publisher: Publisher) -> str:
        """Return the answer that sends what `publisher` has. Raises BadOffer."""
        self.codecs = codecs_of(publisher)
        return await self.peer.answer(offer, send=self.codecs)

    def fits(self, publisher: Publisher) -> bool:
        """Return whether this connection can carry another sender's tracks."""
        return codecs_of(publisher) == self.codecs

    def attach(self, publisher: Publisher) -> None:
        """Take packets from `publisher` from now on."""
        self.detach()
        self._attached_to = publisher
        for kind, forwarder in self.forwarders.items():
            track = publisher.tracks.get(kind)
            if track is not None:
                track.forwarders.append(forwarder)
                forwarder.attach(track)

    def detach(self) -> None:
        """Take no more packets."""
        if self._attached_to is None:
            return
        for track in self._attached_to.tracks.values():
            track.forwarders = [
                f for f in track.forwarders if f is not self.forwarders.get(track.kind)
            ]
        self._attached_to = None

    def report(self, now: float) -> None:
        """Send sender reports, and no more than the line carries; call each second (UTC)."""
        for forwarder in self.forwarders.values():
            forwarder.report(now)
        video = self.forwarders.get("video")
        if video is not None:
            self._thin(video)

    def _thin(self, video: Forwarder) -> None:
        sent_bits, self._octets = 8 * (video.octets - self._octets), video.octets
        before = self._thinness.highest
        self._thinness = decide(self._thinness, sent_bits, self._carried_bits, self._lost)
        self._lost = 0.0
        highest = self._thinness.highest
        if highest != before:
            video.thin(highest)
            log.info(
                "viewer_thinned",
                viewer=self.id,
                highest_layer=highest,
                sent_bits=sent_bits,
                carried_bits=self._carried_bits,
            )

    def _connected(self, receive: list[MediaLine], send: list[MediaLine]) -> None:
        self.forwarders = {
            line.kind: Forwarder(line, self.peer.send_rtp, self.peer.send_rtcp) for line in send
        }
        self._on_ready(self)

    def _rtcp(self, data: bytes, arrived_s: float) -> None:
        try:
            packets = RtcpPacket.parse(data)
        except (ValueError, struct.error, IndexError):
            return
        for packet in packets:
            if isinstance(packet, RtcpRtpfbPacket) and packet.fmt == rtcp.NACK:
                forwarder = self._by_ssrc(packet.media_ssrc)
                if forwarder is not None:
                    forwarder.repeat(packet.lost)
            elif isinstance(packet, RtcpPsfbPacket) and packet.fmt in (rtcp.PLI, rtcp.FIR):
                # A FIR names its stream in its body (RFC 5104 section 4.3.1); there is one video.
                video = self.forwarders.get("video")
                if video is not None:
                    video.request_keyframe()
            elif isinstance(packet, RtcpPsfbPacket) and packet.fmt == rtcp.APPLICATION:
                self._hear_estimate(packet.fci)
            elif isinstance(packet, RtcpRrPacket):
                lost = [r.fraction_lost / 256 for r in packet.reports if self._by_ssrc(r.ssrc)]
                self._lost = max(self._lost, *lost, 0.0)

    def _hear_estimate(self, fci: bytes) -> None:
        try:
            self._carried_bits = unpack_remb_fci(fci)[0]
        except (ValueError, struct.error, IndexError):
            return  # an application's own message

    def _by_ssrc(self, ssrc: int) -> Forwarder | None:
        return next((f for f in self.forwarders.values() if f.ssrc == ssrc), None)

    def _closed(self) -> None:
        self.detach()
        self._on_gone(self)


def codecs_of(publisher: Publisher) -> dict[str, tuple[str, str]]:
    """Return kind → (codec, profile) of a publisher's tracks."""
    return {kind: (t.codec, t.line.profile) for kind, t in publisher.tracks.items()}
