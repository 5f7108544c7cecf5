"""Runs a real media node with a FileLedger: node_main.py LEDGER_DIR; settings by environment.

Every camera is sampled once a second into LEDGER_DIR/samples, as `{at_ms}-{chain}-{seq}.image`.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from ledger_file import FileLedger

from proctorhub.config import Settings, load
from proctorhub.frames.bus import Counts
from proctorhub.frames.envelope import Sample, SampledPicture
from proctorhub.media.node import Node, serve
from proctorhub.media.tap import Rate


class SamplingLedger(FileLedger):
    """Wants samples of every session it is asked about, and takes them."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.counts = Counts()
        self.samples = root / "samples"
        self.samples.mkdir(exist_ok=True)

    def publish(self, item: Sample) -> None:
        if isinstance(item, SampledPicture):
            folder = self.samples / item.session_id
            folder.mkdir(exist_ok=True)
            name = f"{item.at_ms}-{item.chain}-{item.seq:06d}"
            (folder / f"{name}.part").write_bytes(item.image)
            (folder / f"{name}.part").rename(folder / f"{name}.image")

    def node(self, settings: Settings) -> Node:
        self._loop, made = asyncio.get_running_loop(), Node(settings, self, self)
        self._sampler = made.sampler
        return made

    def origin_ms(self, session_id: str) -> int:
        assert self._sampler is not None
        self._loop.call_soon_threadsafe(self._sampler.want, session_id, {"camera": Rate(1000)})
        return super().origin_ms(session_id)


if __name__ == "__main__":
    settings = load()
    ledger = SamplingLedger(Path(sys.argv[1]))
    raise SystemExit(serve(settings, lambda: ledger.node(settings)))
