"""Synthetic people: a WHIP sender of real encoded media and a WHEP viewer that counts frames.

The sender is aiortc's own RTP sender, fed with packets from a file: an implementation other than
the node's, and one that encodes nothing.
"""

from __future__ import annotations

import asyncio
import fractions
import ssl as ssl_module
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin

import aiohttp
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

from proctorhub.media.aiortc_seam import MediaLine, Peer, on_keyframe_wish
from proctorhub.media.frame import Frame
from proctorhub.media.material import Material, Packet, read_media
from proctorhub.media.publisher import Publisher

_BASES = {"audio": fractions.Fraction(1, 48_000), "video": fractions.Fraction(1, 90_000)}
CONNECT_WITHIN_S = 15.0


class RefusedByNode(Exception):
    """The node did not take an offer: `status` and its problem's `code`."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code


class _Playhead:
    """Where a sender stands in its material. A wish for a keyframe jumps to the next one."""

    def __init__(self, material: Material) -> None:
        self._material = material
        self._skipped_s = 0.0
        self._began_s = time.monotonic()
        self.floor_s = 0.0

    def begin(self) -> None:
        self._began_s = time.monotonic()

    def position_s(self) -> float:
        return time.monotonic() - self._began_s + self._skipped_s

    def due_in(self, at_s: float) -> float:
        return at_s - self.position_s()

    def sent_at(self, at_s: float) -> float:
        """Return the sending time, which has no jumps, of a place in the material."""
        return at_s - self._skipped_s

    def jump_to_keyframe(self) -> None:
        at, length = self.position_s(), self._material.duration_s
        rounds = int(at // length)
        keys = [p.at_s + rounds * length for p in self._material.video if p.key]
        later = [key for key in [*keys, (rounds + 1) * length] if key > at]
        self.floor_s = min(later)
        self._skipped_s += self.floor_s - at


class _PacedTrack(MediaStreamTrack):
    """Plays packets of one kind in a loop, at their times."""

    def __init__(
        self, kind: str, packets: list[Packet], duration_s: float, head: _Playhead
    ) -> None:
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


class WhipSender:
    """Sends a file in a loop. Use as `async with WhipSender(url, ticket, path) as sender`.

    `url` is the full WHIP address, `ssl` as aiohttp takes it. Entering raises RefusedByNode,
    MaterialError, or TimeoutError when no connection comes up.
    """

    def __init__(
        self,
        url: str,
        ticket: str,
        path: Path,
        *,
        ssl: ssl_module.SSLContext | bool = True,
        material: Material | None = None,
    ) -> None:
        self._url, self._ticket, self._ssl = url, ticket, ssl
        self._material = material or read_media(path)
        self._head = _Playhead(self._material)
        self._tracks: list[_PacedTrack] = []
        self._pc = RTCPeerConnection(
            RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        )
        self.resource: str | None = None
        self.started_at = 0.0
        self._stopped_at: float | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._pc.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _start(self) -> None:
        for kind, packets in (("audio", self._material.audio), ("video", self._material.video)):
            if packets:
                track = _PacedTrack(kind, packets, self._material.duration_s, self._head)
                self._tracks.append(track)
                sender = self._pc.addTrack(track)
                if kind == "video":
                    on_keyframe_wish(sender, self._head.jump_to_keyframe)
        for line in self._pc.getTransceivers():
            line.direction = "sendonly"
            if line.kind == "video":
                line.setCodecPreferences(_preferred(self._material.codec or "VP8"))
        await self._pc.setLocalDescription(await self._pc.createOffer())
        location, answer = await _post(
            self._url, self._ticket, self._pc.localDescription.sdp, self._ssl
        )
        self.resource = urljoin(self._url, location)
        self._head.begin()
        await self._pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await _until(lambda: self._pc.connectionState == "connected")
        self.started_at = time.time()

    @property
    def sent_s(self) -> float:
        """Seconds of media sent since the connection came up."""
        if not self.started_at:
            return 0.0
        return (self._stopped_at or time.time()) - self.started_at

    @property
    def sent_packets(self) -> dict[str, int]:
        """Frames sent per kind."""
        return {track.kind: track.sent for track in self._tracks}

    @property
    def connected(self) -> bool:
        """Whether the connection still stands."""
        return self._pc.connectionState == "connected"

    async def drop(self) -> None:
        """Vanish without a word to the node's HTTP side, as a closed page does."""
        self._stopped_at = self._stopped_at or time.time()
        await self._pc.close()

    async def close(self) -> None:
        """End the sending properly: DELETE, then close."""
        self._stopped_at = self._stopped_at or time.time()
        if self.resource is not None:
            await _delete(self.resource, self._ticket, self._ssl)
        await self._pc.close()


class WhepViewer:
    """Receives encoded frames and decodes nothing. Use as an async context manager.

    Entering raises RefusedByNode or TimeoutError.
    """

    def __init__(self, url: str, ticket: str, *, ssl: ssl_module.SSLContext | bool = True) -> None:
        self._url, self._ticket, self._ssl = url, ticket, ssl
        self._peer = Peer()
        self._peer.on_connected = self._connected
        self._began_s = 0.0
        self._first: asyncio.Future[float] | None = None
        self._receiver: Publisher | None = None
        self.resource: str | None = None
        self.frames = {"audio": 0, "video": 0}
        self.keyframes = 0

    async def __aenter__(self) -> Self:
        self._first = asyncio.get_running_loop().create_future()
        self._began_s = time.monotonic()
        try:
            offer = await self._peer.offer_to_receive()
            location, answer = await _post(self._url, self._ticket, offer, self._ssl)
            self.resource = urljoin(self._url, location)
            await self._peer.take_answer(answer)
            await _until(lambda: self._peer.connected)
        except BaseException:
            await self._peer.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def _connected(self, receive: list[MediaLine], send: list[MediaLine]) -> None:
        self._receiver = Publisher(self._peer, receive, on_loss=lambda *_: None)
        self._receiver.on_frame = self._frame

    def _frame(self, frame: Frame) -> None:
        self.frames[frame.kind] += 1
        if frame.kind == "video" and frame.key:
            self.keyframes += 1
        wanted = "video" if self._receiver and "video" in self._receiver.tracks else "audio"
        if frame.kind == wanted and self._first is not None and not self._first.done():
            self._first.set_result((time.monotonic() - self._began_s) * 1000)

    @property
    def closed(self) -> bool:
        """Whether the node, or we, closed the connection."""
        return self._peer.closed

    async def first_frame(self, within_s: float = 15.0) -> float:
        """Return milliseconds from the offer to the first whole frame. Raises TimeoutError."""
        assert self._first is not None
        async with asyncio.timeout(within_s):
            return await asyncio.shield(self._first)

    async def close(self) -> None:
        """End the watching."""
        if self.resource is not None and not self._peer.closed:
            await _delete(self.resource, self._ticket, self._ssl)
        await self._peer.close()


def _preferred(codec: str) -> list[Any]:
    offered = RTCRtpSender.getCapabilities("video").codecs
    fitting = [c for c in offered if c.name == codec]
    if codec == "H264":
        fitting = [c for c in fitting if c.parameters.get("profile-level-id") == "42e01f"]
    return fitting + [c for c in offered if c.name == "rtx"]


async def _until(condition: Any) -> None:
    async with asyncio.timeout(CONNECT_WITHIN_S):
        while not condition():
            await asyncio.sleep(0.01)


async def _post(
    url: str, ticket: str, offer: str, ssl: ssl_module.SSLContext | bool
) -> tuple[str, str]:
    headers = {"Authorization": f"Bearer {ticket}", "Content-Type": "application/sdp"}
    async with (
        aiohttp.ClientSession() as http,
        http.post(url, data=offer, headers=headers, ssl=ssl) as response,
    ):
        if response.status != 201:
            problem = await response.json(content_type=None)
            raise RefusedByNode(response.status, problem["code"], problem["detail"])
        return response.headers["Location"], await response.text()


async def _delete(resource: str, ticket: str, ssl: ssl_module.SSLContext | bool) -> None:
    headers = {"Authorization": f"Bearer {ticket}"}
    async with aiohttp.ClientSession() as http:
        try:
            async with http.delete(resource, headers=headers, ssl=ssl):
                pass
        except aiohttp.ClientConnectionError:
            return  # the node is gone, and the resource with it
