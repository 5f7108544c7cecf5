"""Runs a media node whose ledger takes everything and keeps nothing; settings by environment.

What the control plane costs (database, blob store) is not the media plane's and is left out;
closing, hashing and syncing every segment is in. With BENCH_TAP=1 every camera is sampled once a
second and goes to the frame bus. BENCH_LEDGER names a file that gets a line for each segment and
gap.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from proctorhub.config import Settings, load
from proctorhub.domain.media import ClosedSegment, NotedGap
from proctorhub.domain.placement import Beat, Orders
from proctorhub.frames.unix import UnixSender
from proctorhub.media.node import Node, serve
from proctorhub.media.tap import Rate

#: Where the frame bus' socket is in the data folder.
FRAMES = ("run", "frames.sock")


class NullLedger:
    """Takes everything."""

    def node(self, settings: Settings) -> Node:
        """Return the node under measurement."""
        self._tap = os.environ.get("BENCH_TAP") == "1"
        self._loop = asyncio.get_running_loop()
        sink = UnixSender(settings.path(*FRAMES), lambda wish: None) if self._tap else None
        self._node = Node(settings, self, sink)
        return self._node

    def origin_ms(self, session_id: str) -> int:
        sampler = self._node.sampler
        if sampler is not None:
            self._loop.call_soon_threadsafe(sampler.want, session_id, {"camera": Rate(1000)})
        return 1_700_000_000_000

    def source_opened(
        self, session_id: str, source: str, chain: str, at_ms: int, *, replaced: bool
    ) -> None:
        pass

    def source_closed(
        self, session_id: str, source: str, chain: str, at_ms: int, reason: str
    ) -> None:
        pass

    def store_segment(self, segment: ClosedSegment, path: Path) -> None:
        self._keep("segment", asdict(segment))

    def try_storage(self) -> None:
        pass

    def note_gap(self, gap: NotedGap) -> None:
        self._keep("gap", asdict(gap))

    def _keep(self, kind: str, values: dict[str, Any]) -> None:
        place = os.environ.get("BENCH_LEDGER")
        if place:
            with Path(place).open("a") as file:
                file.write(json.dumps({"kind": kind, **values}) + "\n")

    def track_state(
        self,
        session_id: str,
        source: str,
        chain: str,
        state: str,
        at_ms: int,
        tracks: Sequence[str] = (),
    ) -> None:
        pass

    def heartbeat(self, beat: Beat) -> Orders:
        return Orders()

    def leave(self, node_id: str) -> None:
        pass

    def ended_sessions(self, stop: threading.Event) -> Iterator[str]:
        stop.wait()
        return iter(())


if __name__ == "__main__":
    settings = load()
    raise SystemExit(serve(settings, lambda: NullLedger().node(settings)))
