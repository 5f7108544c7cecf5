"""Plays encoded media from memory into a WebRTC connection, at its pace, in a loop."""

from __future__ import annotations

import asyncio
import fractions
import time
from typing import Any

import av
from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError

from proctorhub.media.aiortc_seam import on_keyframe_wish
from proctorhub.media.material import Material, Packet

_BASES = {"audio": fractions.Fraction(1, 48_000), "video": fractions.Fraction(1, 90_000)}
CONNECT_WITHIN_S = 15.0


class Playhead:
    """Where a sender stands in its material. A wish for a keyframe jumps to the next one."""

    def __init__(self, material: Material) -> None:
        self._material = material
        self._skipped_s = 0.0
        self._began_s = time.monotonic()
        self.floor_s = 0.0
        self.held = False

    def begin(self) -> None:
        """Play from the beginning, from now on."""
        self._began_s = time.monotonic()

    def position_s(self) -> float:
        """Return the place in the (endlessly repeated) material that is due now."""
        return time.monotonic() - self._began_s + self._skipped_s

    def due_in(self, at_s: float) -> float:
        """Return seconds until a place is due."""
        return 1.0 if self.held else at_s - self.position_s()

    def sent_at(self, at_s: float) -> float:
        """Return the sending time, which has no jumps, of a place in the material."""
        return at_s - self._skipped_s

    def jump_to_keyframe(self) -> None:
        """Go on at the next keyframe."""
        at, length = self.position_s(), self._material.duration_s
        rounds = int(at // length)
        keys = [p.at_s + rounds * length for p in self._material.video if p.key]
        later = [key for key in [*keys, (rounds + 1) * length] if key > at]
        self.floor_s = min(later)
        self._skipped_s += self.floor_s - at


class PacedTrack(MediaStreamTrack):
    """Plays packets of one kind in a loop, at their times."""

    def __init__(self, kind: str, packets: list[Packet], duration_s: float, head: Playhead) -> None:
        super().__init__()
        self.kind = kind
        self._packets = packets
        self._duration_s = duration_s
        self._head = head
        self._next = 0
        self._last_pts = -1
        self.sent = 0

    def _at(self, index: int) -> float:
        rounds, place = divmod(index, len(self._packets))
        return self._packets[place].at_s + rounds * self._duration_s

    async def recv(self) -> Any:
        """Return the next packet when its time has come."""
        while True:
            if self.readyState != "live":
                raise MediaStreamError
            while self._at(self._next) < self._head.floor_s - 1e-6:
                self._next += 1
            wait = self._head.due_in(self._at(self._next))
            if wait <= 0:
                break
            await asyncio.sleep(min(wait, 0.05))
        packet = self._packets[self._next % len(self._packets)]
        base = _BASES[self.kind]
        pts = int(self._head.sent_at(self._at(self._next)) * base.denominator)
        self._next += 1
        self._last_pts = max(pts, self._last_pts + 1)
        out = av.Packet(packet.data)
        out.time_base = base
        out.pts = out.dts = self._last_pts
        self.sent += 1
        return out


class MediaSender:
    """A connection that sends material: make an offer, hand it over, take the answer."""

    def __init__(self, material: Material) -> None:
        self._material = material
        self._head = Playhead(material)
        self._tracks: list[PacedTrack] = []
        self._pc = RTCPeerConnection(
            RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        )

    async def offer(self) -> str:
        """Return an offer to send all tracks."""
        for kind, packets in (("audio", self._material.audio), ("video", self._material.video)):
            if packets:
                track = PacedTrack(kind, packets, self._material.duration_s, self._head)
                self._tracks.append(track)
                sender = self._pc.addTrack(track)
                if kind == "video":
                    on_keyframe_wish(sender, self._head.jump_to_keyframe)
        for line in self._pc.getTransceivers():
            line.direction = "sendonly"
            if line.kind == "video":
                line.setCodecPreferences(_preferred(self._material.codec or "VP8"))
        await self._pc.setLocalDescription(await self._pc.createOffer())
        return str(self._pc.localDescription.sdp)

    async def take_answer(self, answer: str) -> None:
        """Begin to send. Raises TimeoutError when no connection comes up."""
        self._head.begin()
        await self._pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        async with asyncio.timeout(CONNECT_WITHIN_S):
            while not self.connected:
                await asyncio.sleep(0.01)

    @property
    def sent_packets(self) -> dict[str, int]:
        """Frames sent per kind."""
        return {track.kind: track.sent for track in self._tracks}

    @property
    def connected(self) -> bool:
        """Whether the connection stands."""
        return bool(self._pc.connectionState == "connected")

    def hold(self, held: bool) -> None:
        """Send nothing for a while, though the connection stands; or go on."""
        self._head.held = held

    async def close(self) -> None:
        """Close the connection."""
        await self._pc.close()


def _preferred(codec: str) -> list[Any]:
    offered = RTCRtpSender.getCapabilities("video").codecs
    fitting = [c for c in offered if c.name == codec]
    if codec == "H264":
        fitting = [c for c in fitting if c.parameters.get("profile-level-id") == "42e01f"]
    return fitting + [c for c in offered if c.name == "rtx"]
