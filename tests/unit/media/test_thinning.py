from __future__ import annotations

import pytest

from proctorhub.media.layers import ALL, KEYFRAMES
from proctorhub.media.thinning import (
    FIRST,
    NARROW_S,
    TRY_AFTER_S,
    TRY_LATEST_S,
    Thinness,
    decide,
)

FULL = 600_000.0


def after(now: Thinness, seconds: int, carried: float | None, lost: float = 0.0) -> Thinness:
    for _ in range(seconds):
        now = decide(now, FULL, carried, lost)
    return now


@pytest.mark.parametrize(
    ("carried", "lost", "highest"),
    [
        (None, 0.0, ALL),
        (2_000_000.0, 0.0, ALL),
        (FULL, 0.1, ALL),
        (0.9 * FULL, 0.0, ALL),
        (0.85 * FULL, 0.0, FIRST),
        (None, 0.2, FIRST),
        (2_000_000.0, 0.2, FIRST),
    ],
)
def test_what_says_that_a_line_is_narrow(carried: float | None, lost: float, highest: int) -> None:
    assert after(Thinness(), NARROW_S - 1, carried, lost).highest == ALL
    assert after(Thinness(), NARROW_S, carried, lost).highest == highest


def test_one_good_second_begins_the_count_anew() -> None:
    now = after(Thinness(), NARROW_S - 1, 0.0)
    assert after(decide(now, FULL, FULL, 0.0), NARROW_S - 1, 0.0).highest == ALL


def test_layer_by_layer_down_to_the_lowest_and_no_further() -> None:
    now, seen = Thinness(), []
    for _ in range(4 * NARROW_S):
        now = decide(now, FULL, 0.0, 1.0)
        seen.append(now.highest)
    assert seen == [ALL, ALL, 1, 1, 1, 0, 0, 0, *[KEYFRAMES] * 4]


def test_more_is_tried_ever_later_when_it_was_too_much() -> None:
    now = after(Thinness(), NARROW_S, 0.0)
    waited = []
    for _ in range(5):
        seconds = 0
        while now.highest < ALL:
            now, seconds = decide(now, FULL, FULL, 0.0), seconds + 1
        waited.append(seconds)
        now = after(now, NARROW_S, 0.0)
    assert waited == [10, 20, 40, 80, 160]
    assert waited[-1] == TRY_LATEST_S


def test_a_line_that_gets_narrow_at_once_is_tried_soon() -> None:
    now = after(Thinness(), 3 * NARROW_S, 0.0)
    assert (now.highest, now.try_after_s) == (KEYFRAMES, TRY_AFTER_S)


def test_a_line_that_was_good_for_long_has_its_past_forgotten() -> None:
    now = Thinness(try_after_s=TRY_LATEST_S)
    assert after(now, TRY_LATEST_S - 1, FULL).try_after_s == TRY_LATEST_S
    assert after(now, TRY_LATEST_S, FULL).try_after_s == TRY_AFTER_S


def test_layers_come_back_one_at_a_time() -> None:
    now = after(Thinness(highest=KEYFRAMES), TRY_AFTER_S, FULL)
    assert now.highest == 0
    now = after(now, TRY_AFTER_S, FULL)
    assert now.highest == FIRST
    assert after(now, TRY_AFTER_S - 1, FULL).highest == FIRST
    assert after(now, TRY_AFTER_S, FULL).highest == ALL


def test_keyframes_too_large_for_a_second_hold_nothing_up() -> None:
    now, seconds = Thinness(highest=KEYFRAMES), 0
    while now.highest == KEYFRAMES:
        sent = 3 * FULL if seconds % 4 == 0 else 0.0
        now, seconds = decide(now, sent, FULL, 0.0), seconds + 1
    assert TRY_AFTER_S < seconds <= 2 * TRY_AFTER_S


def test_at_the_bottom_a_bad_line_is_not_tried() -> None:
    assert after(Thinness(highest=KEYFRAMES, roomy_s=TRY_AFTER_S - 1), NARROW_S, 0.0).roomy_s == 0
