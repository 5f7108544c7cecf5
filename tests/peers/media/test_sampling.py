"""Sampled pictures are pictures of the recording."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from pathlib import Path

import av
import pytest
from conftest import NodeProcess

from proctorhub.frames import decoding
from proctorhub.frames.planes import planes
from proctorhub.media.material import make_media
from proctorhub.media.synthetic import WhipSender
from tests.waiting import wait_for


def _digests(path: Path, codec: str) -> dict[int, str]:
    """Return the pictures of a segment, decoded as samples are, by milliseconds from its origin."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        decoder = decoding.decoder_for_looks(codec, stream.codec_context.extradata)
        return {
            round(float(picture.pts * stream.time_base) * 1000): sha256(planes(picture)).hexdigest()
            for packet in container.demux(stream)
            for picture in decoder.decode(packet)
        }


@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_a_sample_is_the_recorded_picture_of_its_time(
    node: NodeProcess, codec: str, tmp_path: Path
) -> None:
    session = f"sampled-{codec}"
    sent = tmp_path / ("sent.webm" if codec == "vp8" else "sent.mp4")
    # a keyframe each 0.8 s, so that some samples are keyframes and some are not
    make_media(sent, 6.0, codec=codec, keyframe_every=12)

    async def scenario() -> None:
        async with WhipSender(*node.whip(session), sent):
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
        pictures = _digests(node.ledger.path_of(segment), codec)
        assert pictures[int(at_ms) - segment.origin_ms] == sha256(sample.read_bytes()).hexdigest()
