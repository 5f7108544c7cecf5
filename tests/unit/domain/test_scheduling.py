"""What can be booked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctorhub.domain.scheduling import Offer, bookable, on_grid, places, quanta, sitting_end

DAY = datetime(2026, 11, 23, tzinfo=UTC)


def at(text: str) -> datetime:
    hours, minutes = text.split(":")
    return DAY + timedelta(hours=int(hours), minutes=int(minutes))


def offer(start: str, end: str, capacity: int = 1, taken: dict[str, int] | None = None) -> Offer:
    return Offer(at(start), at(end), capacity, taken or {})


@pytest.mark.parametrize(
    ("offers", "window", "now", "starts"),
    [
        ([offer("9:00", "11:00")], ("0:00", "23:00"), "8:00", ["9:00", "9:15", "9:30", "9:45"]),
        ([offer("9:05", "10:30")], ("0:00", "23:00"), "8:00", ["9:15"]),
        ([offer("9:00", "11:00")], ("0:00", "23:00"), "9:31", ["9:45"]),
        ([offer("9:00", "11:00")], ("9:40", "10:45"), "8:00", ["9:45"]),
        ([offer("9:00", "10:14")], ("0:00", "23:00"), "8:00", []),
        ([], ("0:00", "23:00"), "8:00", []),
    ],
)
def test_bookable_starts_of_an_hour_long_exam(offers, window, now, starts) -> None:
    found = bookable(offers, window=(at(window[0]), at(window[1])), duration_min=60, now=at(now))
    assert list(found) == [at(start) for start in starts]


def test_the_start_itself_is_still_bookable_at_its_own_moment_before() -> None:
    found = bookable(
        [offer("9:00", "10:15")], window=(at("0:00"), at("23:00")), duration_min=60, now=at("8:59")
    )
    assert found == {at("9:00"): 1}


def test_places_of_several_proctors_add_up_and_the_busiest_quarter_decides() -> None:
    busy = {quanta(at("9:30"), at("9:45"))[0]: 2}
    found = bookable(
        [offer("9:00", "10:15", 3, busy), offer("9:00", "10:15", 2)],
        window=(at("0:00"), at("23:00")),
        duration_min=60,
        now=at("8:00"),
    )
    assert found == {at("9:00"): 3}


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(
    lambda d: d.replace(tzinfo=UTC)
)


@given(MOMENTS, st.integers(1, 1440), st.integers(1, 5), MOMENTS, st.integers(1, 1440))
def test_every_bookable_start_fits_everywhere(start, length, capacity, now, duration) -> None:
    one = Offer(start, start + timedelta(minutes=length), capacity, {})
    window = (start - timedelta(hours=3), start + timedelta(hours=30))
    for begin, count in bookable([one], window=window, duration_min=duration, now=now).items():
        assert on_grid(begin) and begin >= now and count == capacity
        assert one.starts_at <= begin and sitting_end(begin, duration) <= one.ends_at
        assert begin + timedelta(minutes=duration) <= window[1]
        assert places(one, begin, sitting_end(begin, duration)) == capacity


@given(MOMENTS, st.integers(1, 5000))
def test_quanta_cover_the_stretch_without_holes(start, minutes) -> None:
    keys = [int(key) for key in quanta(start, start + timedelta(minutes=minutes))]
    assert keys == list(range(keys[0], keys[0] + len(keys)))
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    first = epoch + timedelta(minutes=15) * keys[0]
    last = epoch + timedelta(minutes=15) * (keys[-1] + 1)
    assert first <= start < first + timedelta(minutes=15)
    assert last - timedelta(minutes=15) < start + timedelta(minutes=minutes) <= last
