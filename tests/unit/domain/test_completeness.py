"""What is recorded and what is missing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctorhub.domain.completeness import TOLERANCE_MS, coverage, merge


@pytest.mark.parametrize(
    ("segments", "expected", "recorded", "holes"),
    [
        ([], (0, 10_000), 0, [(0, 10_000)]),
        ([(0, 10_000)], (0, 10_000), 10_000, []),
        ([(0, 4_000), (4_030, 10_000)], (0, 10_000), 10_000, []),
        ([(0, 4_000), (6_000, 10_000)], (0, 10_000), 8_000, [(4_000, 6_000)]),
        ([(1_000, 9_000)], (0, 10_000), 8_000, [(0, 1_000), (9_000, 10_000)]),
        ([(0, 6_000), (4_000, 10_000)], (0, 10_000), 10_000, []),
        ([(-5_000, 3_000), (3_000, 20_000)], (0, 10_000), 10_000, []),
        ([], (0, 0), 0, []),
    ],
)
def test_table(segments, expected, recorded, holes) -> None:
    found = coverage(segments, expected)
    assert found.recorded_ms == recorded
    assert list(found.holes) == holes


SPANS = st.lists(
    st.tuples(st.integers(-2000, 20_000), st.integers(0, 5_000)).map(lambda p: (p[0], p[0] + p[1])),
    max_size=12,
)


@given(SPANS, st.integers(0, 20_000))
def test_recorded_and_holes_add_up_to_the_expected(segments, length) -> None:
    found = coverage(segments, (0, length))
    assert found.recorded_ms + sum(e - s for s, e in found.holes) == found.expected_ms == length
    assert 0 <= found.completeness <= 1
    assert all(e - s > TOLERANCE_MS for s, e in found.holes)


@given(SPANS)
def test_merged_spans_cover_the_same_milliseconds(segments) -> None:
    covered = {ms for s, e in segments for ms in range(s, e)}
    assert {ms for s, e in merge(segments) for ms in range(s, e)} == covered
