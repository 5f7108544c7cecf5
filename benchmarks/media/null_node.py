"""Runs a media node whose ledger takes everything and keeps nothing; settings by environment.

What the control plane costs (database, blob store) is not the media plane's and is left out;
closing, hashing and syncing every segment is in.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

from proctorhub.config import load
from proctorhub.domain.media import ClosedSegment, NotedGap
from proctorhub.domain.placement import Beat
from proctorhub.media.node import Node, serve


class NullLedger:
    """Takes everything."""

    def origin_ms(self, session_id: str) -> int:
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
        pass

    def note_gap(self, gap: NotedGap) -> None:
        pass

    def track_state(self, session_id: str, source: str, state: str, at_ms: int) -> None:
        pass

    def heartbeat(self, beat: Beat) -> list[str]:
        return []

    def leave(self, node_id: str) -> None:
        pass

    def ended_sessions(self, stop: threading.Event) -> Iterator[str]:
        stop.wait()
        return iter(())


if __name__ == "__main__":
    settings = load()
    raise SystemExit(serve(settings, lambda: Node(settings, NullLedger())))
