"""Senders that cost little: pre-encoded, pre-packetised media straight onto our own packet plane.

They behave like a browser as far as a node can tell: RTX on NACK, a keyframe on PLI, sender
reports, VP8 with temporal layers (L1T3) as Chromium sends it, transport-wide sequence numbers.
"""

from __future__ import annotations

import asyncio
import random
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiortc import RTCRtpSender
from aiortc.rtp import RtcpPacket, RtcpPsfbPacket, RtcpRtpfbPacket

from proctorhub.media import rtcp
from proctorhub.media.aiortc_seam import Peer
from proctorhub.media.clock import SenderClock, TrackClock
from proctorhub.media.datagrams import BatchedSocket
from proctorhub.media.forward import Forwarder
from proctorhub.media.lines import MediaLine
from proctorhub.media.material import make_media, read_media

#: The temporal layer of each frame in turn (L1T3).
LAYERS = (0, 2, 1, 2)
KEYFRAME_EVERY = 60  # frames
MTU = 1150
CONNECT_WITHIN_S = 15.0


@dataclass(frozen=True)
class Shot:
    """One frame as RTP payloads; `at_s` since the beginning of the loop."""

    at_s: float
    kind: str
    payloads: tuple[bytes, ...]
    key: bool


@dataclass(frozen=True)
class Reel:
    """A loop of frames."""

    shots: tuple[Shot, ...]
    duration_s: float


def layered(bit_rate: int) -> dict[str, str]:
    """Return libvpx's options for VP8 L1T3 of so many bits a second."""
    rates = ",".join(str(round(bit_rate * share / 1000)) for share in (0.4, 0.6, 1.0))
    return {
        "ts-parameters": f"ts_number_layers=3:ts_target_bitrate={rates}:ts_rate_decimator=4,2,1:"
        "ts_periodicity=4:ts_layer_id=0,2,1,2:ts_layering_mode=3"
    }


def make_reel(path: Path, seconds: float, *, bit_rate: int, size: tuple[int, int]) -> Reel:
    """Encode `seconds` (a multiple of 4) of VP8 L1T3 and Opus, and return its packets."""
    make_media(
        path,
        seconds,
        bit_rate=bit_rate,
        size=size,
        keyframe_every=KEYFRAME_EVERY,
        options=layered(bit_rate),
    )
    return read_reel(path, seconds)


def read_reel(path: Path, seconds: float) -> Reel:
    """Return the packets of a file of VP8 L1T3 and Opus that is so long."""
    found = read_media(path)
    shots = [Shot(p.at_s, "audio", (p.data,), True) for p in found.audio]
    tl0 = 0
    for index, packet in enumerate(found.video):
        layer = 0 if packet.key else LAYERS[index % 4]
        tl0 += layer == 0
        shots.append(Shot(packet.at_s, "video", _vp8(packet.data, index, layer, tl0), packet.key))
    return Reel(tuple(sorted(shots, key=lambda s: s.at_s)), seconds)


def _vp8(frame: bytes, picture: int, layer: int, tl0: int) -> tuple[bytes, ...]:
    # Payload descriptor of RFC 7741 section 4.2 with picture id, TL0PICIDX and TID.
    rest = struct.pack("!BHBB", 0xE0, 0x8000 | picture & 0x7FFF, tl0 & 0xFF, layer << 6 | 0x20)
    parts = [frame[at : at + MTU] for at in range(0, len(frame), MTU)]
    return tuple(bytes([0x80 | (0x10 if at == 0 else 0)]) + rest + p for at, p in enumerate(parts))


class _SendingPeer(Peer):
    def __init__(self) -> None:
        super().__init__()
        self._takers: dict[BatchedSocket, Callable[[int, int, float], None]] = {}

    async def offer_to_send(self) -> str:
        """Return an offer to send one audio and one VP8 line."""
        for kind in ("audio", "video"):
            line = self._pc.addTransceiver(kind, direction="sendonly")
            if kind == "video":
                codecs = RTCRtpSender.getCapabilities("video").codecs
                line.setCodecPreferences([c for c in codecs if c.name in ("VP8", "rtx")])
            self._take_over(line)
        await self._pc.setLocalDescription(await self._pc.createOffer())
        return str(self._pc.localDescription.sdp)

    def lose_network(self, lost: bool) -> None:
        """Lose every datagram in both directions, the connection's own checks too; or go on."""
        for datagrams in self._sockets:
            if lost:
                self._takers.setdefault(datagrams, datagrams._take)
                datagrams.sendto = _nowhere  # type: ignore[method-assign]
                datagrams._take = _nowhere
            elif datagrams in self._takers:
                datagrams._take = self._takers.pop(datagrams)
                del datagrams.sendto


def _nowhere(*_: object) -> None:
    """Where a lost datagram goes."""


class ReelSender:
    """Plays a reel in a loop. `loss` is the share of packets that never arrive.

    Who asks for a keyframe gets the reel's next one: at once, what comes before it being left out
    (`skips`), or when it is due, so that all is shown at its time.
    """

    def __init__(self, reel: Reel, *, loss: float = 0.0, seed: int = 0, skips: bool = True) -> None:
        self._reel = reel
        self._loss = loss
        self._skips = skips
        self._chance = random.Random(seed)
        self.peer = _SendingPeer()
        self.peer.on_connected = self._connected
        self.peer.on_rtcp = self._rtcp
        self._tracks: dict[str, _Track] = {}
        self._wide_id: int | None = None
        self._wide_seq = 0
        self._next = 0
        self._began_s = 0.0
        self._skipped_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._reporter: asyncio.Task[None] | None = None
        self.sent_packets = {"audio": 0, "video": 0}
        #: When the node was last heard, by the monotonic clock.
        self.heard_s = 0.0
        #: Is told of each picture that has been sent, by its place in the reel, seconds.
        self.on_picture: Callable[[float], None] = _nowhere

    async def offer(self) -> str:
        """Return an offer."""
        return await self.peer.offer_to_send()

    async def take_answer(self, answer: str) -> None:
        """Begin to send. Raises TimeoutError when no connection comes up."""
        await self.peer.take_answer(answer)
        async with asyncio.timeout(CONNECT_WITHIN_S):
            while not self._tracks:
                await asyncio.sleep(0.01)

    async def connect(self, url: str, ticket: str) -> None:
        """Begin to send to a node (WHIP). Raises aiohttp.ClientError, BadOffer, TimeoutError."""
        headers = {"Authorization": f"Bearer {ticket}", "Content-Type": "application/sdp"}
        async with (
            aiohttp.ClientSession(headers=headers) as http,
            http.post(url, data=await self.offer()) as answer,
        ):
            answer.raise_for_status()
            await self.take_answer(await answer.text())

    @property
    def connected(self) -> bool:
        """Whether the connection stands."""
        return self.peer.connected and not self.peer.closed

    def lose_network(self, lost: bool) -> None:
        """Be without network, or have it back."""
        self.peer.lose_network(lost)

    async def close(self) -> None:
        """Close the connection."""
        if self._timer is not None:
            self._timer.cancel()
        if self._reporter is not None:
            self._reporter.cancel()
        await self.peer.close()

    def _connected(self, receive: list[MediaLine], send: list[MediaLine]) -> None:
        for line in send:
            self._wide_id = line.transport_cc
            self._tracks[line.kind] = _Track(line, self._send_rtp, self._send_rtcp)
        self._began_s = asyncio.get_running_loop().time()
        self.heard_s = time.monotonic()
        self._reporter = asyncio.create_task(self._report())
        self._play()

    def _send_rtp(self, packet: bytes) -> None:
        if self._wide_id is not None:
            self._wide_seq = (self._wide_seq + 1) & 0xFFFF
            head = self._wide_id << 4 | 1
            extension = struct.pack("!HHBHx", 0xBEDE, 1, head, self._wide_seq)
            packet = bytes([packet[0] | 0x10]) + packet[1:12] + extension + packet[12:]
        if not (self._loss and self._chance.random() < self._loss):
            self.peer.send_rtp(packet)

    def _send_rtcp(self, packet: bytes) -> None:
        self.peer.send_rtcp(packet)

    def _shot(self, index: int) -> tuple[float, Shot]:
        rounds, place = divmod(index, len(self._reel.shots))
        shot = self._reel.shots[place]
        return shot.at_s + rounds * self._reel.duration_s, shot

    def _play(self) -> None:
        loop = asyncio.get_running_loop()
        position_s = loop.time() - self._began_s + self._skipped_s
        while True:
            at_s, shot = self._shot(self._next)
            if at_s > position_s:
                break
            self._tracks[shot.kind].play(shot, at_s - self._skipped_s, time.time())
            self.sent_packets[shot.kind] += 1
            self._next += 1
            if shot.kind == "video":
                self.on_picture(at_s)
        self._timer = loop.call_later(at_s - position_s, self._play)

    def _keyframe(self) -> None:
        # Goes on at the next keyframe, as if it were due now.
        index = self._next
        while not (self._shot(index)[1].kind == "video" and self._shot(index)[1].key):
            index += 1
        self._skipped_s += self._shot(index)[0] - self._shot(self._next)[0]
        self._next = index

    async def _report(self) -> None:
        while True:
            for track in self._tracks.values():
                track.forwarder.report(time.time())
            await asyncio.sleep(1.0)

    def _rtcp(self, data: bytes, arrived_s: float) -> None:
        self.heard_s = time.monotonic()
        for packet in RtcpPacket.parse(data):
            if isinstance(packet, RtcpRtpfbPacket) and packet.fmt == rtcp.NACK:
                for track in self._tracks.values():
                    if track.forwarder.ssrc == packet.media_ssrc:
                        track.forwarder.repeat(packet.lost)
            elif isinstance(packet, RtcpPsfbPacket) and packet.fmt == rtcp.PLI and self._skips:
                self._keyframe()


@asynccontextmanager
async def sending(sender: ReelSender, url: str, ticket: str) -> AsyncIterator[None]:
    """Send to a node while the context lasts. Raises as `ReelSender.connect`."""
    try:
        await sender.connect(url, ticket)
        yield
    finally:
        await sender.close()


class _Track:
    """One track of a sender; upstream of the forwarder that numbers and repeats its packets."""

    codec = "VP8"

    def __init__(
        self,
        line: MediaLine,
        send_rtp: Callable[[bytes], None],
        send_rtcp: Callable[[bytes], None],
    ) -> None:
        self.kind = line.kind
        self._rate = line.clock_rate
        self.clock = TrackClock(line.clock_rate, SenderClock())
        self.forwarder = Forwarder(line, send_rtp, send_rtcp)
        self._seq = 0
        self.forwarder.attach(self)

    def request_keyframe(self) -> None:
        """The reel begins with a keyframe."""

    def play(self, shot: Shot, at_s: float, now: float) -> None:
        rtp = int(at_s * self._rate)
        self.clock.frame(rtp, now)
        last = len(shot.payloads) - 1
        for index, payload in enumerate(shot.payloads):
            self.forwarder.send(index == last, self._seq, rtp & 0xFFFFFFFF, payload, now)
            self._seq = (self._seq + 1) & 0xFFFF
