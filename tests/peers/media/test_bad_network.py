"""Loss and jitter between a sender and the node: the recording stays whole."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
from aiortc.rtp import is_rtcp
from conftest import NodeProcess

from proctorhub.media.ingest import MAX_WAIT_S
from proctorhub.media.synthetic import WhepViewer, WhipSender
from tests.waiting import PATIENCE_S, wait_for

SENT_S = 12.0
LOSS = 0.05
JITTER_S = 0.15


class BadLine:
    """Loses and delays what a connected sender sends and hears, except ICE and DTLS."""

    def __init__(self, sender: WhipSender, loss: float, jitter_s: float) -> None:
        self._rng = random.Random(1)
        self._loss, self._jitter_s = loss, jitter_s
        self._loop = asyncio.get_running_loop()
        lines = sender._sender._pc.getTransceivers()
        (sound,) = [line.sender for line in lines if line.kind == "audio"]
        self._sound = sound._ssrc.to_bytes(4, "big")
        self.sound_lost = 0
        self._on_its_way = 0
        self._busy_s = time.monotonic()
        for protocol in sound.transport.transport._connection._protocols:
            self._spoil(protocol)

    def _spoil(self, protocol: Any) -> None:
        hears: Callable[[bytes, Any], None] = protocol.datagram_received

        async def send_data(data: bytes, address: Any) -> None:
            if not 127 < data[0] < 192:
                protocol.transport.sendto(data, address)
            elif self._rng.random() < self._loss:
                self.sound_lost += data[8:12] == self._sound
            else:
                self._on_its_way += 1
                later = self._rng.uniform(0, self._jitter_s)
                self._loop.call_later(later, self._send, protocol, data, address)

        def datagram_received(data: bytes, address: Any) -> None:
            if not (data and 127 < data[0] < 192 and self._rng.random() < self._loss):
                hears(data, address)

        protocol.send_data = send_data
        protocol.datagram_received = datagram_received

    def _send(self, protocol: Any, data: bytes, address: Any) -> None:
        self._on_its_way -= 1
        if not is_rtcp(data):  # reports go on for ever
            self._busy_s = time.monotonic()
        protocol.transport.sendto(data, address)

    @property
    def is_done(self) -> bool:
        """Whether all has come through, and nothing was asked for again for so long that it is."""
        return not self._on_its_way and time.monotonic() - self._busy_s > MAX_WAIT_S


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

    async def scenario() -> tuple[dict[str, int], int, int]:
        async with (
            WhipSender(*node.whip(session), path) as sender,
            WhepViewer(*node.whep(session)) as viewer,
        ):
            # What is lost of the first pictures is not missed: a track begins with what comes.
            await viewer.first_frame(PATIENCE_S)
            line = BadLine(sender, LOSS, JITTER_S)
            await asyncio.sleep(SENT_S)
            sender.hold(True)
            async with asyncio.timeout(PATIENCE_S):
                while not line.is_done:
                    await asyncio.sleep(0.1)
            return dict(sender.sent_packets), line.sound_lost, viewer.frames["video"]

    sent, sound_lost, seen = asyncio.run(scenario())
    wait_for(lambda: node.ledger.calls("closed", session_id=session))
    wait_for(lambda: not (node.spool / session).exists(), "the spool to be empty")
    segments = node.ledger.segments(session_id=session)
    pictures = sum(s.video_frames for s in segments)
    # The last pictures, nothing came after which tells that they are missing.
    assert pictures >= sent["video"] * 0.97
    assert sum(s.audio_frames for s in segments) == sent["audio"] - sound_lost
    assert sum(decode_strictly(node.ledger.path_of(s)) for s in segments) == pictures
    assert seen >= sent["video"] * 0.8


def test_a_cut_of_three_seconds_is_a_gap_of_the_network(node: NodeProcess, vp8: Path) -> None:
    async def scenario() -> float:
        async with WhipSender(*node.whip("cut"), vp8) as sender:
            await asyncio.sleep(1.5)
            line = sender._sender._pc.getTransceivers()[0]
            (protocol,) = line.sender.transport.transport._connection._protocols
            send_data = protocol.send_data

            async def lose(data: bytes, address: Any) -> None:
                if not 127 < data[0] < 192:
                    await send_data(data, address)

            began = time.monotonic()
            protocol.send_data = lose
            await asyncio.sleep(3.0)
            protocol.send_data = send_data
            cut_s = time.monotonic() - began
            await asyncio.sleep(3.0)
            return cut_s

    cut_ms = 1000 * asyncio.run(scenario())
    wait_for(lambda: node.ledger.calls("closed", session_id="cut"))
    wait_for(lambda: len(node.ledger.calls("gap", session_id="cut")) >= 2, "the gaps")
    # The end of the picture's hole is healed from what the sender still holds to send again; the
    # sound's is told in pieces then, because the picture goes on without it.
    for track, at_least in (("video", 500), ("audio", 2_900)):
        gaps = node.ledger.calls("gap", session_id="cut", track=track)
        assert {gap["cause"] for gap in gaps} == {"network"}
        for piece, following in itertools.pairwise(gaps):
            assert piece["ended_at_ms"] == following["started_at_ms"]
        assert at_least <= gaps[-1]["ended_at_ms"] - gaps[0]["started_at_ms"] <= cut_ms + 600
    # Picture and sound may fall silent one after the other.
    states = (call["state"] for call in node.ledger.calls("state", session_id="cut"))
    assert [state for state, _ in itertools.groupby(states)] == ["silent", "live"]
