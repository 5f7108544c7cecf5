"""Loss and jitter between a sender and the node: the recording stays whole."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
from conftest import NodeProcess, until

from proctorhub.media.synthetic import WhepViewer, WhipSender

SENT_S = 12.0
LOSS = 0.05
JITTER_S = 0.15


def spoil(sender: WhipSender, loss: float, jitter_s: float, seed: int = 1) -> None:
    """Lose and delay what a connected sender sends and hears, except ICE and DTLS."""
    rng = random.Random(seed)
    loop = asyncio.get_running_loop()
    line = sender._sender._pc.getTransceivers()[0]
    for protocol in line.sender.transport.transport._connection._protocols:
        _spoil_protocol(protocol, rng, loss, jitter_s, loop)


def _spoil_protocol(
    protocol: Any,
    rng: random.Random,
    loss: float,
    jitter_s: float,
    loop: asyncio.AbstractEventLoop,
) -> None:
    hears: Callable[[bytes, Any], None] = protocol.datagram_received

    async def send_data(data: bytes, address: Any) -> None:
        if not 127 < data[0] < 192:
            protocol.transport.sendto(data, address)
        elif rng.random() > loss:
            loop.call_later(rng.uniform(0, jitter_s), _send, protocol, data, address)

    def datagram_received(data: bytes, address: Any) -> None:
        if not (data and 127 < data[0] < 192 and rng.random() < loss):
            hears(data, address)

    protocol.send_data = send_data
    protocol.datagram_received = datagram_received


def _send(protocol: Any, data: bytes, address: Any) -> None:
    if not protocol.transport.is_closing():
        protocol.transport.sendto(data, address)


def decode_strictly(path: Path) -> int:
    """Return how many pictures decode; any complaint of the decoder is an error."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        video.codec_context.options = {"err_detect": "explode"}
        return sum(1 for _ in container.decode(video))


@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_five_percent_loss_and_150_ms_jitter_break_no_frame(
    node: NodeProcess, codec: str, request: pytest.FixtureRequest
) -> None:
    path: Path = request.getfixturevalue(codec)
    session = f"spoilt-{codec}"

    async def scenario() -> tuple[dict[str, int], int]:
        async with WhipSender(*node.whip(session), path) as sender:
            spoil(sender, LOSS, JITTER_S)
            async with WhepViewer(*node.whep(session)) as viewer:
                await asyncio.sleep(SENT_S)
                return dict(sender.sent_packets), viewer.frames["video"]

    sent, seen = asyncio.run(scenario())
    until(lambda: node.ledger.calls("closed", session_id=session))
    until(lambda: not (node.spool / session).exists(), what="the spool to be empty")
    segments = node.ledger.segments(session_id=session)
    pictures = sum(s.video_frames for s in segments)
    # What was on its way when the sender left cannot be asked for again.
    assert pictures >= sent["video"] * 0.97
    assert sum(s.audio_frames for s in segments) >= sent["audio"] * (1 - LOSS) * 0.97
    assert sum(decode_strictly(node.ledger.path_of(s)) for s in segments) == pictures
    assert seen >= sent["video"] * 0.8


def test_a_cut_of_three_seconds_is_a_gap_of_the_network(node: NodeProcess, vp8: Path) -> None:
    async def scenario() -> None:
        async with WhipSender(*node.whip("cut"), vp8) as sender:
            await asyncio.sleep(1.5)
            line = sender._sender._pc.getTransceivers()[0]
            (protocol,) = line.sender.transport.transport._connection._protocols
            send_data = protocol.send_data

            async def lose(data: bytes, address: Any) -> None:
                if not 127 < data[0] < 192:
                    await send_data(data, address)

            protocol.send_data = lose
            await asyncio.sleep(3.0)
            protocol.send_data = send_data
            await asyncio.sleep(3.0)

    asyncio.run(scenario())
    until(lambda: node.ledger.calls("closed", session_id="cut"))
    until(lambda: len(node.ledger.calls("gap", session_id="cut")) >= 2, what="the gaps")
    # The end of the picture's hole is healed from what the sender still holds to send again; the
    # sound's is told in pieces then, because the picture goes on without it.
    for track, at_least in (("video", 500), ("audio", 2_900)):
        gaps = node.ledger.calls("gap", session_id="cut", track=track)
        assert {gap["cause"] for gap in gaps} == {"network"}
        for piece, following in itertools.pairwise(gaps):
            assert piece["ended_at_ms"] == following["started_at_ms"]
        assert at_least <= gaps[-1]["ended_at_ms"] - gaps[0]["started_at_ms"] <= 3_600
    # Picture and sound may fall silent one after the other.
    states = (call["state"] for call in node.ledger.calls("state", session_id="cut"))
    assert [state for state, _ in itertools.groupby(states)] == ["silent", "live"]
