"""Viewers: quickly served, carried over when the sender changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import NodeProcess

from proctorhub.media.synthetic import RefusedByNode, WhepViewer, WhipSender
from tests.waiting import PATIENCE_S, wait_for


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.02)


def test_viewers_get_all_frames(node: NodeProcess, vp8: Path) -> None:
    async def scenario() -> None:
        async with WhipSender(*node.whip("view"), vp8) as sender:
            async with (
                WhepViewer(*node.whep("view")) as first,
                WhepViewer(*node.whep("view")) as second,
            ):
                await first.first_frame()
                await second.first_frame()
                had, sent = [dict(v.frames) for v in (first, second)], dict(sender.sent_packets)
                await asyncio.sleep(2)
                sender.hold(True)
                gone = {k: sender.sent_packets[k] - sent[k] for k in sent}
                for viewer, before in zip((first, second), had, strict=True):
                    for kind, count in gone.items():
                        await eventually(
                            lambda v=viewer, k=kind, n=before[kind] + count: v.frames[k] >= n
                        )
            await eventually(lambda: first.closed and second.closed)

    asyncio.run(scenario())


def test_nobody_sends(node: NodeProcess) -> None:
    async def scenario() -> None:
        with pytest.raises(RefusedByNode) as refusal:
            async with WhepViewer(*node.whep("nobody")):
                pass
        assert (refusal.value.status, refusal.value.code) == (404, "not_publishing")

    asyncio.run(scenario())


def test_a_second_sender_replaces_the_first_and_viewers_stay(node: NodeProcess, vp8: Path) -> None:
    async def scenario() -> None:
        async with (
            WhipSender(*node.whip("again"), vp8) as first,
            WhepViewer(*node.whep("again")) as viewer,
        ):
            await viewer.first_frame()
            async with WhipSender(*node.whip("again"), vp8):
                await eventually(lambda: not first.connected)
                seen, keys = viewer.frames["video"], viewer.keyframes
                await eventually(lambda: viewer.frames["video"] > seen + 20)
                assert viewer.keyframes > keys and not viewer.closed

    asyncio.run(scenario())
    closed = wait_for(lambda: node.ledger.calls("closed", session_id="again"))
    opened = node.ledger.calls("opened", session_id="again")
    assert [call["replaced"] for call in opened] == [False, True]
    assert closed[0]["reason"] == "replaced" and closed[0]["chain"] == opened[0]["chain"]


def test_a_sender_with_another_codec_closes_the_viewers(
    node: NodeProcess, vp8: Path, h264: Path
) -> None:
    async def scenario() -> None:
        async with (
            WhipSender(*node.whip("codec"), vp8),
            WhepViewer(*node.whep("codec")) as viewer,
        ):
            await viewer.first_frame()
            async with WhipSender(*node.whip("codec"), h264):
                await eventually(lambda: viewer.closed)
                async with WhepViewer(*node.whep("codec")) as again:
                    await again.first_frame()

    asyncio.run(scenario())


def test_a_viewer_waits_for_a_sender_that_comes_back(node: NodeProcess, vp8: Path) -> None:
    async def scenario() -> None:
        first = WhipSender(*node.whip("back"), vp8)
        async with first, WhepViewer(*node.whep("back")) as viewer:
            await viewer.first_frame()
            await first.drop()
            seen = viewer.frames["video"]
            async with WhipSender(*node.whip("back"), vp8):
                await eventually(lambda: viewer.frames["video"] > seen + 10)
            assert not viewer.closed

    asyncio.run(scenario())


def test_the_proctors_source_is_watched_like_any_other(node: NodeProcess, vp8: Path) -> None:
    async def scenario() -> None:
        async with (
            WhipSender(*node.whip("talk", "proctor"), vp8),
            WhepViewer(*node.whep("talk", "proctor")) as viewer,
        ):
            await viewer.first_frame()

    asyncio.run(scenario())
    wait_for(lambda: node.ledger.segments(session_id="talk", source="proctor"))
