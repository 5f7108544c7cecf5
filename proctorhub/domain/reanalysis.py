"""Judging again: what the rules of today make of looks that were taken then."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from proctorhub.domain import incidents
from proctorhub.domain.incident_policy import Policy
from proctorhub.domain.incidents import Change, State
from proctorhub.domain.journal import Entry
from proctorhub.domain.observation import Observation, Source, Value

#: Values that differ by less than this share (or, near zero, by less than this) are the same: other
#: processors add up in another order.
TOLERANCE = 0.01

#: Detector and start: what names an incident within its session.
Name = tuple[str, int]
Found = dict[Name, dict[str, Any]]


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was; `then` or `now` is None for what is not there."""

    what: str
    then: Any
    now: Any


def judge(entries: Iterable[Entry], until_ms: int, *, over: bool) -> Found:
    """Return the incidents that follow from the looks of one session, in the order they came in.

    Time passes up to `until_ms`, which closes what stopped holding; where the session is `over`,
    it closes everything.
    """
    by_source: dict[Source, list[Entry]] = {}
    for entry in entries:
        by_source.setdefault(entry.observation.source, []).append(entry)
    found: Found = {}
    for looks in by_source.values():
        state = State()
        # By when they came in: a look that came late changed nothing then, and does not now.
        looks.sort(key=lambda entry: (entry.came_ms, entry.observation.at_ms))
        for entry in looks:
            state, changes = incidents.step(state, entry.observation, entry.policy)
            _take(found, changes)
        if over:
            _, changes = incidents.finish(state, until_ms, Policy())
        else:
            _, changes = incidents.tick(state, until_ms, looks[-1].policy)
        _take(found, changes)
    return found


def compare(then: Found, now: Found) -> list[Difference]:
    """Return how the incidents differ, in the order of their starts."""
    names = sorted({*then, *now}, key=lambda name: (name[1], name[0]))
    different = []
    for name in names:
        one, other = then.get(name), now.get(name)
        if one is None or other is None:
            different.append(Difference(_told(name), _brief(one), _brief(other)))
        else:
            different += _fields(_told(name), one, other)
    return different


def compare_looks(then: Observation, now: Observation) -> list[Difference]:
    """Return how two looks at the same frame differ."""
    which = f"{then.source.value} at {then.at_ms}"
    if then.frame_sha256 != now.frame_sha256:
        return [Difference(f"{which}: frame", then.frame_sha256, now.frame_sha256)]
    different = [
        Difference(f"{which}: {name.value}", then.values.get(name), now.values.get(name))
        for name in Value
        if not _near(then.values.get(name), now.values.get(name))
    ]
    if then.words != now.words:
        different.append(Difference(f"{which}: words", list(then.words), list(now.words)))
    return different


def plain(value: Any) -> Any:
    """Return a value as JSON would give it back."""
    return json.loads(json.dumps(value))


def _take(found: Found, changes: Iterable[Change]) -> None:
    for change in changes:
        found[change.detector.value, change.started_at] = {
            "severity": change.severity.value,
            "ended_at_ms": change.ended_at,
            "explanation": plain(dict(change.explanation)),
        }


def _fields(which: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> list[Difference]:
    different = []
    for name in ("severity", "ended_at_ms"):
        if one[name] != other[name]:
            different.append(Difference(f"{which}: {name}", one[name], other[name]))
    why, because = one["explanation"], other["explanation"]
    for name in sorted({*why, *because} - {"ended_at_ms"}):
        if why.get(name) != because.get(name):
            different.append(Difference(f"{which}: {name}", why.get(name), because.get(name)))
    return different


def _told(name: Name) -> str:
    return f"{name[0]} from {name[1]}"


def _brief(incident: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if incident is None:
        return None
    return {"severity": incident["severity"], "ended_at_ms": incident["ended_at_ms"]}


def _near(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= TOLERANCE * max(1.0, abs(one))
