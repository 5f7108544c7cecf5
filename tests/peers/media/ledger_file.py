"""A ledger that keeps everything in one folder, for a node under test in a process of its own."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from proctorhub.domain.media import ClosedSegment, NotedGap
from proctorhub.domain.placement import Beat, Orders
from proctorhub.media.ledger import Refused


class FileLedger:
    """Calls become lines of `calls.jsonl`; segments are copied; a file `ended/<id>` ends a session.

    A session whose id begins with `unknown` is unknown. While `away` exists every call fails.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "segments").mkdir(parents=True, exist_ok=True)
        (root / "ended").mkdir(exist_ok=True)
        self._lock = threading.Lock()

    def _note(self, what: str, **values: Any) -> None:
        if (self.root / "away").exists():
            raise ConnectionError("the ledger is away")
        with self._lock, (self.root / "calls.jsonl").open("a") as file:
            file.write(json.dumps({"what": what, **values}) + "\n")

    def origin_ms(self, session_id: str) -> int:
        if session_id.startswith("unknown"):
            raise Refused("not_found", "There is no such session.")
        path = self.root / f"origin-{session_id}"
        with self._lock:
            if not path.exists():
                path.write_text(str(int(time.time() * 1000) - 5000))
        return int(path.read_text())

    def source_opened(
        self, session_id: str, source: str, chain: str, at_ms: int, *, replaced: bool
    ) -> None:
        self._note(
            "opened",
            session_id=session_id,
            source=source,
            chain=chain,
            at_ms=at_ms,
            replaced=replaced,
        )

    def source_closed(
        self, session_id: str, source: str, chain: str, at_ms: int, reason: str
    ) -> None:
        self._note(
            "closed", session_id=session_id, source=source, chain=chain, at_ms=at_ms, reason=reason
        )

    def store_segment(self, segment: ClosedSegment, path: Path) -> None:
        data = path.read_bytes()
        assert len(data) == segment.bytes
        assert hashlib.sha256(data).hexdigest() == segment.sha256
        self._note("segment", **asdict(segment))
        shutil.copy(path, self.path_of(segment))

    def try_storage(self) -> None:
        if (self.root / "away").exists():
            raise ConnectionError("the ledger is away")

    def path_of(self, segment: ClosedSegment) -> Path:
        name = f"{segment.session_id}-{segment.source}-{segment.chain}-{segment.seq:06d}.webm"
        return self.root / "segments" / name

    def note_gap(self, gap: NotedGap) -> None:
        self._note("gap", **asdict(gap))

    def track_state(
        self,
        session_id: str,
        source: str,
        chain: str,
        state: str,
        at_ms: int,
        tracks: Sequence[str] = (),
    ) -> None:
        self._note(
            "state",
            session_id=session_id,
            source=source,
            chain=chain,
            state=state,
            at_ms=at_ms,
            tracks=list(tracks),
        )

    def heartbeat(self, beat: Beat) -> Orders:
        part = self.root / "beat.part"
        part.write_text(json.dumps(asdict(beat)))
        part.rename(self.root / "beat.json")
        return Orders(elsewhere=self._named("moved"), over=self._named("over"))

    def _named(self, name: str) -> list[str]:
        path = self.root / name
        return path.read_text().split() if path.exists() else []

    def leave(self, node_id: str) -> None:
        self._note("left", node_id=node_id)

    def ended_sessions(self, stop: threading.Event) -> Iterator[str]:
        seen: set[str] = set()
        while not stop.wait(0.05):
            for path in (self.root / "ended").iterdir():
                if path.name not in seen:
                    seen.add(path.name)
                    yield path.name

    def calls(self, what: str, **where: Any) -> list[dict[str, Any]]:
        """Return the calls of one kind so far, those whose values match."""
        try:
            lines = (self.root / "calls.jsonl").read_text().splitlines()
        except FileNotFoundError:
            return []
        found = [json.loads(line) for line in lines]
        return [
            c for c in found if c["what"] == what and all(c.get(k) == v for k, v in where.items())
        ]

    def segments(self, **where: Any) -> list[ClosedSegment]:
        """Return the stored segments, in the order of their times."""
        found = []
        for call in self.calls("segment", **where):
            call.pop("what")
            found.append(ClosedSegment(**call))
        return sorted(found, key=lambda s: s.started_at_ms)
