"""What the size of frames says before any is decoded."""

from __future__ import annotations

import numpy as np

from proctorhub.media.change import Stir
from proctorhub.media.frame import Frame

L1T3 = (0, 2, 1, 2)
#: Bytes of frames of each layer of a calm camera.
USUAL = {0: 5000, 1: 3000, 2: 1800}


class Camera:
    """Frames at 15 a second, their sizes spread by a tenth."""

    def __init__(self) -> None:
        self.stir = Stir()
        self.random = np.random.default_rng(7)
        self.index = 0
        self.told: list[int] = []

    @property
    def at(self) -> int:
        return self.index * 1000 // 15

    def play(self, frames: int, times: float = 1.0, *, key: bool = False) -> None:
        for _ in range(frames):
            layer = L1T3[self.index % 4]
            size = int(USUAL[layer] * times * self.random.normal(1, 0.1))
            frame = Frame("video", b"x" * size, self.index, key, layer)
            if self.stir.is_due(frame, self.at, 640 * 480):
                self.told.append(self.at)
            self.index += 1


def test_a_calm_camera_is_looked_at_in_its_turn_alone() -> None:
    camera = Camera()
    camera.play(15 * 60)
    assert camera.told == []


def test_a_frame_much_larger_than_usual_is_told_at_once() -> None:
    camera = Camera()
    camera.play(15 * 10)
    changed_at = camera.at
    camera.play(1, times=2)
    assert camera.told == [changed_at]


def test_one_large_frame_does_not_hide_the_next() -> None:
    camera = Camera()
    camera.play(15 * 10)
    for _ in range(5):
        camera.play(1, times=6)
        camera.play(15 * 3)
    assert len(camera.told) == 5


def test_who_never_sits_still_is_looked_at_sooner_no_more_than_every_other_second() -> None:
    camera = Camera()
    camera.play(15 * 10)
    for _ in range(30):
        camera.play(10)
        camera.play(5, times=3)
    steps = np.diff(camera.told)
    assert (steps >= Stir.REST_MS).all() and len(camera.told) <= 16


def test_keyframes_are_large_whatever_happens() -> None:
    camera = Camera()
    camera.play(15 * 10)
    camera.play(1, times=20, key=True)
    assert camera.told == []
