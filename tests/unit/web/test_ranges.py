from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctorhub.web.api.ranges import Span, Unsatisfiable, parse

SIZES = st.integers(0, 10_000)
NUMBERS = st.integers(0, 12_000)


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-", Span(0, 100)),
        ("bytes=0-0", Span(0, 1)),
        ("bytes=99-99", Span(99, 1)),
        ("bytes=10-1000", Span(10, 90)),
        ("bytes=-1", Span(99, 1)),
        ("bytes=-1000", Span(0, 100)),
        (" Bytes=1-2 ", Span(1, 2)),
    ],
)
def test_ranges_of_a_hundred_bytes(header, span):
    assert parse(header, 100) == span


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=5-4",
        "bytes=a-b",
        "bytes=0-1,3-4",
        "bytes=1-2-3",
        "bytes= 1 - 2",
        "bytes=+1-2",
        "bytes=١-٢",
        "lines=1-2",
        "bytes=" + "9" * 30 + "-",
    ],
)
def test_what_is_not_one_range_of_bytes_means_everything(header):
    assert parse(header, 100) is None


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_outside_the_file(header):
    with pytest.raises(Unsatisfiable):
        parse(header, 100)


@given(size=SIZES, first=NUMBERS, last=NUMBERS | st.none())
def test_a_span_lies_inside_the_file_and_is_what_was_asked(size, first, last):
    try:
        span = parse(f"bytes={first}-{'' if last is None else last}", size)
    except Unsatisfiable:
        assert first >= size
        return
    if span is None:
        assert last is not None
        assert last < first
        return
    assert span.start == first
    assert 0 < span.length <= size - first
    assert span.last == (size - 1 if last is None else min(last, size - 1))


@given(size=SIZES, count=NUMBERS)
def test_a_suffix_ends_where_the_file_ends(size, count):
    try:
        span = parse(f"bytes=-{count}", size)
    except Unsatisfiable:
        assert min(size, count) == 0
        return
    assert span is not None
    assert span.start + span.length == size
    assert span.length == min(size, count)


@given(header=st.text(max_size=40), size=SIZES)
def test_no_header_is_too_odd(header, size):
    try:
        span = parse(header, size)
    except Unsatisfiable:
        return
    assert span is None or 0 <= span.start < span.start + span.length <= size
