"""What the media node reports becomes segments, gaps, and one joined recording."""

from __future__ import annotations

import hashlib
import struct
from io import BytesIO
from pathlib import Path

import pytest

from proctorhub.domain import webm_join
from proctorhub.domain.media import ClosedSegment, NotedGap
from proctorhub.media.ledger import ServicesLedger
from proctorhub.plugins import BlobRefused
from proctorhub.records.base import utc_now
from proctorhub.records.sessions import Gap, Segment
from proctorhub.services import log, playback, recording, report, sitting, watching
from proctorhub.services.errors import Conflict, NotFound

TRACKS = webm_join.element(webm_join.TRACKS, b"tracks")
HEADER = (
    webm_join.element(webm_join.EBML, b"")
    + webm_join.SEGMENT
    + b"\x01"
    + b"\xff" * 7
    + webm_join.element(webm_join.INFO, b"")
    + TRACKS
)


def segment(
    folder: Path, session_id: str, seq: int, start: int, end: int, chain: str = "a", **more
) -> tuple[ClosedSegment, Path]:
    """Write a segment file of ours; its block is just text."""
    block = f"<{chain}{seq}>".encode()
    body = b"\xe7\x88" + struct.pack(">Q", start) + block
    data = HEADER + webm_join.CLUSTER + (len(body) | 1 << 56).to_bytes(8, "big") + body
    path = folder / f"{chain}{seq}.webm"
    path.write_bytes(data)
    values = {
        "session_id": session_id, "source": "camera", "chain": chain, "seq": seq, "origin_ms": 0,
        "started_at_ms": start, "ended_at_ms": end, "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(), "header_bytes": len(HEADER),
        "video_codec": "VP8", "width": 640, "height": 480, "has_audio": True,
        "video_frames": 1, "audio_frames": 1, "lost_packets": 0,
    }  # fmt: skip
    return ClosedSegment(**{**values, **more}), path


@pytest.fixture
def running(sitting_until) -> str:
    return sitting_until("running")


def now_ms() -> int:
    return log.millis(utc_now())


def test_storing_twice_is_storing_once(running, tmp_path) -> None:
    one, path = segment(tmp_path, running, 0, 1000, 5000)
    recording.store_segment(one, path)
    recording.store_segment(one, path)
    assert Segment.objects.count() == 1
    (entry,) = log.of_kind(running, "segment.stored")
    assert entry["data"]["sha256"] == one.sha256 and entry["data"]["bytes"] == one.bytes


def test_a_nodes_first_trial_takes_away_what_killed_ones_left(running, tmp_path, database) -> None:
    recording.store_segment(*segment(tmp_path, running, 0, 1000, 5000))
    left = b"left by a node that was killed"
    sha256 = hashlib.sha256(left).hexdigest()
    database.store.put("trials/left", BytesIO(left), size=len(left), sha256=sha256)
    ServicesLedger(database.settings).try_storage()
    (kept,) = database.store.list("")
    assert kept.startswith(f"sessions/{running}/")


def test_a_file_that_is_not_what_the_node_promised_is_refused(running, tmp_path) -> None:
    one, path = segment(tmp_path, running, 0, 1000, 5000)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BlobRefused):
        recording.store_segment(one, path)
    assert Segment.objects.count() == 0 and log.of_kind(running, "segment.stored") == []


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("deleted", "client"),
        ("connection_lost", "network"),
        ("node_stopped", "node"),
        (None, "node"),
    ],
)
def test_the_hole_between_two_chains_is_a_gap_with_its_cause(
    running, tmp_path, proctor, reason, cause
) -> None:
    start = now_ms()
    recording.source_opened(running, "camera", "a", start, replaced=False)
    recording.store_segment(*segment(tmp_path, running, 0, start, start + 4000))
    if reason:
        recording.source_closed(running, "camera", "a", start + 4000, reason)
    recording.source_opened(running, "camera", "b", start + 9000, replaced=False)
    recording.store_segment(*segment(tmp_path, running, 0, start + 9000, start + 13_000, "b"))
    (noted,) = log.of_kind(running, "gap.noted")
    assert noted["data"]["cause"] == cause
    assert (noted["data"]["started_at"], noted["data"]["ended_at"]) == (start + 4000, start + 9000)
    (track,) = report.media(proctor, running)["tracks"]
    (gap,) = track["gaps"]
    assert gap["cause"] == cause
    assert track["expected_s"] == 13.0 and track["recorded_s"] == 8.0


def test_a_gap_the_node_saw_keeps_the_node_s_cause(running, tmp_path, proctor) -> None:
    start = now_ms()
    recording.source_opened(running, "camera", "a", start, replaced=False)
    recording.store_segment(*segment(tmp_path, running, 0, start, start + 4000))
    recording.store_segment(*segment(tmp_path, running, 1, start + 7000, start + 9000))
    gap = NotedGap(running, "camera", "a", "video", start + 4000, start + 7000, "storage")
    recording.note_gap(gap)
    recording.note_gap(gap)
    assert len(log.of_kind(running, "gap.noted")) == 1
    (track,) = report.media(proctor, running)["tracks"]
    assert [g["cause"] for g in track["gaps"]] == ["storage"]


@pytest.mark.parametrize("former", [False, True])
def test_a_longer_gap_from_the_same_moment_on_counts(running, tmp_path, proctor, former) -> None:
    start = now_ms() - 30_000
    recording.source_opened(running, "camera", "a", start, replaced=False)
    recording.store_segment(*segment(tmp_path, running, 0, start, start + 10_000))
    # while it lasted, the first piece; then a killed node's segment says how long it was
    piece, whole = (
        NotedGap(running, "camera", "a", "video", start + 2000, start + end, "client")
        for end in (4600, 9600)
    )
    recording.note_gap(piece)
    if former:
        old = Gap._get_collection().find_one_and_delete({})
        old_id = f"a-video-{start + 2000}"
        Gap._get_collection().insert_one({**old, "_id": old_id})
    for _ in range(2):
        recording.note_gap(whole)
    noted = [entry["data"]["ended_at"] for entry in log.of_kind(running, "gap.noted")]
    assert noted == [start + 4600, start + 9600]
    (track,) = report.media(proctor, running)["tracks"]
    by_track = {t["track"]: t for t in track["by_track"]}
    for account in (track, by_track["video"]):
        (gap,) = account["gaps"]
        assert (log.millis(gap["started_at"]), log.millis(gap["ended_at"])) == (
            start + 2000,
            start + 9600,
        )
    assert by_track["video"]["recorded_s"] == 2.4
    (tile,) = watching.grid(proctor)
    assert (tile["gaps"], tile["gap_ms"]) == (1, 7600)


def test_the_status_of_a_newer_chain_stays(running) -> None:
    recording.source_opened(running, "camera", "a", 1000, replaced=False)
    recording.source_opened(running, "camera", "b", 2000, replaced=True)
    recording.source_closed(running, "camera", "a", 2100, "replaced")
    entries = log.of_kind(running, "source.opened") + log.of_kind(running, "source.closed")
    assert [e["data"]["chain"] for e in entries] == ["a", "b", "a"]
    status = recording.changing.raw(running)["sources"]["camera"]
    assert (status["state"], status["chain"]) == ("live", "b")


def test_what_a_node_tells_late_of_a_former_chain_is_history_not_status(running) -> None:
    """It was cut off, and the page has gone to another node meanwhile."""
    recording.source_opened(running, "camera", "b", 5000, replaced=False)
    recording.source_opened(running, "camera", "a", 1000, replaced=False)
    recording.track_state(running, "camera", "a", "silent", 8000, ["video"])
    recording.source_closed(running, "camera", "a", 8100, "node_stopped")
    status = recording.changing.raw(running)["sources"]["camera"]
    assert (status["state"], status["chain"], status["silent"]) == ("live", "b", [])
    assert log.millis(status["first_at"]) == 1000
    assert [e["data"]["chain"] for e in log.of_kind(running, "source.opened")] == ["b", "a"]
    assert [e["data"]["chain"] for e in log.of_kind(running, "source.closed")] == ["a"]
    assert log.of_kind(running, "track.silent") == []
    recording.track_state(running, "camera", "b", "silent", 9000, ["video"])
    recording.source_opened(running, "camera", "b", 5000, replaced=False)  # told again
    status = recording.changing.raw(running)["sources"]["camera"]
    assert (status["state"], status["silent"]) == ("silent", ["video"])
    assert len(log.of_kind(running, "source.opened")) == 2


def test_media_is_taken_only_while_the_session_is_on(sitting_until, candidate) -> None:
    session_id = sitting_until("running")
    assert recording.origin_ms(session_id) <= now_ms()
    sitting.finish(candidate, session_id)
    with pytest.raises(Conflict) as refused:
        recording.origin_ms(session_id)
    assert refused.value.state == "finished"
    with pytest.raises(NotFound):
        recording.origin_ms("no such session")


def test_the_joined_recording_is_served_in_any_range(running, tmp_path, proctor) -> None:
    for seq in range(3):
        recording.store_segment(
            *segment(tmp_path, running, seq, 1000 + 4000 * seq, 5000 + 4000 * seq)
        )
    joined = playback.open(proctor, running, "camera")
    whole = b"".join(joined.read(0, joined.size))
    assert len(whole) == joined.size
    assert TRACKS in whole and [whole.count(f"<a{n}>".encode()) for n in range(3)] == [1, 1, 1]
    stamps = [struct.pack(">Q", ms) for ms in (0, 4000, 8000)]
    assert all(b"\xe7\x88" + stamp in whole for stamp in stamps)
    assert b"".join(joined.read(50, 100)) == whole[50:150]


def test_another_codec_begins_another_part(running, tmp_path, proctor) -> None:
    recording.store_segment(*segment(tmp_path, running, 0, 1000, 5000))
    recording.store_segment(*segment(tmp_path, running, 0, 5000, 9000, "b", video_codec="H264"))
    assert playback.open(proctor, running, "camera", part=1).started_at_ms == 5000
    with pytest.raises(NotFound):
        playback.open(proctor, running, "camera", part=2)
    with pytest.raises(NotFound):
        playback.open(proctor, running, "screen")


def test_the_candidate_sees_the_recording_only_after_the_conclusion(
    running, tmp_path, candidate
) -> None:
    recording.store_segment(*segment(tmp_path, running, 0, 1000, 5000))
    with pytest.raises(NotFound):
        playback.open(candidate, running, "camera")
