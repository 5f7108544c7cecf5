from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from proctorhub.media.leftovers import COLLECT_AFTER_S, Leftovers


class Circle:
    """Refers to itself, as a connection does."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def by_hand() -> Iterator[None]:
    """Nothing is collected but by what is under test."""
    gc.disable()
    yield
    gc.enable()


def left() -> weakref.ref[Circle]:
    return weakref.ref(Circle())


def test_what_an_ended_connection_left_is_found_some_time_after() -> None:
    leftovers, circle = Leftovers(), left()
    leftovers.second(1, 1000.0)
    leftovers.second(2, 1000.0 + COLLECT_AFTER_S - 1)
    assert circle() is not None, "each collection is a pause"
    leftovers.second(2, 1000.0 + COLLECT_AFTER_S)
    assert circle() is None


def test_what_ended_meanwhile_is_found_the_next_time() -> None:
    leftovers = Leftovers()
    for ended, now in ((1, 1000.0), (2, 1001.0), (2, 1000.0 + COLLECT_AFTER_S)):
        leftovers.second(ended, now)
    circle = left()
    for step in range(int(COLLECT_AFTER_S) + 2):
        leftovers.second(2, 1001.0 + COLLECT_AFTER_S + step)
    assert circle() is None


def test_nothing_is_looked_for_while_nothing_ends() -> None:
    leftovers, circle = Leftovers(), left()
    for now in range(1000, 1100):
        leftovers.second(0, float(now))
    assert circle() is not None
