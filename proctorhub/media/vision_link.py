"""The node's link to the vision workers: samples go out over the frame bus, wishes come back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import structlog

from proctorhub.config import Settings
from proctorhub.frames import bus
from proctorhub.frames.bus import Counts
from proctorhub.frames.envelope import BurstWish, Sample
from proctorhub.media.ledger import Ledger
from proctorhub.media.sampler import Sampler
from proctorhub.media.tasks import spawn

log = structlog.get_logger(__name__)

ASK_EVERY_S = 1.0


class VisionLink:
    """A sink for the sampler, and who tells it what to sample. Made and begun in the loop thread.

    Without a worker nothing breaks: what nobody takes gives way to what is newer, and is counted.
    """

    def __init__(self, settings: Settings, ledger: Ledger) -> None:
        self._loop = asyncio.get_running_loop()
        self._ledger = ledger
        self._asker = ThreadPoolExecutor(1, "watched")
        self._sampler: Sampler | None = None
        self._sampled: set[str] = set()
        self._sender = bus.sender(settings, self._wished)

    @property
    def counts(self) -> Counts:
        """See FrameSink."""
        return self._sender.counts

    def publish(self, item: Sample) -> None:
        """See FrameSink."""
        self._sender.publish(item)

    def begin(self, sampler: Sampler, sessions: Callable[[], Iterable[str]]) -> None:
        """Have the sampler follow what is to be looked at among the node's `sessions`."""
        self._sampler = sampler
        spawn(self._follow(sampler, sessions))

    async def _follow(self, sampler: Sampler, sessions: Callable[[], Iterable[str]]) -> None:
        told = True
        while True:
            try:
                await self._ask(sampler, set(sessions()))
                told = True
            except Exception as error:  # whatever the database raises: asked again in a second
                if told:
                    log.warning("watched_not_known", error=repr(error))
                told = False
            await asyncio.sleep(ASK_EVERY_S)

    async def _ask(self, sampler: Sampler, sessions: set[str]) -> None:
        rates = {}
        if sessions:
            rates = await self._loop.run_in_executor(self._asker, self._ledger.watched, sessions)
        for session_id, wanted in rates.items():
            sampler.want(session_id, wanted)
        for session_id in self._sampled - rates.keys():
            sampler.want(session_id, {})
        self._sampled = set(rates)

    def _wished(self, wish: BurstWish) -> None:
        if self._sampler is not None:
            self._loop.call_soon_threadsafe(
                self._sampler.burst, wish.session_id, wish.source, wish.count, wish.every_ms
            )
