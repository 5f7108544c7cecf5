"""What is sent is on disk: whole, in segments, in sync."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest
from conftest import NodeProcess
from looking import onsets, probe

from proctorhub.domain.media import ClosedSegment
from proctorhub.media.synthetic import WhipSender
from tests.waiting import wait_for

SENT_S = 13.0
SOURCES = ("vp8", "h264", "screen")


@pytest.fixture(scope="module")
def sent(
    node: NodeProcess, vp8: Path, h264: Path, screen: Path
) -> dict[str, tuple[list[ClosedSegment], dict[str, int]]]:
    """Three sessions recorded at once: their segments, and how many frames were sent."""
    files = dict(zip(SOURCES, (vp8, h264, screen), strict=True))

    async def send() -> dict[str, dict[str, int]]:
        senders = {
            name: WhipSender(*node.whip(f"rec-{name}"), path) for name, path in files.items()
        }
        async with senders["vp8"], senders["h264"], senders["screen"]:
            await asyncio.sleep(SENT_S)
            for sender in senders.values():
                assert sender.connected
                sender.hold(True)
            await asyncio.sleep(0.5)  # what is on its way arrives
        return {name: sender.sent_packets for name, sender in senders.items()}

    counts = asyncio.run(send())
    for name in SOURCES:
        wait_for(lambda name=name: node.ledger.calls("closed", session_id=f"rec-{name}"))
    wait_for(lambda: not list(node.spool.glob("rec-*")), "the spool to be empty")
    return {
        name: (node.ledger.segments(session_id=f"rec-{name}"), counts[name]) for name in SOURCES
    }


@pytest.mark.parametrize("name", SOURCES)
def test_every_frame_sent_is_in_a_segment(sent, name: str) -> None:  # type: ignore[no-untyped-def]
    segments, counts = sent[name]
    told = [(s.started_at_ms, s.ended_at_ms, s.video_frames, s.lost_packets) for s in segments]
    assert sum(s.lost_packets for s in segments) == 0, told
    assert sum(s.video_frames for s in segments) >= counts["video"] - 1, told
    assert sum(s.audio_frames for s in segments) >= counts.get("audio", 0) - 1, told


@pytest.mark.parametrize("name", SOURCES)
def test_segments_last_four_to_ten_seconds_and_join(sent, name: str) -> None:  # type: ignore[no-untyped-def]
    segments, _ = sent[name]
    assert len(segments) >= 3
    lengths = [(s.ended_at_ms - s.started_at_ms) / 1000 for s in segments]
    assert all(4.0 <= length <= 10.0 for length in lengths[:-1]), lengths
    assert sum(lengths) == pytest.approx(SENT_S, abs=0.6)
    assert [s.seq for s in segments] == list(range(len(segments)))
    for before, after in itertools.pairwise(segments):
        assert before.ended_at_ms == after.started_at_ms


@pytest.mark.parametrize("name", SOURCES)
def test_ffprobe_reads_every_segment_and_each_begins_with_a_keyframe(
    node: NodeProcess,
    sent,  # type: ignore[no-untyped-def]
    name: str,
) -> None:
    segments, _ = sent[name]
    for segment in segments:
        answer = probe(node.ledger.path_of(segment))
        (stream,) = answer["streams"]
        assert stream["codec_name"] == {"VP8": "vp8", "H264": "h264"}[segment.video_codec or ""]
        assert (stream["width"], stream["height"]) == (segment.width, segment.height)
        assert int(stream["nb_read_frames"]) == segment.video_frames
        assert answer["frames"][0]["key_frame"] == 1
        assert segment.has_audio == (name != "screen")


@pytest.mark.parametrize("name", ["vp8", "h264"])
def test_picture_and_sound_are_within_100_ms(node: NodeProcess, sent, name: str) -> None:  # type: ignore[no-untyped-def]
    segments, _ = sent[name]
    flashes, clicks = onsets([node.ledger.path_of(s) for s in segments])
    # the sender may have stopped between the last flash and its click
    until_s = (segments[-1].ended_at_ms - segments[-1].origin_ms) / 1000 - 0.1
    flashes = [flash for flash in flashes if flash < until_s]
    assert len(flashes) >= SENT_S - 5
    offsets = [min((click - flash for click in clicks), key=abs) for flash in flashes]
    # One frame lasts 67 ms, so half of that is as near as a picture can come to a sound.
    assert max(abs(offset) for offset in offsets) <= 0.1, offsets


def test_all_sources_of_a_session_share_one_timeline(node: NodeProcess, sent) -> None:  # type: ignore[no-untyped-def]
    segments, _ = sent["vp8"]
    origin = node.ledger.origin_ms("rec-vp8")
    assert {s.origin_ms for s in segments} == {origin}
    opened = node.ledger.calls("opened", session_id="rec-vp8")[0]
    assert segments[0].started_at_ms == pytest.approx(opened["at_ms"], abs=600)
