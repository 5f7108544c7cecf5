"""A candidate's page as far as media goes: sends, notices silence, comes back by itself."""

from __future__ import annotations

import asyncio
import time

import aiohttp

from benchmarks.sending import Reel, ReelSender
from proctorhub.cli.rehearsal.person import Person, Refused
from proctorhub.media.sdp import BadOffer

#: As the page does (`js/media/rtc.js`, `js/media/link.js`).
SILENT_AFTER_S = 2.0
RETRY_S = 0.5
ATTEMPT_S = 5.0
_LOST = (Refused, BadOffer, aiohttp.ClientError, TimeoutError, OSError)


class Candidate:
    """One session's camera and microphone, sent whatever happens."""

    def __init__(self, person: Person, session: str, reel: Reel, *, loss: float, seed: int) -> None:
        self.session = session
        self.url = ""
        self._person, self._reel = person, reel
        self._loss, self._seed = loss, seed
        self._away = False
        self._stopping = False
        self._sender: ReelSender | None = None
        self._began_s = self._ended_s = 0.0

    @property
    def connected(self) -> bool:
        """Whether media flows, as far as the page knows."""
        return self._sender is not None and self._sender.connected

    @property
    def sent_s(self) -> float:
        """Seconds from the first connection to the end."""
        return self._ended_s - self._began_s

    def lose_network(self, lost: bool) -> None:
        """Be without network, or have it back."""
        self._away = lost
        if self._sender is not None:
            self._sender.lose_network(lost)

    async def run(self) -> None:
        """Send until `stop`."""
        while not self._stopping:
            try:
                fresh = await self._connect()
            except _LOST:
                await asyncio.sleep(RETRY_S)
                continue
            former, self._sender = self._sender, fresh
            self._began_s = self._began_s or time.time()
            if former is not None:
                await former.close()
            await self._until_silent(fresh)
        if self._sender is not None:
            await self._sender.close()

    async def _until_silent(self, sender: ReelSender) -> None:
        while not self._stopping:
            await asyncio.sleep(0.1)
            if not sender.connected or time.monotonic() - sender.heard_s > SILENT_AFTER_S:
                return

    async def _connect(self) -> ReelSender:
        if self._away:
            raise OSError("no network")
        ticket = await self._person.call(
            "POST",
            f"/sessions/{self.session}/tickets",
            {"source": "camera", "direction": "send"},
        )
        self._seed += 1000
        sender = ReelSender(self._reel, loss=self._loss, seed=self._seed)
        try:
            async with asyncio.timeout(ATTEMPT_S):
                await sender.connect(ticket["url"], ticket["ticket"])
        except BaseException:
            await sender.close()
            raise
        if self._away:
            sender.lose_network(True)
        self.url = ticket["url"].split("/whip/")[0]
        return sender

    async def stop(self) -> None:
        """Send no more."""
        self._ended_s = time.time()
        self._stopping = True
