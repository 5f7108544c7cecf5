"""When an exam can be booked: time on a grid, and how much of a proctor is left.

A proctor's availability is cut into quanta of GRID minutes, each with a count of places taken,
so that one booking is one conditional update of one document.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

GRID = timedelta(minutes=15)
#: How long before the first minute of a sitting its candidate may check in.
EARLY_CHECK_IN = timedelta(minutes=30)
#: How long after the booked time a candidate who did not come counts as missing.
NO_SHOW_AFTER = timedelta(minutes=30)
#: Time kept beside the exam itself for the identification.
IDENTIFICATION = timedelta(minutes=15)
LONGEST_AVAILABILITY = timedelta(hours=24)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Offer:
    """One proctor's time: `taken` counts the places used per quantum number."""

    starts_at: datetime
    ends_at: datetime
    capacity: int
    taken: Mapping[str, int]


def quantum(moment: datetime) -> int:
    """Return the number of the grid cell that holds `moment`."""
    return (moment - _EPOCH) // GRID


def quanta(start: datetime, end: datetime) -> list[str]:
    """Return the keys of all grid cells that `[start, end)` touches."""
    last = quantum(end - timedelta(microseconds=1))
    return [str(n) for n in range(quantum(start), last + 1)]


def on_grid(moment: datetime) -> bool:
    """Tell whether a moment is a start that can be booked."""
    return (moment - _EPOCH) % GRID == timedelta(0)


def sitting_end(start: datetime, duration_min: int) -> datetime:
    """Return when the proctor is free again after a sitting that starts at `start`."""
    return start + timedelta(minutes=duration_min) + IDENTIFICATION


def places(offer: Offer, start: datetime, end: datetime) -> int:
    """Return how many more sittings `[start, end)` the offer can take."""
    if start < offer.starts_at or end > offer.ends_at:
        return 0
    busiest = max(offer.taken.get(key, 0) for key in quanta(start, end))
    return max(0, offer.capacity - busiest)


def bookable(
    offers: Iterable[Offer],
    *,
    window: tuple[datetime, datetime],
    duration_min: int,
    now: datetime,
) -> dict[datetime, int]:
    """Return the starts that can still be booked, with the number of places, in order.

    `window` is the exam's: a sitting starts and ends inside it.
    """
    free: dict[datetime, int] = {}
    for offer in offers:
        start = _EPOCH + GRID * quantum(
            max(offer.starts_at, window[0], now) - timedelta(microseconds=1)
        )
        while True:
            start += GRID
            end = sitting_end(start, duration_min)
            if end > offer.ends_at or start + timedelta(minutes=duration_min) > window[1]:
                break
            count = places(offer, start, end)
            if count:
                free[start] = free.get(start, 0) + count
    return dict(sorted(free.items()))
