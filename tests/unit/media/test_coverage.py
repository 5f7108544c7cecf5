from __future__ import annotations

import itertools
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctorhub.domain.completeness import merge
from proctorhub.domain.media import GapCause
from proctorhub.media.coverage import Coverage

Gap = tuple[str, int, int, GapCause]


@pytest.mark.parametrize(
    ("track", "lost", "hole_ms", "cause"),
    [
        ("video", False, 1000, None),
        ("video", False, 2400, None),
        ("video", False, 3000, GapCause.CLIENT),
        ("video", True, 300, None),
        ("video", True, 700, GapCause.NETWORK),
        ("audio", False, 900, None),
        ("audio", False, 1500, GapCause.CLIENT),
        ("audio", True, 620, GapCause.NETWORK),
        ("audio", True, 3000, GapCause.NETWORK),
    ],
)
def test_holes(track: str, lost: bool, hole_ms: int, cause: GapCause | None) -> None:
    found: list[Gap] = []
    coverage = Coverage([track], lambda *gap: found.append(gap))
    coverage.recorded(track, 9_960)
    if lost:
        coverage.lost(track, 10_000, 10_000 + hole_ms)
    # The frames before the loss are recorded after it is known.
    for at in (9_980, 10_000, 10_000 + hole_ms, 10_020 + hole_ms):
        coverage.recorded(track, at)
    assert found == ([] if cause is None else [(track, 10_000, 10_000 + hole_ms, cause)])


def test_an_old_loss_explains_no_later_pause() -> None:
    found: list[Gap] = []
    coverage = Coverage(["video"], lambda *gap: found.append(gap))
    coverage.recorded("video", 0)
    coverage.lost("video", 0, 60)
    for at in (60, 500, 900, 1300):
        coverage.recorded("video", at)
    coverage.recorded("video", 9_000)
    assert found == [("video", 1300, 9_000, GapCause.CLIENT)]


def test_the_beginning_is_no_hole() -> None:
    coverage = Coverage(["video"], lambda *gap: pytest.fail("no gap"))
    coverage.recorded("video", 99_999)


def test_what_could_not_be_written_is_counted_once() -> None:
    found: list[Gap] = []
    coverage = Coverage(["audio"], lambda *gap: found.append(gap))
    coverage.recorded("audio", 1_000)
    coverage.not_written("audio", 1_020, 9_000)
    coverage.recorded("audio", 9_000)
    assert found == [("audio", 1_020, 9_000, GapCause.STORAGE)]


@given(st.lists(st.tuples(st.integers(1, 6000), st.booleans()), max_size=60))
def test_every_millisecond_is_recorded_or_missing(steps: list[tuple[int, bool]]) -> None:
    found: list[Gap] = []
    coverage = Coverage(["video"], lambda *gap: found.append(gap))
    at = 5_000
    coverage.recorded("video", at)
    for step, lost in steps:
        if lost:
            coverage.lost("video", at, at + step)
        at += step
        coverage.recorded("video", at)
    missing = sum(coverage.missing_ms.values())
    assert coverage.recorded_ms["video"] + missing == at - 5_000
    assert missing == sum(end - start for _, start, end, _ in found)


def test_losses_that_were_healed_by_what_follows_are_forgotten() -> None:
    coverage = Coverage(["audio"], lambda *gap: pytest.fail("no gap"))

    def hour(first_ms: int) -> int:
        for at_ms in range(first_ms, first_ms + 3_600_000, 200):
            coverage.lost("audio", at_ms, at_ms + 40)
            coverage.recorded("audio", at_ms + 40)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        first = hour(0)
        assert hour(3_600_000) - first < 10_000
    finally:
        tracemalloc.stop()


def test_a_track_that_stays_away_is_told_of_while_it_lasts() -> None:
    found: list[Gap] = []
    coverage = Coverage(["video", "audio"], lambda *gap: found.append(gap))
    for at in range(0, 30_000, 100):
        coverage.recorded("audio", at)
        if at < 4_000 or at >= 17_000:
            coverage.recorded("video", at)
        if at == 12_000:
            assert found[-1][2] >= 9_000
    assert found[0][1] == 3_900 and found[-1][2] == 17_000
    assert all(before[2] == after[1] for before, after in itertools.pairwise(found))
    assert {(track, cause) for track, _, _, cause in found} == {("video", GapCause.CLIENT)}


def test_a_track_that_comes_late_or_goes_early_is_missing_there() -> None:
    found: list[Gap] = []
    coverage = Coverage(["video", "audio"], lambda *gap: found.append(gap))
    for at in range(1_000, 20_000, 100):
        coverage.recorded("audio", at)
        if 4_500 <= at < 16_000:
            coverage.recorded("video", at)
    coverage.end()
    assert {track for track, *_ in found} == {"video"}
    assert merge((start, end) for _, start, end, _ in found) == [(1_000, 4_500), (15_900, 19_900)]


def test_tracks_need_not_begin_together() -> None:
    coverage = Coverage(["video", "audio"], lambda *gap: pytest.fail("no gap"))
    for at in range(1_000, 20_000, 100):
        coverage.recorded("video", at)
        if at >= 3_500:
            coverage.recorded("audio", at)
    coverage.end()


def test_what_need_not_be_there_all_the_time_is_missing_only_in_between() -> None:
    found: list[Gap] = []
    coverage = Coverage([], lambda *gap: found.append(gap))
    for at in range(1_000, 60_000, 100):
        coverage.recorded("audio", at)
        if 20_000 <= at < 30_000:
            coverage.recorded("video", at)
    coverage.end()
    assert found == []


@given(
    st.lists(
        st.tuples(st.integers(1, 9000), st.sampled_from(["video", "audio", "lost"])), max_size=60
    )
)
def test_both_tracks_are_accounted_for_to_the_end(steps: list[tuple[int, str]]) -> None:
    found: list[Gap] = []
    coverage = Coverage(["video", "audio"], lambda *gap: found.append(gap))
    at = 5_000
    coverage.recorded("audio", at)
    for step, what in steps:
        at += step
        if what == "lost":
            coverage.lost("video", at - step, at)
        else:
            coverage.recorded(what, at)
    coverage.end()
    last = max(last for last in (5_000, *coverage._until.values()))
    for track in ("video", "audio"):
        gaps = [(start, end) for name, start, end, _ in found if name == track]
        assert gaps == sorted(gaps)
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(gaps))
        missing = sum(end - start for start, end in gaps)
        assert coverage.recorded_ms[track] + missing == last - 5_000


@given(
    st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 1_500), st.booleans()), max_size=30)
)
def test_losses_that_touch_explain_what_each_of_them_would(
    moves: list[tuple[int, int, bool]],
) -> None:
    """The reference keeps every loss for itself."""
    found: list[Gap] = []
    coverage = Coverage(["video"], lambda *gap: found.append(gap))
    coverage.recorded("video", 0)
    losses: list[tuple[int, int]] = []
    expected: list[Gap] = []
    last = now = 0
    for on, length, is_recorded in moves:
        now += on
        if is_recorded:
            lost = any(start - 100 < now and end + 100 > last for start, end in losses)
            if now - last > (500 if lost else 2500):
                expected.append(("video", last, now, GapCause.NETWORK if lost else GapCause.CLIENT))
            coverage.recorded("video", now)
            last = now
        else:
            coverage.lost("video", now, now + length)
            losses.append((now, now + length))
    assert found == expected
    assert len(coverage._lost.get("video", ())) <= len(losses)


def test_losses_side_by_side_are_kept_as_one() -> None:
    coverage = Coverage(["video"], lambda *gap: None)
    for at in range(0, 60_000, 10):
        coverage.lost("video", at, at + 5)
    assert len(coverage._lost["video"]) == 1
