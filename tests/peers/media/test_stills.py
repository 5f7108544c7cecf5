"""Stills of a live source."""

from __future__ import annotations

import asyncio
import io
import time
from datetime import datetime
from pathlib import Path

import aiohttp
import av
import pytest
from conftest import NodeProcess

from proctorhub.media.synthetic import WhipSender
from proctorhub.media.webm import read_segment
from tests.waiting import wait_for


def _picture(jpeg: bytes) -> av.VideoFrame:
    with av.open(io.BytesIO(jpeg), format="jpeg_pipe") as container:
        return next(container.decode(video=0))


@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_a_still_is_a_picture_of_the_recording(
    node: NodeProcess, codec: str, request: pytest.FixtureRequest
) -> None:
    path: Path = request.getfixturevalue(codec)
    session = f"still-{codec}"
    found: dict[str, tuple[bytes, str, str]] = {}

    async def scenario() -> None:
        headers = {"Authorization": f"Bearer {node.ticket(session, 'watch')}"}
        url = f"{node.url}/still/{session}/camera"

        async def get(query: str) -> tuple[int, bytes, str, str]:
            async with http.get(url + query, headers=headers) as answer:
                body = await answer.read()
                told = answer.headers
                return answer.status, body, told.get("X-Frame-Time", ""), told.get("X-Segment", "")

        async with aiohttp.ClientSession() as http:
            assert (await get(""))[0] == 404
            async with WhipSender(*node.whip(session), path):
                for name, query in (("any", ""), ("small", "?width=160"), ("fresh", "?fresh=1")):
                    status, *rest = await get(query)
                    assert status == 200, rest
                    found[name] = (rest[0], rest[1], rest[2])
                assert (await get("?width=9"))[0] == 400
                assert (await get("?width=x"))[0] == 400
                headers["Authorization"] = f"Bearer {node.ticket(session, 'send')}"
                assert (await get(""))[0] == 403
                await asyncio.sleep(0.5)

    asyncio.run(scenario())
    sizes = {name: _picture(jpeg) for name, (jpeg, _, _) in found.items()}
    assert (sizes["any"].width, sizes["any"].height) == (640, 480)
    assert (sizes["small"].width, sizes["small"].height) == (160, 120)
    # Five seconds of 5 % of 500 kbit/s.
    assert len(found["small"][0]) < 15_000
    taken = {n: datetime.fromisoformat(at).timestamp() for n, (_, at, _) in found.items()}
    assert taken["fresh"] > taken["any"]
    assert abs(time.time() - taken["fresh"]) < 30
    wait_for(lambda: node.ledger.calls("closed", session_id=session))
    wait_for(lambda: not (node.spool / session).exists(), "the spool to be empty")
    segments = {f"{s.chain}-{s.seq:06d}": s for s in node.ledger.segments(session_id=session)}
    for name, (_, _, segment_id) in found.items():
        segment = segments[segment_id]
        info = read_segment(node.ledger.path_of(segment).read_bytes())
        at = taken[name] * 1000 - segment.origin_ms
        assert info.first_ms - 1 <= at <= info.last_ms + 1
