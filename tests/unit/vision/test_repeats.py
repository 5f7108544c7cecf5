"""Pictures that come again a fixed while later, and those that only look alike."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctorhub.domain.incident_rules import RULES
from proctorhub.domain.incident_terms import Detector
from proctorhub.domain.observation import Value
from proctorhub.vision.pictures import SMALL, tiny
from proctorhub.vision.repeats import KEPT, Past, from_bytes, to_bytes

SHAPE = (SMALL[1], SMALL[0])
START_MS = 1_700_000_000_000
#: Between two pictures that a camera takes, ms. Every fourth is of layer 0.
FRAME_MS = 67
ENTER = next(c.enter for c in RULES[Detector.CAMERA_FROZEN].criteria if c.value is Value.REPLAYED)


def moving(random: np.random.Generator, frames: int) -> list[np.ndarray]:
    """What a camera takes of something that moves about in wandering light, without a plan."""
    base = random.integers(40, 200, (3, 4)).astype(np.float32)
    scene = np.kron(base, np.ones((SHAPE[0] // 3, SHAPE[1] // 4), np.float32))
    place, speed, taken = np.zeros(3), np.zeros(3), []
    for _ in range(frames):
        speed = 0.9 * speed + random.normal(0, 0.35, 3)
        place = 0.98 * place + speed
        taken.append(np.roll(scene, place[:2].round().astype(int), (0, 1)) + 2 * place[2])
    return taken


def seen(
    taken: Iterable[np.ndarray], random: np.random.Generator, every: int = 4, *, holes: bool = False
) -> Iterator[tuple[int, np.ndarray]]:
    """Every fourth picture with a sensor's noise; with holes, not those before a keyframe."""
    for number, picture in enumerate(itertools.islice(taken, 0, None, every)):
        if not (holes and number % 15 >= 12):
            noisy = np.clip(picture + random.normal(0, 1, SHAPE), 0, 255).astype(np.uint8)
            yield START_MS + number * every * FRAME_MS, tiny(noisy)


def replayed(pictures: Iterable[tuple[int, np.ndarray]]) -> list[tuple[int, float]]:
    past, found = Past(), []
    for at_ms, picture in pictures:
        past = past.after(at_ms, picture)
        found.append((at_ms - START_MS, past.replayed))
    return found


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("frames", [48, 61, 62, 145, 146, 300, 901])
def test_a_loop_is_seen_soon_whatever_its_length(frames, holes) -> None:
    random = np.random.default_rng(frames)
    calm = moving(random, max(300, frames))
    found = replayed(seen([*calm, *(calm[-frames:] * 5)[:150]], random, holes=holes))
    from_ms = len(calm) * FRAME_MS
    assert max(share for at, share in found if at <= from_ms) < ENTER
    assert found[-1][1] >= ENTER


@pytest.mark.parametrize("frames", [62, 145, 300])
def test_a_loop_is_seen_in_time_where_only_looks_are_compared(frames) -> None:
    random = np.random.default_rng(frames)
    calm = moving(random, 600)
    found = replayed(seen([*calm, *(calm[-frames:] * 20)[:900]], random, every=12))
    assert max(share for at, share in found if at <= len(calm) * FRAME_MS) < ENTER
    assert max(share for _, share in found) >= ENTER


@pytest.mark.parametrize("seed", range(5))
def test_somebody_who_moves_does_not_come_again(seed) -> None:
    random = np.random.default_rng(seed)
    found = replayed(seen(moving(random, 15 * 180), random))
    assert max(share for _, share in found) < ENTER


@pytest.mark.parametrize("seed", range(5))
def test_somebody_who_goes_and_is_back_does_not_come_again(seed) -> None:
    """All of the picture changes for six seconds, three times a minute."""
    random = np.random.default_rng(seed)
    taken, empty = moving(random, 15 * 120), moving(random, 1)[0]
    for number in range(len(taken)):
        if number % 300 >= 210:
            taken[number] = empty
    assert max(share for _, share in replayed(seen(taken, random))) < ENTER


def test_of_somebody_who_sits_still_nothing_is_told() -> None:
    random = np.random.default_rng(3)
    assert max(share for _, share in replayed(seen(moving(random, 1) * 2000, random))) == 0


def test_a_pause_of_the_source_ends_what_was_seen() -> None:
    random = np.random.default_rng(4)
    piece = moving(random, 90)
    past = Past()
    for at_ms, picture in seen(piece * 3, random):
        past = past.after(at_ms, picture)
    assert past.replayed >= ENTER
    later = past.after(int(past.times[0]) + 5_000, tiny(piece[0].astype(np.uint8)))
    assert later.replayed == 0 and len(later.times) == 1


def test_what_is_remembered_is_bounded() -> None:
    random = np.random.default_rng(5)
    past = Past()
    for at_ms, picture in seen(moving(random, 4 * (KEPT + 20)), random):
        past = past.after(at_ms, picture)
    assert len(past.times) == len(past.pictures) == KEPT


@given(st.lists(st.integers(0, 4_000), max_size=30), st.integers(0, 2**32 - 1))
def test_any_times_are_taken_and_read_as_they_were_written(steps, seed) -> None:
    random = np.random.default_rng(seed)
    past, at_ms = Past(), START_MS
    for step in steps:
        at_ms += step
        past = past.after(at_ms, random.integers(0, 256, (12, 16)).astype(np.uint8))
        assert 0 <= past.replayed <= 1
    assert to_bytes(from_bytes(to_bytes(past))) == to_bytes(past)
    assert from_bytes(to_bytes(past)).replayed == past.replayed
