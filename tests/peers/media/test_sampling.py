"""Sampled pictures are pictures of the recording."""

from __future__ import annotations

import asyncio
from pathlib import Path

import av
import pytest
from conftest import NodeProcess

from proctorhub.frames.planes import planes
from proctorhub.media.synthetic import WhipSender
from tests.waiting import wait_for


def _decoded(path: Path) -> dict[int, bytes | None]:
    """Return the pictures of a segment by their milliseconds on the session's timeline."""
    with av.open(str(path)) as container:
        return {
            round(float(frame.pts * frame.time_base) * 1000): planes(frame)
            for frame in container.decode(video=0)
        }


@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_a_sample_is_the_recorded_picture_of_its_time(
    node: NodeProcess, codec: str, request: pytest.FixtureRequest
) -> None:
    session = f"sampled-{codec}"

    async def scenario() -> None:
        async with WhipSender(*node.whip(session), request.getfixturevalue(codec)):
            await asyncio.sleep(9.0)

    asyncio.run(scenario())
    wait_for(lambda: node.ledger.calls("closed", session_id=session))
    wait_for(lambda: not (node.spool / session).exists(), "the spool to be empty")
    segments = {(s.chain, s.seq): s for s in node.ledger.segments(session_id=session)}
    samples = sorted((node.ledger.root / "samples" / session).glob("*.image"))
    assert 7 <= len(samples) <= 10
    for sample in samples:
        at_ms, chain, seq = sample.stem.split("-")
        segment = segments[chain, int(seq)]
        pictures = _decoded(node.ledger.path_of(segment))
        assert pictures[int(at_ms) - segment.origin_ms] == sample.read_bytes()
