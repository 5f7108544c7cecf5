from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

import pytest

from proctorhub.media.change import NewContent
from proctorhub.media.frame import Frame
from proctorhub.media.tap import MAX_WAITING, Batch, Rate, Tap

PIXELS = 640 * 480
CAMERA = Rate(1000)
SCREEN = Rate(10_000, NewContent)
L1T3 = (0, 2, 1, 2)


class Stream:
    """Frames at 15 a second into a tap; a wish for a keyframe is heard two frames later."""

    def __init__(self, rate: Rate, layers: tuple[int, ...] = (0,), obey: bool = True) -> None:
        self.tap = Tap(rate, self._asked)
        self.layers = layers
        self.obey = obey
        self.index = 0
        self.asked: list[int] = []
        self.pictures: list[tuple[int, Batch]] = []
        self._key_at: int | None = 0
        self._since_key = 0

    def _asked(self) -> None:
        self.asked.append(self.at)
        if self.obey and self._key_at is None:
            self._key_at = self.index + 2

    @property
    def at(self) -> int:
        return self.index * 1000 // 15

    def play(self, frames: int, size: Callable[[int], int] = lambda index: 100) -> None:
        for _ in range(frames):
            key = self._key_at is not None and self.index >= self._key_at
            if key:
                self._key_at, self._since_key = None, 0
            layer = self.layers[self._since_key % len(self.layers)]
            frame = Frame("video", b"x" * size(self.index), self.index, key, layer)
            batch = self.tap.take(frame, self.at, PIXELS)
            if batch is not None:
                self.pictures.append((self.at, batch))
            self.index += 1
            self._since_key += 1

    def times(self) -> list[int]:
        return [at for at, _ in self.pictures]


def _steps(times: Iterable[int]) -> list[int]:
    return [b - a for a, b in itertools.pairwise(times)]


def test_with_layers_only_layer_0_is_decoded_and_no_keyframe_asked_for() -> None:
    stream = Stream(CAMERA, L1T3)
    stream.play(15 * 20)
    assert len(stream.pictures) in (19, 20) and not stream.asked
    decoded = [frame for _, batch in stream.pictures for _, frame in batch.frames]
    assert all(frame.layer == 0 for frame in decoded)
    # Without a hole: each needs the one before it.
    assert [f.rtp for f in decoded] == list(range(0, decoded[-1].rtp + 1, 4))


def test_the_picture_is_the_one_nearest_to_its_time() -> None:
    stream = Stream(CAMERA, L1T3)
    stream.play(15 * 20)
    frames_ms = [index * 1000 // 15 for index in range(0, 15 * 20, 4)]
    for second, at in enumerate(stream.times()):
        nearest = min(frames_ms, key=lambda frame: abs(frame - second * 1000))
        assert abs(at - second * 1000) <= abs(nearest - second * 1000) + 1


def test_without_layers_only_keyframes_are_decoded_and_asked_for_once_a_second() -> None:
    stream = Stream(CAMERA)
    stream.play(15 * 20)
    assert 18 <= len(stream.pictures) <= 20
    assert all([f.key for _, f in batch.frames] == [True] for _, batch in stream.pictures)
    assert len(stream.asked) <= 20


def test_keyframes_that_come_anyway_are_enough() -> None:
    stream = Stream(CAMERA)
    for _ in range(10):
        stream._key_at = stream.index
        stream.play(15)
    assert not stream.asked
    assert len(stream.pictures) == 10


def test_a_keyframe_spares_what_came_before_it() -> None:
    stream = Stream(CAMERA, L1T3)
    stream.play(8)
    stream._key_at = stream.index
    stream.play(16)
    batch = stream.pictures[1][1]
    assert batch.frames[0][1].key and batch.frames[0][1].rtp == 8


def test_a_sender_that_gives_no_keyframe_is_asked_once_a_second() -> None:
    stream = Stream(CAMERA, obey=False)
    stream.play(15 * 10)
    assert len(stream.pictures) == 1
    assert 8 <= len(stream.asked) <= 10


@pytest.mark.parametrize("layers", [(0,), L1T3])
def test_a_burst_comes_at_once_and_is_marked(layers: tuple[int, ...]) -> None:
    stream = Stream(CAMERA, layers)
    stream.play(45)
    before = len(stream.pictures)
    asked_at = stream.at
    stream.tap.burst(3, 250)
    stream.play(45)
    burst = stream.pictures[before:]
    assert [b.burst for _, b in burst[:4]] == [True, True, True, False]
    first, *steps = burst[0][0] - asked_at, *_steps(at for at, _ in burst[:3])
    assert first <= 270
    assert all(200 <= step <= 340 for step in steps), steps
    assert all(step >= 700 for step in _steps(at for at, _ in burst[2:]))


def test_a_burst_leaves_time_between_the_suspicious_picture_and_its_first() -> None:
    stream = Stream(CAMERA)
    stream.obey = False
    while len(stream.pictures) < 4:  # every frame is a keyframe: any could be taken
        stream._key_at = stream.index
        stream.play(1)
    suspicious = stream.times()[-1]
    stream.tap.burst(3, 250)
    for _ in range(15):
        stream._key_at = stream.index
        stream.play(1)
    steps = _steps([suspicious, *stream.times()[4:7]])
    assert all(250 <= step <= 340 for step in steps), steps


def test_a_still_screen_is_looked_at_every_ten_seconds_with_the_recordings_keyframes() -> None:
    stream = Stream(SCREEN, L1T3)
    for _ in range(10):
        stream._key_at = stream.index
        stream.play(15 * 4)
    assert not stream.asked
    assert all(8000 <= step <= 14_000 for step in _steps(stream.times())), stream.times()
    assert all(len(batch.frames) == 1 for _, batch in stream.pictures)


def test_a_screen_that_changes_is_looked_at_soon() -> None:
    stream = Stream(SCREEN)
    stream.play(15 * 3)
    changed_at = stream.at
    stream.play(15 * 3, size=lambda index: 8000 if stream.at < changed_at + 100 else 100)
    assert len(stream.pictures) == 2
    assert stream.times()[1] - changed_at <= 400


def test_small_changes_wait_for_their_turn() -> None:
    stream = Stream(SCREEN)
    stream.play(15 * 9, size=lambda index: 40)
    assert len(stream.pictures) == 1


def test_a_busy_decoder_drops_pictures_not_frames_that_others_need() -> None:
    stream = Stream(CAMERA, L1T3)
    stream.play(1)
    stream.tap.busy = True
    stream.play(15 * 3)
    assert stream.tap.dropped in (2, 3) and len(stream.pictures) == 1
    stream.tap.busy = False
    stream.play(15)
    decoded = [frame.rtp for _, batch in stream.pictures for _, frame in batch.frames]
    assert decoded == list(range(0, decoded[-1] + 1, 4))


def test_what_waits_for_a_stuck_decoder_is_bounded() -> None:
    stream = Stream(CAMERA, L1T3)
    stream.play(1)
    stream.tap.busy = True
    stream.play(15 * 60)
    assert len(stream.tap._waiting) <= MAX_WAITING
    stream.tap.busy = False
    stream.play(30)
    assert stream.pictures[1][1].frames[0][1].key


def test_after_a_broken_picture_a_keyframe_is_asked_for() -> None:
    stream = Stream(CAMERA, L1T3)
    stream.play(20)
    stream.tap.broken = True
    stream.play(20)
    assert len(stream.asked) == 1
    assert stream.pictures[-1][1].frames[0][1].key
