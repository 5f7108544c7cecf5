"""A candidate's own rest: where this face points while it works on this screen.

Head pose is off by 5° to 17° from person to person, and cameras stand where desks allow; the median
of the first minute is what everything later is measured from. It is bounded, so that a minute spent
looking elsewhere does not become the rest.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from proctorhub.domain.observation import Observation, Value

LASTS_MS = 60_000
#: Looks nearer than this to the last one taken are left out: a burst must not outweigh a minute.
APART_MS = 700
FEWEST = 20
BOUNDS: dict[Value, tuple[float, float]] = {
    Value.YAW: (-25.0, 25.0),
    Value.DOWN: (-25.0, 32.0),
    Value.IRIS: (0.35, 0.65),
}


@dataclass(frozen=True)
class Calibration:
    """The looks taken so far, and the rest once it is known (`rest` is empty before).

    A value that was measured in fewer than FEWEST of the looks has no rest and is not judged.
    """

    began_at: int | None = None
    taken_at: int | None = None
    taken: Mapping[Value, tuple[float, ...]] = field(default_factory=dict)
    rest: Mapping[Value, float] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        """Whether the rest is known."""
        return bool(self.rest)

    def after(self, observation: Observation) -> Calibration:
        """Return the calibration after one more look."""
        found = {
            value: observation.values[value] for value in BOUNDS if value in observation.values
        }
        at = observation.at_ms
        if self.done or not found:
            return self
        if self.taken_at is not None and at - self.taken_at < APART_MS:
            return self
        began = at if self.began_at is None else self.began_at
        taken = {
            value: (*self.taken.get(value, ()), *((found[value],) if value in found else ()))
            for value in BOUNDS
        }
        now = replace(self, began_at=began, taken_at=at, taken=taken)
        longest = max(len(values) for values in taken.values())
        if at - began < LASTS_MS or longest < FEWEST:
            return now
        rest = {
            value: _bounded(value, values)
            for value, values in taken.items()
            if len(values) >= FEWEST
        }
        return replace(now, taken={}, rest=rest)


def _bounded(value: Value, values: tuple[float, ...]) -> float:
    low, high = BOUNDS[value]
    return min(high, max(low, statistics.median(values)))


def to_plain(calibration: Calibration) -> dict[str, Any]:
    """Return JSON values."""
    return {
        "began_at": calibration.began_at,
        "taken_at": calibration.taken_at,
        "taken": {value.value: list(values) for value, values in calibration.taken.items()},
        "rest": {value.value: rest for value, rest in calibration.rest.items()},
    }


def from_plain(plain: Mapping[str, Any]) -> Calibration:
    """Return what `to_plain` wrote."""
    return Calibration(
        plain["began_at"],
        plain["taken_at"],
        {Value(name): tuple(values) for name, values in plain["taken"].items()},
        {Value(name): rest for name, rest in plain["rest"].items()},
    )
