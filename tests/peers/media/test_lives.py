"""Beginnings and ends: of a source, of a session, of the node, of the ledger."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import NodeProcess
from looking import probe

from proctorhub.media.synthetic import RefusedByNode, WhipSender
from tests.waiting import wait_for


def test_delete_ends_the_source_and_closes_its_segment(node: NodeProcess, vp8: Path) -> None:
    async def scenario() -> None:
        async with WhipSender(*node.whip("del"), vp8):
            await asyncio.sleep(1.5)

    asyncio.run(scenario())
    (closed,) = wait_for(lambda: node.ledger.calls("closed", session_id="del"))
    (segment,) = wait_for(lambda: node.ledger.segments(session_id="del"))
    assert closed["reason"] == "deleted"
    assert segment.video_frames >= 20
    wait_for(lambda: not (node.spool / "del").exists(), "the spool to be empty")


def test_a_vanished_sender_is_a_lost_connection(node: NodeProcess, vp8: Path) -> None:
    async def scenario() -> None:
        async with WhipSender(*node.whip("lost"), vp8) as sender:
            await asyncio.sleep(0.5)
            await sender.drop()

    asyncio.run(scenario())
    (closed,) = wait_for(lambda: node.ledger.calls("closed", session_id="lost"))
    assert closed["reason"] == "connection_lost"


def test_silence_is_told_and_its_end_too(node: NodeProcess, vp8: Path) -> None:
    async def scenario() -> None:
        async with WhipSender(*node.whip("mute"), vp8) as sender:
            await asyncio.sleep(0.5)
            sender.hold(True)
            async with asyncio.timeout(60):
                while not node.ledger.calls("state", session_id="mute", state="silent"):
                    await asyncio.sleep(0.02)
                sender.hold(False)
                while not node.ledger.calls("state", session_id="mute", state="live"):
                    await asyncio.sleep(0.02)

    asyncio.run(scenario())


def test_the_end_of_a_session_closes_its_sources_for_good(node: NodeProcess, vp8: Path) -> None:
    async def scenario() -> None:
        async with (
            WhipSender(*node.whip("over"), vp8) as camera,
            WhipSender(*node.whip("over", "screen"), vp8) as screen,
        ):
            await asyncio.sleep(0.5)
            (node.ledger.root / "ended" / "over").touch()
            async with asyncio.timeout(60):
                while camera.connected or screen.connected:
                    await asyncio.sleep(0.02)
        with pytest.raises(RefusedByNode) as refusal:
            async with WhipSender(*node.whip("over"), vp8):
                pass
        assert (refusal.value.status, refusal.value.code) == (409, "session_ended")

    asyncio.run(scenario())
    closed = wait_for(
        lambda: len(found := node.ledger.calls("closed", session_id="over")) == 2 and found
    )
    assert {call["reason"] for call in closed} == {"session_ended"}


def test_a_folder_that_cannot_be_made_is_an_alarm_and_a_gap_and_tried_again(
    own_node: NodeProcess, vp8: Path
) -> None:
    node = own_node
    in_the_way = node.spool / "nofolder"
    in_the_way.touch()

    def alarms() -> set[tuple[str, str]]:
        beat = json.loads((node.ledger.root / "beat.json").read_text())
        return {(told["session_id"], told["reason"]) for told in beat["alarms"]}

    async def scenario() -> None:
        async with WhipSender(*node.whip("nofolder"), vp8):
            await asyncio.to_thread(wait_for, lambda: ("nofolder", "disk") in alarms(), "the alarm")
            in_the_way.unlink()
            await asyncio.to_thread(
                wait_for, lambda: node.ledger.segments(session_id="nofolder"), "a segment"
            )

    asyncio.run(scenario())
    gaps = wait_for(lambda: node.ledger.calls("gap", session_id="nofolder"), "the gap")
    first = node.ledger.segments(session_id="nofolder")[0]
    assert {gap["cause"] for gap in gaps} == {"storage"}
    assert {gap["track"] for gap in gaps} == {"audio", "video"}
    assert max(gap["ended_at_ms"] for gap in gaps) == first.started_at_ms


def test_the_equipment_check_leaves_no_trace(node: NodeProcess, vp8: Path) -> None:
    async def scenario() -> None:
        async with WhipSender(*node.whip("unknown-check", "check"), vp8) as sender:
            await asyncio.sleep(0.5)
            assert sender.connected

    asyncio.run(scenario())
    for what in ("opened", "closed", "segment", "state"):
        assert not node.ledger.calls(what, session_id="unknown-check")
    assert not (node.spool / "unknown-check").exists()


def test_a_killed_node_loses_at_most_what_was_not_flushed(
    make_node: Callable[..., NodeProcess], vp8: Path
) -> None:
    node = make_node()

    async def scenario() -> float:
        async with WhipSender(*node.whip("kill"), vp8) as sender:
            await asyncio.sleep(7.4)
            node.kill()
            sent = sender.sent_s
            await sender.drop()
            return sent

    sent = asyncio.run(scenario())
    assert list(node.spool.glob("*/*/*/*.part")), "the node died while it was writing"
    before = len(node.ledger.segments(session_id="kill"))
    node.start()
    (closed,) = wait_for(lambda: node.ledger.calls("closed", session_id="kill"))
    assert closed["reason"] == "node_stopped"
    wait_for(lambda: not list(node.spool.glob("kill*")), "the spool to be empty")
    segments = node.ledger.segments(session_id="kill")
    assert len(segments) > before
    recorded = (segments[-1].ended_at_ms - segments[0].started_at_ms) / 1000
    # One second is flushed at a time, and 1.5 s may wait for sound and picture to be merged.
    assert sent - recorded < 3.0
    assert closed["at_ms"] == segments[-1].ended_at_ms
    for segment in segments:
        answer = probe(node.ledger.path_of(segment))
        assert len(answer["frames"]) == segment.video_frames
        assert answer["frames"][0]["key_frame"] == 1

    async def again() -> None:
        async with WhipSender(*node.whip("kill"), vp8):
            await asyncio.sleep(1.5)

    asyncio.run(again())
    wait_for(lambda: len(node.ledger.calls("closed", session_id="kill")) == 2)


def test_nothing_is_lost_while_the_ledger_is_away(own_node: NodeProcess, vp8: Path) -> None:
    node = own_node

    async def scenario() -> None:
        async with WhipSender(*node.whip("away"), vp8):
            await asyncio.sleep(0.5)
            (node.ledger.root / "away").touch()
            await asyncio.sleep(3.5)

    asyncio.run(scenario())
    wait_for(lambda: len(list(node.spool.glob("away/*/*/*.webm"))) >= 2)
    assert not node.ledger.calls("closed", session_id="away")
    assert node.stop() == 0  # it does not wait for a ledger that is away
    kept = sorted(p.name for p in node.spool.glob("away/*/*/*.webm"))
    assert len(kept) >= 2
    (node.ledger.root / "away").unlink()
    node.start()
    wait_for(lambda: node.ledger.calls("closed", session_id="away"))
    wait_for(lambda: not (node.spool / "away").exists(), "the spool to be empty")
    segments = node.ledger.segments(session_id="away")
    assert [s.seq for s in segments] == list(range(len(segments)))


def test_sigterm_hands_everything_over(own_node: NodeProcess, vp8: Path) -> None:
    node = own_node

    async def scenario() -> None:
        async with WhipSender(*node.whip("term"), vp8) as sender:
            await asyncio.sleep(2.0)
            assert await asyncio.to_thread(node.stop) == 0
            await sender.drop()

    asyncio.run(scenario())
    (closed,) = node.ledger.calls("closed", session_id="term")
    assert closed["reason"] == "node_stopped"
    segments = node.ledger.segments(session_id="term")
    assert sum(s.video_frames for s in segments) >= 25
    assert not (node.spool / "term").exists()


def test_a_taken_port_is_one_line_and_status_1(node: NodeProcess, tmp_path: Path) -> None:
    environment = {**os.environ, **node.environment, "PROCTORHUB_DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("node_main.py")), str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("media node: ") and str(node.port) in line
