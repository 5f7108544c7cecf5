"""For how long a camera's picture has stood still."""

from __future__ import annotations

import numpy as np
import pytest

from proctorhub.vision.pictures import SMALL
from proctorhub.vision.stillness import NEXT_TO_SAME, UNMOVED, Stillness

SHAPE = (SMALL[1], SMALL[0])
APART_MS, LOOK_MS = 267, 800


def grey(level: int) -> np.ndarray:
    return np.full(SHAPE, level, np.uint8)


def busy(level: int) -> np.ndarray:
    """A picture that differs from its `grey` by one in a third of its spots: 0.33 in the mean."""
    picture = grey(level)
    picture[::3] += 1
    return picture


def still_s(looks: list[tuple[list[np.ndarray], np.ndarray]]) -> list[float]:
    """Return what each look finds, given the pictures between it and the last, and its own."""
    still, last, found = Stillness(), None, []
    for number, (between, small) in enumerate(looks):
        at_ms = 1_000_000 + LOOK_MS * number
        times = [at_ms - APART_MS * back for back in range(len(between), 0, -1)]
        still = still.seen(small, at_ms, list(zip(times, between, strict=True)), last)
        last = small
        found.append(still.seconds(at_ms))
    return found


@pytest.mark.parametrize(
    ("looks", "found"),
    [
        ([([], 100)], [0.0]),
        ([([], 100), ([], 100)], [0.0, 0.8]),
        ([([], 100), ([], 110), ([], 110)], [0.0, 0.0, 0.8]),
        ([([], 100), ([110, 110], 110)], [0.0, 0.534]),
        ([([], 100), ([100, 110], 110), ([110, 110], 110)], [0.0, 0.267, 1.067]),
        ([([], 100), ([100, 110], 100)], [0.0, 0.0]),
        ([([], 110), ([110, 110], 110), ([110, 100], 110)], [0.0, 0.8, 0.0]),
    ],
)
def test_what_moves_begins_it_anew(looks: list, found: list[float]) -> None:
    pictures = [([grey(one) for one in between], grey(level)) for between, level in looks]
    assert still_s(pictures) == found


@pytest.mark.parametrize(("by", "found"), [(UNMOVED, 0.8), (UNMOVED + 1, 0.267)])
def test_what_moves_in_one_spot_alone_moves(by: int, found: float) -> None:
    """The spot is there from the last but one picture on."""
    moved = grey(100)
    moved[20, 30] = 100 + by
    assert still_s([([], grey(100)), ([grey(100), moved], moved)])[-1] == found


@pytest.mark.parametrize(
    ("pictures", "found"),
    [
        ([grey(100)] * 6, 1.335),
        ([grey(100), busy(100)] * 3, 0.0),
        # two of five pairs are next to the same, then one of five
        ([grey(100), busy(100), grey(100), busy(100), busy(100), busy(100)], 1.335),
        ([grey(100), busy(100), grey(100), busy(100), grey(100), grey(100)], 0.0),
        # an encoder catches up: all of it by five, then nearly nothing any more
        ([grey(100), grey(105), grey(105), grey(105), grey(104), grey(104)], 1.335),
    ],
)
def test_a_living_picture_never_ends_to_change_a_little(
    pictures: list[np.ndarray], found: float
) -> None:
    """All pictures in one look, or each in one of its own: the same is counted."""
    *between, last = pictures
    assert still_s([(between, last)]) == [found]
    one_by_one = still_s([([], picture) for picture in pictures])
    assert (one_by_one[-1] > 0) == (found > 0)
    assert np.abs(grey(100) - busy(100).astype(float)).mean() > NEXT_TO_SAME


def test_many_looks_find_what_one_does() -> None:
    pictures = [grey(100), busy(100), busy(100), grey(100), grey(100), grey(100), busy(100)]
    at = [1_000_000 + APART_MS * number for number in range(len(pictures))]
    everything = list(zip(at, pictures, strict=True))
    at_once = Stillness().seen(pictures[-1], at[-1], everything[:-1], None)
    still, last = Stillness(), None
    for first, final in ((0, 2), (3, 3), (4, 6)):
        still = still.seen(pictures[final], at[final], everything[first:final], last)
        last = pictures[final]
    assert still == at_once
    assert (still.pairs, still.same) == (6, 3)
