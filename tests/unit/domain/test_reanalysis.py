"""Judging again: the same looks give the same incidents, and what differs is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proctorhub.domain.incident_policy import Policy
from proctorhub.domain.incident_rules import RULES
from proctorhub.domain.incident_terms import Detector
from proctorhub.domain.journal import Entry
from proctorhub.domain.observation import Observation, Source, Value
from proctorhub.domain.reanalysis import Difference, Found, compare, compare_looks, judge

AT = 1_000_000
THERE = {Value.FACE: 0.9, Value.BRIGHTNESS: 120.0, Value.DETAIL: 20.0}
GONE = {**THERE, Value.FACE: 0.1}


def entry(at_ms: int, values: dict[Value, float], came_ms: int | None = None) -> Entry:
    look = Observation(Source.CAMERA, at_ms, values, frame_sha256="ab" * 32)
    return Entry(look, Policy(), at_ms + 100 if came_ms is None else came_ms)


def leaving() -> list[Entry]:
    looks = [entry(AT + 1000 * n, THERE) for n in range(3)]
    looks += [entry(AT + 3000 + 250 * n, GONE) for n in range(5)]
    return looks + [entry(AT + 9000 + 1000 * n, THERE) for n in range(3)]


def judged(looks: list[Entry]) -> Found:
    """Judge at the moment of the last look."""
    return judge(looks, max(one.observation.at_ms for one in looks), over=False)


def test_looks_give_their_incident_with_its_end() -> None:
    found = judged(leaving())
    ((name, incident),) = found.items()
    assert name == ("no_face", AT + 3000)
    assert incident["ended_at_ms"] == AT + 4000
    assert incident["explanation"]["counted"] == 5


def test_an_end_closes_what_is_open_and_so_does_time() -> None:
    looks, name = leaving()[:8], ("no_face", AT + 3000)
    assert judged(looks)[name]["ended_at_ms"] is None
    assert judge(looks, AT + 5000, over=False)[name]["ended_at_ms"] is None
    assert judge(looks, AT + 5000, over=True)[name]["ended_at_ms"] == AT + 4000
    assert judge(looks, AT + 60_000, over=False)[name]["ended_at_ms"] == AT + 4000


def test_what_came_late_changes_nothing_now_as_it_did_then() -> None:
    late = entry(AT + 3300, THERE, came_ms=AT + 20_000)
    assert judged([*leaving(), late]) == judged(leaving())
    early = entry(AT + 3300, THERE, came_ms=AT + 3350)
    assert judged([*leaving(), early]) != judged(leaving())


def test_equal_incidents_have_no_difference() -> None:
    assert compare(judged(leaving()), judged(leaving()[::-1])) == []


def test_a_stricter_rule_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    then = judged(leaving())
    monkeypatch.setitem(RULES, Detector.NO_FACE, replace(RULES[Detector.NO_FACE], looks=6))
    (gone,) = compare(then, judged(leaving()))
    assert gone == Difference(
        f"no_face from {AT + 3000}", {"severity": "medium", "ended_at_ms": AT + 4000}, None
    )


def test_another_threshold_shows_in_the_explanation(monkeypatch: pytest.MonkeyPatch) -> None:
    then = judged(leaving())
    rule = RULES[Detector.NO_FACE]
    other = replace(rule.criteria[0], enter=0.55)
    monkeypatch.setitem(RULES, Detector.NO_FACE, replace(rule, criteria=(other,)))
    assert "thresholds" in " ".join(d.what for d in compare(then, judged(leaving())))


LOOK = Observation(Source.CAMERA, AT, {Value.FACE: 0.9, Value.YAW: 10.0}, frame_sha256="ab" * 32)


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ({}, []),
        ({"values": {Value.FACE: 0.905, Value.YAW: 10.05}}, []),
        ({"values": {Value.FACE: 0.92, Value.YAW: 10.0}}, ["face"]),
        ({"values": {Value.FACE: 0.9}}, ["yaw"]),
        ({"values": {**LOOK.values, Value.DISTANCE: 0.3}}, ["distance"]),
        ({"words": ("Telegram",)}, ["words"]),
        ({"frame_sha256": "cd" * 32, "values": {}}, ["frame"]),
    ],
)
def test_how_looks_differ(now, told) -> None:
    different = compare_looks(LOOK, replace(LOOK, **now))
    assert [d.what.rpartition(": ")[2] for d in different] == told
