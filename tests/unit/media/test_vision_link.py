"""The node's link to vision: sampling follows what is watched, and no worker is no trouble."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from proctorhub.config import Settings
from proctorhub.frames import bus
from proctorhub.frames.envelope import BurstWish, SampledPicture
from proctorhub.media import vision_link
from proctorhub.media.tap import Rate
from proctorhub.media.vision_link import VisionLink
from tests.waiting import PATIENCE_S

JPEG = b"\xff\xd8\xff\xd9"
CAMERA = {"camera": Rate(1000)}


class Asked:
    """Stands in for the sampler: notes what it is told."""

    def __init__(self) -> None:
        self.rates: dict[str, Mapping[str, Rate]] = {}
        self.bursts: list[tuple[str, str, int, int]] = []

    def want(self, session_id: str, rates: Mapping[str, Rate]) -> None:
        self.rates[session_id] = rates

    def burst(self, *wish: Any) -> bool:
        self.bursts.append(wish)
        return True


class Watching:
    """Stands in for the ledger: says what is watched, or that it cannot."""

    def __init__(self) -> None:
        self.on: dict[str, dict[str, Rate]] = {}
        self.asked: list[set[str]] = []
        self.away = False

    def watched(self, session_ids: Iterable[str]) -> dict[str, dict[str, Rate]]:
        if self.away:
            raise OSError("away")
        self.asked.append(set(session_ids))
        return {s: rates for s, rates in self.on.items() if s in session_ids}


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(vision_link, "ASK_EVERY_S", 0.02)
    with tempfile.TemporaryDirectory(prefix="ph-") as folder:
        yield Settings(data_dir=Path(folder))


def test_sampling_follows_what_is_watched(settings: Settings) -> None:
    async def play() -> None:
        ledger, sampler, mine = Watching(), Asked(), {"a", "b"}
        link = VisionLink(settings, ledger)  # type: ignore[arg-type]
        link.begin(sampler, lambda: mine)  # type: ignore[arg-type]
        ledger.on = {"a": CAMERA, "elsewhere": CAMERA}
        await until(lambda: sampler.rates == {"a": CAMERA})
        ledger.on = {"b": CAMERA}
        await until(lambda: sampler.rates == {"a": {}, "b": CAMERA})
        ledger.away = True
        await asyncio.sleep(0.1)
        assert sampler.rates["b"] == CAMERA, "a database that is away changes nothing"
        ledger.away = False
        mine.clear()
        await until(lambda: sampler.rates["b"] == {})
        assert all(asked for asked in ledger.asked), "who has no sessions asks for none"

    asyncio.run(play())


def test_without_a_worker_samples_are_dropped_and_counted(settings: Settings) -> None:
    async def play() -> None:
        link = VisionLink(settings, Watching())  # type: ignore[arg-type]
        for number in range(20):
            link.publish(SampledPicture("s", "camera", "c", 0, number, 64, 48, JPEG))
        assert link.counts.dropped == 20 - 6

    asyncio.run(play())


def test_a_wish_reaches_the_sampler(settings: Settings) -> None:
    async def play() -> None:
        receiver, sampler = bus.receiver(settings), Asked()
        link = VisionLink(settings, Watching())  # type: ignore[arg-type]
        link.begin(sampler, lambda: ["s"])  # type: ignore[arg-type]
        link.publish(SampledPicture("s", "camera", "c", 0, 1, 64, 48, JPEG))
        await asyncio.to_thread(receiver.take, 1, 20.0)
        receiver.wish(BurstWish("s", "camera", 3, 250))
        await until(lambda: sampler.bursts)
        assert sampler.bursts[0] == ("s", "camera", 3, 250)
        receiver.close()

    asyncio.run(play())
