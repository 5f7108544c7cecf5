"""What is remembered between looks: changes, and pictures that come again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proctorhub.vision import views
from proctorhub.vision.memory import RING, Memory, Strip, from_bytes, to_bytes
from proctorhub.vision.pictures import SMALL

SHAPE = (SMALL[1], SMALL[0])


def scene(random: np.random.Generator, count: int, step: float = 25) -> list[np.ndarray]:
    """Small grey pictures of something that moves about."""
    base = random.integers(40, 200, SHAPE).astype(np.float32)
    across = np.cumsum(random.normal(0, step / 10, count)).round().astype(int)
    return [np.roll(base, (shift, 2 * shift), (0, 1)) for shift in across]


def camera(pictures: list[np.ndarray], random: np.random.Generator) -> list[np.ndarray]:
    return [np.clip(p + random.normal(0, 2, SHAPE), 0, 255).astype(np.uint8) for p in pictures]


def repeats(pictures: list[np.ndarray]) -> list[int]:
    memory, found = Memory(), []
    for number, picture in enumerate(pictures):
        memory, repeated = memory.seen(picture, 1_000_000 + number * 1000)
        found.append(repeated or 0)
    return found


@pytest.mark.parametrize("length", [7, 20, 45])
def test_a_loop_is_seen_when_it_comes_round(length) -> None:
    random = np.random.default_rng(1)
    loop = scene(random, length)
    found = repeats(camera(loop * 4, random))
    assert max(found[:length]) < 4
    assert found[-1] >= 8


@pytest.mark.parametrize("seed", range(5))
def test_somebody_who_moves_does_not_come_again(seed) -> None:
    random = np.random.default_rng(seed)
    assert max(repeats(camera(scene(random, 300), random))) < 8


def test_somebody_who_sits_still_does_not_come_again() -> None:
    random = np.random.default_rng(3)
    assert max(repeats(camera(scene(random, 1) * 200, random))) == 0


def test_a_burst_does_not_count_as_looks_of_a_loop() -> None:
    random = np.random.default_rng(4)
    memory = Memory()
    for number, picture in enumerate(camera(scene(random, 40), random)):
        memory, _ = memory.seen(picture, 1_000_000 + number * 250)
    assert len(memory.ring) == 14  # every third is far enough from the one before


def test_the_change_is_that_from_the_look_before() -> None:
    grey = np.full(SHAPE, 100, np.uint8)
    memory = Memory()
    assert memory.change(grey) is None
    memory, _ = memory.seen(grey, 5)
    assert memory.change(grey + 7) == 7.0
    assert memory.change(grey - 7) == 7.0


def test_the_ring_is_bounded() -> None:
    random = np.random.default_rng(5)
    memory = Memory()
    for number, picture in enumerate(camera(scene(random, RING + 20), random)):
        memory, _ = memory.seen(picture, 1_000_000 + number * 1000)
    assert len(memory.ring) == RING


@pytest.mark.parametrize("looks", [0, 1, 12, RING + 5])
def test_a_memory_is_read_as_it_was_written(looks) -> None:
    random = np.random.default_rng(6)
    view = random.integers(0, 255, views.SIDE**2).astype(np.uint8)
    memory = Memory(faces=1).compared(7, 0.25, view, same=True)
    for number, picture in enumerate(camera(scene(random, looks), random)):
        memory, _ = memory.seen(picture, 1_000_000 + number * 1000)
    read = Strip(random.integers(0, 255, (18, 320)).astype(np.uint8), ("Files", "Ünïcode"), 702)
    memory = replace(memory, strips=(read, Strip(read.coarse[:2], ())))
    again = from_bytes(to_bytes(memory))
    assert [strip.lines for strip in again.strips] == [("Files", "Ünïcode"), ()]
    assert [strip.start for strip in again.strips] == [702, 0]
    assert to_bytes(again) == to_bytes(memory)
    assert (again.embedded_ms, again.distance) == (7, 0.25)
    assert again.views.tolist() == [view.tolist()]
    picture = camera(scene(random, 1), random)[0]
    at = memory.at_ms + 1000
    assert again.change(picture) == memory.change(picture)
    assert again.seen(picture, at)[1] == memory.seen(picture, at)[1]
