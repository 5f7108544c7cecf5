from __future__ import annotations

from typing import ClassVar

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


def test_who_is_still_finding_out_does_not_find_the_line_full() -> None:
    now, carried = Thinness(highest=0), 60_000.0
    while now.highest == 0:
        now, carried = decide(now, FULL, carried, 0.0), 1.08 * carried
    assert now.highest == FIRST
    # and who has stopped to find out more does
    assert after(now, NARROW_S, 60_000.0).highest == 0


class Line:
    """A line with a queue of a second, and a viewer's estimator (draft-ietf-rmcat-gcc-02).

    A sender of three layers and a large keyframe every four seconds is what comes through it.
    """

    SENT: ClassVar = {ALL: 950_000, FIRST: 600_000, 0: 350_000, KEYFRAMES: 0}
    KEY_BITS, KEY_EVERY_S = 300_000, 4

    def __init__(self) -> None:
        self.now = Thinness()
        self.believed_bits = 2e6
        self.queue_bits = 0.0
        self.second = 0

    def watch(self, seconds: int, line_bits: float) -> list[int]:
        """Go on for so long; return what was sent in each second: the highest layer."""
        seen = []
        for _ in range(seconds):
            self.second += 1
            key_bits = 0 if self.second % self.KEY_EVERY_S else self.KEY_BITS
            sent = self.SENT[self.now.highest] + key_bits
            waiting = self.queue_bits + sent
            came = min(waiting, line_bits)
            missed = max(0.0, waiting - came - line_bits)
            grown = waiting - came - missed > self.queue_bits
            self.queue_bits = waiting - came - missed
            if grown:
                self.believed_bits = min(self.believed_bits, 0.85 * came)
            elif self.believed_bits < 1.5 * came + 10_000:
                self.believed_bits = min(1.08 * self.believed_bits, 1.5 * came + 10_000)
            self.now = decide(self.now, sent, self.believed_bits, missed / sent if sent else 0.0)
            seen.append(self.now.highest)
        return seen


def test_on_a_line_that_widens_again_all_pictures_come_back_and_stay() -> None:
    line = Line()
    assert set(line.watch(30, 5e6)) == {ALL}
    narrow = line.watch(20, 500_000)
    assert narrow[-1] < ALL
    wide = line.watch(120, 5e6)
    assert wide == sorted(wide)
    assert wide[45] == ALL


def test_a_line_that_stays_narrow_is_tried_seldom() -> None:
    line = Line()
    line.watch(600, 700_000)
    tried = line.watch(320, 700_000)
    assert tried.count(ALL) <= 2 * (NARROW_S + 1)


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
