"""Which part of a client's chunk fills which gap."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctorhub.domain import backfill
from proctorhub.domain.completeness import TOLERANCE_MS, subtract
from proctorhub.domain.webm_capture import AUDIO, VIDEO, Block

T = 1_800_000_000_000
LATER = T + 60_000


def pictures(times: range, key_every: int = 30) -> list[Block]:
    return [Block(VIDEO, at, f"v{at}".encode(), n % key_every == 0) for n, at in enumerate(times)]


def sounds(times: range) -> list[Block]:
    return [Block(AUDIO, at, f"a{at}".encode(), True) for at in times]


SUBTRACTIONS = [
    ([(0, 10)], [], [(0, 10)]),
    ([(0, 10)], [(0, 10)], []),
    ([(0, 10)], [(3, 4)], [(0, 3), (4, 10)]),
    ([(0, 10), (20, 30)], [(5, 25)], [(0, 5), (25, 30)]),
    ([(0, 10), (5, 20)], [(12, 12)], [(0, 20)]),
    ([], [(0, 5)], []),
]


@pytest.mark.parametrize(("spans", "taken", "left"), SUBTRACTIONS)
def test_subtracting(spans, taken, left):
    assert subtract(spans, taken) == left


def test_a_gap_is_open_until_it_is_stored_or_claimed():
    noted = [(T, T + 8000), (T + 2000, T + 8000)]
    assert backfill.open_gaps(noted, [], [], LATER) == [(T, T + 8000)]
    assert backfill.open_gaps(noted, [(T - 4000, T + 1000)], [], LATER) == [(T + 1000, T + 8000)]
    assert backfill.open_gaps(noted, [], [(T, T + 4000)], LATER) == [(T + 4000, T + 8000)]
    assert backfill.open_gaps(noted, [], [(T, T + 8000 - TOLERANCE_MS)], LATER) == []


def test_a_gap_waits_for_what_comes_behind_it():
    noted = [(T, T + 8000)]
    assert backfill.open_gaps(noted, [], [], 0) == []
    assert backfill.open_gaps(noted, [(T - 4000, T)], [], T) == []
    assert backfill.open_gaps(noted, [(T + 7000, T + 9000)], [], T + 9000) == [(T, T + 7000)]


def test_what_a_chunk_is_good_for():
    both = {VIDEO: [(T, T + 3000), (T + 5000, T + 9000)], AUDIO: [(T + 2000, T + 3100)]}
    assert backfill.overlaps((T + 1000, T + 6000), both) == [
        {VIDEO: [(T + 1000, T + 3000)], AUDIO: [(T + 2000, T + 3100)]},
        {VIDEO: [(T + 5000, T + 6000)]},
    ]
    assert backfill.overlaps((T + 2900, T + 4000), both) == [{AUDIO: [(T + 2900, T + 3100)]}]
    assert backfill.overlaps((T + 3000, T + 4000), both) == []


def filling(blocks, chunk, stretch):
    """Fill a stretch of both tracks."""
    return backfill.filling(blocks, chunk, {VIDEO: [stretch], AUDIO: [stretch]})


def test_each_track_is_filled_where_it_is_missing():
    blocks = [*pictures(range(0, 4000, 100), key_every=10), *sounds(range(0, 4000, 20))]
    wanted = {VIDEO: [(T + 1000, T + 2000), (T + 2500, T + 3000)], AUDIO: [(T + 1500, T + 2500)]}
    filled = backfill.filling(blocks, (T, T + 4000), wanted)
    assert filled is not None
    heard = [b.at_ms - T for b in filled.blocks if b.track == AUDIO]
    assert heard == list(range(1500, 2500, 20))
    seen = [(b.data, b.at_ms - T) for b in filled.blocks if b.track == VIDEO]
    assert seen[:10] == [(f"v{at}".encode(), at) for at in range(1000, 2000, 100)]
    # from the keyframe on, so that the second stretch can be decoded
    assert [data for data, _ in seen[10:]] == [f"v{at}".encode() for at in range(2000, 3000, 100)]
    assert all(2500 <= at < 3000 for _, at in seen[10:])


def test_a_filling_of_sound_alone_has_no_pictures():
    blocks = [*pictures(range(0, 4000, 100)), *sounds(range(0, 4000, 20))]
    filled = backfill.filling(blocks, (T, T + 4000), {AUDIO: [(T + 1000, T + 2000)]})
    assert filled is not None
    assert {b.track for b in filled.blocks} == {AUDIO}
    assert (filled.started_at_ms, filled.ended_at_ms) == (T + 1000, T + 2000)


def test_pictures_before_the_gap_are_squeezed_to_its_begin():
    blocks = [*pictures(range(0, 4000, 100), key_every=20), *sounds(range(0, 4000, 20))]
    filled = filling(blocks, (T, T + 4000), (T + 2550, T + 3500))
    assert filled is not None
    seen = [b for b in filled.blocks if b.track == VIDEO]
    assert seen[0].key and seen[0].data == b"v2000"
    assert [b.at_ms for b in seen[:7]] == [T + 2550 + n for n in range(6)] + [T + 2600]
    assert [b.data for b in seen] == [f"v{at}".encode() for at in range(2000, 3500, 100)]
    heard = [b for b in filled.blocks if b.track == AUDIO]
    assert (heard[0].at_ms, heard[-1].at_ms) == (T + 2560, T + 3480)
    assert (filled.started_at_ms, filled.ended_at_ms) == (T + 2550, T + 3500)


def test_a_chunk_that_begins_in_the_gap():
    blocks = [*sounds(range(0, 4000, 20)), *pictures(range(40, 4000, 100))]
    filled = filling(blocks, (T + 500, T + 4600), (T, T + 10_000))
    assert filled is not None
    assert (filled.started_at_ms, len(filled.blocks)) == (T + 500, len(blocks))
    assert filled.ended_at_ms == T + 500 + 3980 + backfill.SOUND_MS


def test_a_still_screen_holds_until_the_end():
    filled = filling(pictures(range(1)), (T, T + 4000), (T + 1000, T + 4000))
    assert filled is not None
    assert (filled.started_at_ms, filled.ended_at_ms) == (T + 1000, T + 4000)
    assert [b.at_ms for b in filled.blocks] == [T + 1000]


def test_nothing_for_the_gap():
    late = [Block(VIDEO, 3900, b"k", True)]
    assert filling(late, (T, T + 4000), (T - 4000, T)) is None
    assert filling([], (T, T + 4000), (T, T + 4000)) is None
    no_key = [Block(VIDEO, at, b"v", False) for at in range(0, 4000, 100)]
    assert filling(no_key, (T, T + 4000), (T, T + 4000)) is None


PLAUSIBLE = [
    ([], False),
    ([0, 4000], True),
    ([0, 4000 + backfill.LATE_MS], True),
    ([0, 4001 + backfill.LATE_MS], False),
    ([90_000, 94_000], True),
]


@pytest.mark.parametrize(("times", "wanted"), PLAUSIBLE)
def test_plausible_times(times, wanted):
    blocks = [Block(VIDEO, at, b"v", True) for at in times]
    assert backfill.plausible(blocks, (T, T + 4000)) is wanted


spans = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)).map(sorted).map(tuple))


@given(spans, spans)
def test_subtracting_agrees_with_counting(one, other):
    def points(found):
        return {n for start, end in found for n in range(start, end)}

    left = subtract(one, other)
    assert points(left) == points(one) - points(other)
    assert all(a[1] < b[0] for a, b in pairwise(left))


@given(
    length=st.integers(200, 15_000),
    step=st.integers(33, 200),
    key_every=st.integers(1, 60),
    stretch=st.tuples(st.integers(-2000, 16_000), st.integers(200, 10_000)),
    with_sound=st.booleans(),
)
def test_fillings_stay_inside_and_decode(length, step, key_every, stretch, with_sound):
    blocks = pictures(range(0, length, step), key_every)
    if with_sound:
        blocks += sounds(range(0, length, 60))
    start, end = T + stretch[0], T + stretch[0] + stretch[1]
    filled = filling(blocks, (T, T + length), (start, end))
    if filled is None:
        return
    assert start <= filled.started_at_ms < filled.ended_at_ms <= end
    times = [b.at_ms for b in filled.blocks]
    assert times == sorted(times)
    assert filled.started_at_ms == times[0] and times[-1] < filled.ended_at_ms
    seen = [b for b in filled.blocks if b.track == VIDEO]
    assert not seen or seen[0].key
    assert [b.at_ms for b in seen] == sorted({b.at_ms for b in seen})
