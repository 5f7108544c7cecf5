"""The browser's own signals as observations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from proctorhub.domain.incident_rules import RULES
from proctorhub.domain.incident_terms import Detector
from proctorhub.domain.observation import Observation, Source, Value
from proctorhub.domain.virtual_cameras import virtual_name

DETECTORS = frozenset(d for d, rule in RULES.items() if rule.source is Source.PAGE)
#: What says something only while the exam is taken on the platform's own page, not in another tab.
HERE = frozenset({Detector.TAB_HIDDEN, Detector.FOCUS_LOST, Detector.FULLSCREEN_LEFT})


@dataclass(frozen=True)
class Signal:
    """What the candidate's page noticed: `on` while it holds (always, for what just happens).

    `label` is the camera's name for `virtual_camera`; whether it is one is judged here.
    """

    detector: Detector
    at_ms: int
    on: bool = True
    label: str = ""


def observations(signals: Iterable[Signal]) -> list[Observation]:
    """Return one observation for each moment, in order; a repetition within it comes 1 ms later."""
    values: dict[int, dict[Value, float]] = {}
    words: dict[int, tuple[str, ...]] = {}
    for signal in sorted(signals, key=lambda one: one.at_ms):
        value, level, at = Value(signal.detector.value), float(signal.on), signal.at_ms
        name = None
        if signal.detector is Detector.VIRTUAL_CAMERA:
            name = virtual_name(signal.label)
            level = float(name is not None)
        while value in values.get(at, {}):
            at += 1
        values.setdefault(at, {})[value] = level
        if name:
            words[at] = (signal.label,)
    return [
        Observation(Source.PAGE, at, values[at], words=words.get(at, ())) for at in sorted(values)
    ]
