"""Synthetic people: a WHIP sender of real encoded media and a WHEP viewer that counts frames.

The sender is aiortc's own RTP sender, fed with packets from a file: an implementation other than
the node's, and one that encodes nothing.
"""

from __future__ import annotations

import asyncio
import ssl as ssl_module
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin

import aiohttp

from proctorhub.media.aiortc_seam import Peer
from proctorhub.media.frame import Frame
from proctorhub.media.lines import MediaLine
from proctorhub.media.material import Material, read_media
from proctorhub.media.playing import CONNECT_WITHIN_S, MediaSender
from proctorhub.media.publisher import Publisher


class RefusedByNode(Exception):
    """The node did not take an offer: `status` and its problem's `code`."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code


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
        self._sender = MediaSender(material or read_media(path))
        self.resource: str | None = None
        self.started_at = 0.0
        self._stopped_at: float | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._sender.close()
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
        offer = await self._sender.offer()
        location, answer = await _post(self._url, self._ticket, offer, self._ssl)
        self.resource = urljoin(self._url, location)
        await self._sender.take_answer(answer)
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
        return self._sender.sent_packets

    @property
    def connected(self) -> bool:
        """Whether the connection still stands."""
        return self._sender.connected

    def hold(self, held: bool) -> None:
        """Send nothing for a while, though the connection stands; or go on."""
        self._sender.hold(held)

    async def drop(self) -> None:
        """Vanish without a word to the node's HTTP side, as a closed page does."""
        self.resource = None
        self._stopped_at = self._stopped_at or time.time()
        await self._sender.close()

    async def close(self) -> None:
        """End the sending properly: DELETE, then close."""
        self._stopped_at = self._stopped_at or time.time()
        if self.resource is not None:
            await _delete(self.resource, self._ticket, self._ssl)
        await self._sender.close()


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
        receiver = Publisher(self._peer, receive, on_loss=lambda *_: None)
        receiver.on_frame = self._frame
        self._receiver = receiver

    def _frame(self, frame: Frame, now: float) -> None:
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
