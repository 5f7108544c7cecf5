"""A viewer whose line carries little gets fewer pictures, and whoever else watches all of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from conftest import NodeProcess

from benchmarks.sending import ReelSender, make_reel, sending
from proctorhub.media import rtcp
from proctorhub.media.frame import Frame
from proctorhub.media.synthetic import WhepViewer

WITHIN_S = 40.0
LOOKED_AT = 8
LITTLE_BITS = 50_000


class LayersSeen(WhepViewer):
    """Remembers the layers of the pictures that came whole."""

    def __init__(self, url: str, ticket: str) -> None:
        super().__init__(url, ticket)
        self.layers: list[int] = []

    def _frame(self, frame: Frame, now: float) -> None:
        super()._frame(frame, now)
        if frame.kind == "video":
            self.layers.append(frame.layer)

    def believe(self, bits: int) -> None:
        """Tell the node what the line carries (REMB)."""
        assert self._receiver is not None
        track = self._receiver.tracks["video"]
        self._peer.send_rtcp(rtcp.remb(track.line.local_ssrc, bits, [track.ssrc or 0]))

    async def sees(self, layers: set[int]) -> None:
        """Believe that the line carries little, until the newest pictures are of these layers."""
        async with asyncio.timeout(WITHIN_S):
            while len(self.layers) < LOOKED_AT or set(self.layers[-LOOKED_AT:]) != layers:
                self.believe(LITTLE_BITS)
                await asyncio.sleep(0.1)

    def missed(self) -> tuple[int, int]:
        """Packets and pictures."""
        assert self._receiver is not None
        ingest = self._receiver.tracks["video"].ingest
        return ingest.lost_packets, ingest.dropped_frames


def test_layers_are_left_out_for_a_viewer_on_a_narrow_line(
    node: NodeProcess, tmp_path: Path
) -> None:
    reel = make_reel(tmp_path / "layers.webm", 4.0, bit_rate=300_000, size=(320, 240))

    async def scenario() -> None:
        async with (
            sending(ReelSender(reel), *node.whip("thin")),
            LayersSeen(*node.whep("thin")) as narrow,
            LayersSeen(*node.whep("thin")) as wide,
        ):
            await narrow.first_frame()
            await wide.first_frame()
            await narrow.sees({0, 1})
            await narrow.sees({0})
            assert narrow.missed() == (0, 0)
            assert set(wide.layers[-LOOKED_AT:]) == {0, 1, 2}

    asyncio.run(scenario())
