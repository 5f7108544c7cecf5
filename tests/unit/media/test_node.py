"""The node's clock goes on whatever fails."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from proctorhub.config import Settings
from proctorhub.media import node as module
from proctorhub.media.leftovers import Leftovers
from proctorhub.media.node import Node
from tests.waiting import PATIENCE_S


class Ticking:
    """Stands for a chain and a viewer; sets `ticked` at its second tick."""

    id = "one"

    def __init__(self, error: Exception | None = None) -> None:
        self.ticked = asyncio.Event()
        self.log = SimpleNamespace(exception=lambda *_: None)
        self._error = error
        self._ticks = 0

    def report(self, now: float) -> None:
        self._ticks += 1
        if self._ticks > 1:
            self.ticked.set()
        if self._error is not None:
            raise self._error

    tick = second = report


@pytest.mark.parametrize("fails", ["viewer", "sweep", "leftovers"])
def test_one_failure_does_not_stop_the_clock_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    async def scenario() -> None:
        ledger: Any = SimpleNamespace()
        node = Node(Settings(data_dir=tmp_path), ledger)
        error = RuntimeError("broken") if fails == "viewer" else None
        broken, chain, viewer = Ticking(error), Ticking(), Ticking()
        node._registry.chains = {"chain": chain}  # type: ignore[dict-item]
        node._registry.viewers = {"a": broken, "b": viewer}  # type: ignore[dict-item]
        node._registry.sweep = fail if fails == "sweep" else lambda: None  # type: ignore[method-assign]
        if fails == "leftovers":
            monkeypatch.setattr(Leftovers, "second", fail)
        ticker = asyncio.create_task(node._tick())
        async with asyncio.timeout(PATIENCE_S):
            await broken.ticked.wait()
            await viewer.ticked.wait()
            await chain.ticked.wait()
        assert not ticker.done()
        ticker.cancel()

    monkeypatch.setattr(module, "TICK_S", 0)
    asyncio.run(scenario())
