"""Stills: a keyframe of a live source, decoded when somebody asks for it.

Recording brings a keyframe every few seconds anyway, so a grid of stills costs one decode per
keyframe that is looked at; a fresh one is asked for from the sender.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import av
from aiohttp import web

from proctorhub.domain.ticket import Direction
from proctorhub.frames.jpeg import COARSE, FINE, jpeg
from proctorhub.media.chain import Chain
from proctorhub.media.picture import decoder_of
from proctorhub.media.problems import Problem
from proctorhub.media.recorder import Keyframe
from proctorhub.media.registry import Registry
from proctorhub.media.tickets import TicketGate

FRESH_WITHIN_S = 2.0
POLL_S = 0.02
MIN_WIDTH, MAX_WIDTH = 64, 1920
CACHED = 64


class UndecodableKeyframe(Exception):
    """A keyframe that the decoder refuses."""


def to_jpeg(keyframe: Keyframe, width: int | None) -> bytes:
    """Return the picture of a keyframe as JPEG, at most `width` pixels wide.

    Raises UndecodableKeyframe.
    """
    decoder = decoder_of(keyframe.track)
    try:
        pictures = [*decoder.decode(av.Packet(keyframe.data)), *decoder.decode(None)]
    except av.FFmpegError as error:
        raise UndecodableKeyframe(str(error)) from error
    if not pictures:
        raise UndecodableKeyframe("no picture came out")
    return jpeg(pictures[0], width=width, quantiser=FINE if width is None else COARSE)


class Stills:
    """`GET /still/{session}/{source}`, with a ticket to watch."""

    def __init__(self, gate: TicketGate, registry: Registry) -> None:
        self._gate = gate
        self._registry = registry
        self._decoder = ThreadPoolExecutor(1, "still")
        self._cache: OrderedDict[tuple[int, int | None], tuple[Keyframe, bytes]] = OrderedDict()

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get("/still/{session:[A-Za-z0-9_-]{1,64}}/{source:[a-z]{1,16}}", self.get)]

    async def get(self, request: web.Request) -> web.Response:
        """Answer a JPEG of the newest keyframe; `?fresh=1` asks the sender for a new one.

        `?width=` makes it smaller. The headers say when the picture was taken and which segment
        (chain and number) holds it. Raises Problem.
        """
        session_id, source = request.match_info["session"], request.match_info["source"]
        self._gate.check(request, session_id=session_id, source=source, direction=Direction.WATCH)
        width = _width(request)
        chain = await self._registry.sending_soon(session_id, source)
        if chain is None:
            raise Problem(404, "not_publishing", "Nobody is sending this source now.")
        keyframe = await self._keyframe(chain, request.query.get("fresh") == "1")
        body = await self._decoded(keyframe, width)
        taken = datetime.fromtimestamp(keyframe.at_ms / 1000, UTC)
        headers = {
            "Cache-Control": "no-store",
            "X-Frame-Time": taken.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "X-Segment": f"{chain.id}-{keyframe.seq:06d}",
        }
        return web.Response(body=body, content_type="image/jpeg", headers=headers)

    async def _keyframe(self, chain: Chain, fresh: bool) -> Keyframe:
        began_s = time.monotonic()
        known = chain.keyframe
        if known is not None and not fresh:
            return known
        chain.request_keyframe()
        while chain.keyframe is known or chain.keyframe is None:
            if time.monotonic() - began_s > FRESH_WITHIN_S:
                raise Problem(503, "no_picture", "The sender gives no picture now.")
            await asyncio.sleep(POLL_S)
        return chain.keyframe

    async def _decoded(self, keyframe: Keyframe, width: int | None) -> bytes:
        key = (id(keyframe), width)
        cached = self._cache.get(key)
        if cached is not None and cached[0] is keyframe:
            return cached[1]
        try:
            picture = await asyncio.get_running_loop().run_in_executor(
                self._decoder, to_jpeg, keyframe, width
            )
        except UndecodableKeyframe as error:
            raise Problem(503, "no_picture", "The sender's picture cannot be decoded.") from error
        self._cache[key] = (keyframe, picture)
        while len(self._cache) > CACHED:
            self._cache.popitem(last=False)
        return picture


def _width(request: web.Request) -> int | None:
    text = request.query.get("width")
    if text is None:
        return None
    if not text.isdecimal() or not MIN_WIDTH <= int(text[:6]) <= MAX_WIDTH:
        raise Problem(400, "bad_width", f"width is {MIN_WIDTH} to {MAX_WIDTH} pixels.")
    return int(text[:6])
