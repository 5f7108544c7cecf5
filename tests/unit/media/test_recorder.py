from __future__ import annotations

import itertools
import struct
from pathlib import Path
from typing import Any

import pytest

from proctorhub.media import picture, recorder
from proctorhub.media.clock import SenderClock, TrackClock
from proctorhub.media.frame import Frame
from proctorhub.media.recorder import Recorder, RecorderLinks
from proctorhub.media.spool import ChainRecord, SpoolFull
from proctorhub.media.webm import (
    CLUSTER_HEAD,
    VIDEO_TRACK,
    SegmentWriter,
    VideoTrack,
    read_segment,
)

ORIGIN_S = 1_000_000.0
RECORD = ChainRecord("s", "camera", "c", int(ORIGIN_S * 1000), 0)


def _key(width: int = 640) -> bytes:
    return b"\x30\x01\x00\x9d\x01\x2a" + width.to_bytes(2, "little") + b"\xe0\x01" + b"k" * 50


class Studio:
    """A recorder with a camera and a microphone in front of it; `at` is seconds of media."""

    def __init__(
        self, folder: Path, kinds: tuple[str, ...] = ("video", "audio"), synced: bool = True
    ) -> None:
        self.closed: list[dict[str, Any]] = []
        self.parts: list[Path] = []
        self.asked: list[float] = []
        self.gaps: list[tuple[int, int]] = []
        self.room = True
        self.at = 0.0
        self.recorded: dict[str, list[int]] = {"video": [], "audio": []}
        sender = SenderClock()
        self.clocks = {k: TrackClock(90_000 if k == "video" else 48_000, sender) for k in kinds}
        if synced:
            for clock in self.clocks.values():
                clock.frame(0, ORIGIN_S)
                clock.report(0.0, 0, ORIGIN_S)
        links = RecorderLinks(
            require_room=self._require_room,
            finished=self._finished,
            request_keyframe=lambda: self.asked.append(self.at),
            storage_gap=lambda a, b: self.gaps.append((a, b)),
            recorded=lambda kind, ms: self.recorded[kind].append(ms),
            begun=lambda: None,
        )
        codec = "VP8" if "video" in kinds else None
        self.recorder = Recorder(RECORD, folder, self.clocks, codec, (4.0, 10.0), links)

    def _require_room(self) -> None:
        if not self.room:
            raise SpoolFull("no room")

    def _finished(self, part: Path, values: dict[str, Any]) -> None:
        self.parts.append(part)
        self.closed.append(values)

    def video(self, at: float, key: bool = False, width: int = 640) -> None:
        self.at = at
        data = _key(width) if key else b"\x31delta"
        self._feed(Frame("video", data, int(at * 90_000), key))

    def audio(self, at: float) -> None:
        self.at = at
        self._feed(Frame("audio", b"sound", int(at * 48_000), True))

    def _feed(self, frame: Frame) -> None:
        self.recorder.feed(frame, ORIGIN_S + self.at)
        self.recorder.tick(ORIGIN_S + self.at)

    def play(self, start: float, end: float, *, obey: bool = True, key_every: float = 1e9) -> None:
        """Play both kinds at 10 and 50 frames/s; `obey` answers requests with a keyframe."""
        asked = len(self.asked)
        for step in range(round(start * 50), round(end * 50)):
            at = step / 50
            if "video" in self.clocks and step % 5 == 0:
                wanted = obey and len(self.asked) > asked
                asked = len(self.asked)
                self.video(at, wanted or step == 0 or step % round(key_every * 50) == 0)
            if "audio" in self.clocks:
                self.audio(at)

    def lengths(self) -> list[float]:
        return [(c["ended_at_ms"] - c["started_at_ms"]) / 1000 for c in self.closed]


def test_segments_roll_at_the_keyframe_that_is_asked_for(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    studio.play(0, 21)
    studio.recorder.close()
    assert all(4.0 <= length <= 5.0 for length in studio.lengths()[:-1])
    assert [c["seq"] for c in studio.closed] == list(range(len(studio.closed)))
    for before, after in zip(studio.closed, studio.closed[1:], strict=False):
        assert before["ended_at_ms"] == after["started_at_ms"]
    total = [read_segment(p.read_bytes()) for p in studio.parts]
    assert sum(i.video_frames for i in total) == 210
    assert sum(i.audio_frames for i in total) == 21 * 50
    for info, values in zip(total, studio.closed, strict=True):
        assert info.timestamp_ms + RECORD.origin_ms == values["started_at_ms"]
        assert info.video_frames == values["video_frames"]


def test_every_segment_begins_with_a_keyframe(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    studio.play(0, 30)
    studio.recorder.close()
    for part in studio.parts:
        data = part.read_bytes()
        info = read_segment(data)
        block = data[info.header_bytes + CLUSTER_HEAD :]
        assert block[5] & 0x7F == VIDEO_TRACK and block[8] & 0x80


def test_a_sender_without_keyframes_is_asked_each_second_and_kept_until_30_s(
    tmp_path: Path,
) -> None:
    studio = Studio(tmp_path)
    studio.play(0, 40, obey=False)
    studio.recorder.close()
    assert len(studio.asked) >= 25
    gaps = [b - a for a, b in zip(studio.asked, studio.asked[1:], strict=False)]
    assert min(gaps) >= 0.9
    assert 29.0 <= studio.lengths()[0] <= 31.0
    assert studio.closed[1]["video_codec"] is None  # no keyframe: nothing a player could show


def test_sound_alone_rolls_at_the_maximum(tmp_path: Path) -> None:
    studio = Studio(tmp_path, ("audio",))
    studio.play(0, 25)
    studio.recorder.close()
    assert studio.lengths()[:2] == [pytest.approx(10, abs=0.05)] * 2
    assert sum(c["audio_frames"] for c in studio.closed) == 25 * 50
    assert not studio.asked


def test_a_picture_alone_rolls_too(tmp_path: Path) -> None:
    studio = Studio(tmp_path, ("video",))
    studio.play(0, 15)
    studio.recorder.close()
    assert all(4.0 <= length <= 5.0 for length in studio.lengths()[:-1])
    assert not any(c["has_audio"] for c in studio.closed)


def test_few_pictures_cost_no_more_keyframes_than_many(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    studio.video(0, key=True)
    for step in range(1, 4 * 50):
        studio.audio(step / 50)
        if step % 50 == 0:
            studio.video(step / 50)
    assert not studio.asked


def test_a_camera_that_stops_leaves_sound_recorded(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    studio.play(0, 6)
    for step in range(300, 1250):
        studio.audio(step / 50)
    studio.recorder.close()
    assert sum(c["audio_frames"] for c in studio.closed) == 1250
    assert max(studio.lengths()) <= 10.5
    assert studio.closed[-1]["video_codec"] is None and studio.closed[-1]["width"] == 0


def test_a_camera_that_comes_back_begins_a_segment(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    studio.play(0, 5)
    for step in range(250, 900):
        studio.audio(step / 50)
    studio.video(18.0)
    assert studio.asked and studio.asked[-1] == 18.0
    studio.video(18.1, key=True)
    for step in range(905, 1100):
        studio.audio(step / 50)
        if step % 5 == 0:
            studio.video(step / 50)
    studio.recorder.close()
    assert studio.closed[-1]["video_codec"] == "VP8"
    assert studio.closed[-1]["started_at_ms"] == RECORD.origin_ms + 18_100


def test_sound_before_the_first_keyframe_is_kept(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    for step in range(40):
        studio.audio(step / 50)
    studio.video(0.8, key=True)
    for step in range(40, 100):
        studio.audio(step / 50)
    studio.recorder.close()
    assert studio.closed[0]["audio_frames"] == 100
    assert studio.closed[0]["started_at_ms"] == RECORD.origin_ms
    assert studio.closed[0]["video_frames"] == 1


def test_a_new_picture_size_begins_a_segment(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    studio.play(0, 2)
    studio.video(2.0, key=True, width=320)
    studio.audio(2.0)
    studio.audio(2.02)
    studio.recorder.close()
    assert [c["width"] for c in studio.closed] == [640, 320]


def test_pictures_that_change_their_size_all_the_time_are_no_storm_of_segments(
    tmp_path: Path,
) -> None:
    studio = Studio(tmp_path)
    for step in range(500):
        at = step / 50
        studio.video(at, key=True, width=(640, 320)[step % 2])
        studio.audio(at)
    studio.recorder.close()
    assert 5 <= len(studio.closed) <= 12
    assert sum(c["audio_frames"] for c in studio.closed) == 500
    assert sum(c["video_frames"] for c in studio.closed) >= 250


def test_pictures_of_a_size_that_comes_too_soon_are_left_out_until_a_keyframe(
    tmp_path: Path,
) -> None:
    studio = Studio(tmp_path)
    studio.play(0, 2)
    studio.video(2.0, key=True, width=320)
    studio.audio(2.0)
    studio.video(2.3, key=True, width=160)
    for at in (2.4, 2.5, 2.9, 3.1, 3.2):
        studio.video(at)
        studio.audio(at)
    # asked for as soon as it can be taken
    assert [at for at in studio.asked if at > 2] == [3.1]
    studio.video(3.3, key=True, width=160)
    studio.video(3.4)
    studio.audio(3.4)
    studio.recorder.close()
    assert [(c["width"], c["video_frames"]) for c in studio.closed] == [
        (640, 20),
        (320, 1),
        (160, 2),
    ]
    assert studio.recorder.dropped == 6


def test_keyframes_that_are_too_large_leave_the_sound(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    studio.play(0, 2)
    for step in range(100, 500):
        studio.video(step / 50, key=True, width=16_000)
        studio.audio(step / 50)
    studio.play(10, 12, key_every=1)
    studio.recorder.close()
    assert len(studio.closed) <= 5
    assert {c["width"] for c in studio.closed} == {640, 0}
    assert sum(c["audio_frames"] for c in studio.closed) == 600
    assert sum(c["video_frames"] for c in studio.closed) == 40


def _block_times(part: Path) -> list[int]:
    data = part.read_bytes()
    at, seen = read_segment(data).header_bytes + CLUSTER_HEAD, []
    while at < len(data):
        seen.append(int.from_bytes(data[at + 6 : at + 8], "big", signed=True))
        at += 5 + (int.from_bytes(data[at + 1 : at + 5], "big") & 0xFFFFFFF)
    return seen


@pytest.mark.parametrize("late_s", [0.3, 2.5])
def test_blocks_never_step_back(tmp_path: Path, late_s: float) -> None:
    studio = Studio(tmp_path)
    studio.video(0, key=True)
    for step in range(100):
        studio.audio(step / 50 + late_s)  # the picture comes later than the sound of its time
        if step % 5 == 0:
            studio.video(step / 50 + 0.1)
    studio.recorder.close()
    seen = [at for part in studio.parts for at in _block_times(part)]
    assert seen == sorted(seen)
    assert len(seen) == 121


def test_a_picture_goes_before_the_sound_of_the_same_instant(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    studio.play(0, 5)
    studio.recorder.close()
    for part in studio.parts:
        data = part.read_bytes()
        first = data[read_segment(data).header_bytes + CLUSTER_HEAD :]
        assert first[5] & 0x7F == VIDEO_TRACK


def test_frames_wait_for_the_first_reports_so_that_both_kinds_share_a_clock(
    tmp_path: Path,
) -> None:
    studio = Studio(tmp_path, synced=False)
    # The picture arrives 400 ms late; only the reports can tell.
    video, audio = studio.clocks["video"], studio.clocks["audio"]
    video.frame(0, ORIGIN_S + 0.4)
    audio.frame(0, ORIGIN_S)
    studio.video(0, key=True)
    studio.audio(0)
    assert not studio.recorded["video"]
    video.report(0.5, 45_000, ORIGIN_S + 0.5)
    audio.report(0.5, 24_000, ORIGIN_S + 0.5)
    for step in range(1, 100):
        studio.audio(step / 50)
        if step % 5 == 0:
            studio.video(step / 50)
    studio.recorder.close()
    assert abs(studio.recorded["video"][0] - studio.recorded["audio"][0]) <= 1


def test_a_sender_without_reports_is_recorded_all_the_same(tmp_path: Path) -> None:
    studio = Studio(tmp_path, synced=False)
    for clock in studio.clocks.values():
        clock.frame(0, ORIGIN_S)
    studio.play(0, 5)
    studio.recorder.close()
    assert sum(c["audio_frames"] for c in studio.closed) == 250


def test_no_room_is_a_gap_that_ends_when_there_is_room(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    studio.play(0, 3)
    studio.room = False
    studio.play(3, 8, key_every=1)
    assert len(studio.closed) == 1 and not studio.gaps
    studio.room = True
    studio.play(8, 13, key_every=1)
    studio.recorder.close()
    ((start, end),) = studio.gaps
    assert start == studio.closed[0]["ended_at_ms"]
    assert end == studio.closed[1]["started_at_ms"]
    # what waited for the next try is recorded as well
    assert 5_900 <= end - RECORD.origin_ms <= 9_100


def test_no_room_until_the_end_is_a_gap_too(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    studio.room = False
    studio.play(0, 3, key_every=1)
    studio.recorder.close()
    assert len(studio.gaps) == 1 and not studio.closed
    start, end = studio.gaps[0]
    assert end - start >= 2_500


def test_frames_that_cannot_be_written_are_dropped_and_hold_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = Studio(tmp_path)

    def describe(codec: str, keyframe: bytes, former: VideoTrack | None) -> VideoTrack | None:
        if b"\x00\x05" in keyframe:  # 1280 pixels wide
            raise struct.error("no such picture")
        return picture.describe(codec, keyframe, former)

    monkeypatch.setattr(recorder, "describe", describe)
    for step in range(10):
        studio.recorder.feed(Frame("video", _key(1280), step * 9_000, True), ORIGIN_S)
        studio.recorder.feed(Frame("audio", b"sound", step * 4_800, True), ORIGIN_S)
    studio.recorder.tick(ORIGIN_S + 1)  # one for all of them
    assert studio.recorder.dropped == 10
    studio.video(1.0, key=True)
    studio.video(1.1, key=True, width=1280)  # within a segment
    studio.video(1.2)
    studio.recorder.close()
    assert studio.recorder.dropped == 11
    assert sum(c["audio_frames"] for c in studio.closed) == 10
    assert sum(c["video_frames"] for c in studio.closed) == 2


def test_a_block_that_cannot_be_made_is_not_counted_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def add(self: SegmentWriter, track: int, at_ms: int, data: bytes, key: bool) -> None:
        raise struct.error("no such block")

    studio = Studio(tmp_path)
    studio.play(0, 2)
    studio.recorder.flush()
    written = dict(studio.recorder.written)
    monkeypatch.setattr(SegmentWriter, "add", add)
    studio.play(2, 2.2)
    studio.recorder.flush()
    assert studio.recorder.written == written and written["video"] >= 15
    assert studio.recorder.dropped >= 10


def test_media_that_say_to_be_from_before_the_session_begin_with_it(tmp_path: Path) -> None:
    studio = Studio(tmp_path, synced=False)
    for clock in studio.clocks.values():
        clock.frame(0, ORIGIN_S)
        clock.report(0.0, 10 * clock.rate, ORIGIN_S)
    studio.play(0.0, 3.0)
    studio.recorder.close()
    for kind, apart in (("video", 100), ("audio", 20)):
        times = [at - RECORD.origin_ms for at in studio.recorded[kind]]
        assert times[0] == 0
        assert {later - before for before, later in itertools.pairwise(times)} == {apart}


def test_a_silent_senders_segment_is_closed(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    studio.play(0, 3)
    studio.recorder.tick(ORIGIN_S + 4)
    studio.recorder.flush()
    assert not studio.closed
    assert next(tmp_path.glob("*.part")).stat().st_size > 0
    studio.recorder.tick(ORIGIN_S + 9)
    assert len(studio.closed) == 1
    assert studio.closed[0]["audio_frames"] == 150


def test_lost_packets_are_told_with_the_segment_they_are_missing_in(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    studio.play(0, 2)
    studio.recorder.note_loss(3)
    studio.play(2, 10)
    studio.recorder.close()
    assert [c["lost_packets"] for c in studio.closed][:2] == [3, 0]


def test_a_long_jump_of_the_media_time_fits_no_block_and_begins_anew(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    studio.play(0, 3)
    studio.play(3600, 3604, key_every=1)
    studio.recorder.close()
    assert len(studio.closed) == 2
    assert studio.closed[1]["started_at_ms"] >= RECORD.origin_ms + 3_600_000


def test_a_hole_lies_between_two_segments(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    studio.play(0, 2)
    studio.play(5, 8)
    studio.recorder.close()
    before, after = studio.closed
    assert before["ended_at_ms"] - RECORD.origin_ms == 2_000
    assert 5_000 <= after["started_at_ms"] - RECORD.origin_ms <= 6_000
    info = read_segment(studio.parts[1].read_bytes())
    assert info.video_frames and info.first_ms >= 5_000


def test_a_still_screen_is_no_hole(tmp_path: Path) -> None:
    studio = Studio(tmp_path, kinds=("video",))
    for second in range(0, 9, 2):
        studio.video(second, key=second == 0)
    studio.recorder.close()
    assert len(studio.closed) == 1
