"""The rules of conduct: one readable table, versioned; who reads a flag reads these figures.

The figures come from the measurements described in docs/rules.md. Whoever changes one changes
`RULES_VERSION`: an incident names the version it was found with.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from proctorhub.domain.observation import Source, Value
from proctorhub.domain.session import State

RULES_VERSION = "2026-11.1"


class Detector(StrEnum):
    """What can be found."""

    NO_FACE = "no_face"
    SECOND_FACE = "second_face"
    OTHER_PERSON = "other_person"
    LOOKING_AWAY = "looking_away"
    CAMERA_COVERED = "camera_covered"
    CAMERA_FROZEN = "camera_frozen"
    TOO_DARK = "too_dark"
    SPEECH = "speech"
    TAB_HIDDEN = "tab_hidden"
    FOCUS_LOST = "focus_lost"
    FULLSCREEN_LEFT = "fullscreen_left"
    CLIPBOARD = "clipboard"
    SECOND_DISPLAY = "second_display"
    SHARE_STOPPED = "share_stopped"
    SHARE_NOT_MONITOR = "share_not_monitor"
    DEVTOOLS = "devtools"
    VIRTUAL_CAMERA = "virtual_camera"
    RECONNECTED = "reconnected"
    FORBIDDEN_APPLICATION = "forbidden_application"
    EXAM_NOT_SHOWN = "exam_not_shown"


class Severity(StrEnum):
    """How much it wants a person's eyes; from the lowest to the highest."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


ORDER = {severity: place for place, severity in enumerate(Severity)}


class Sense(StrEnum):
    """On which side of a threshold a value speaks for the incident."""

    ABOVE = "above"
    BELOW = "below"
    BEYOND = "beyond"


class Mode(StrEnum):
    """How looks add up.

    `sampled`: looks that must follow each other. `sum`: seconds that add up within a window.
    `level`: a signal that holds until it is taken back. `event`: what happens and is over.
    """

    SAMPLED = "sampled"
    SUM = "sum"
    LEVEL = "level"
    EVENT = "event"


@dataclass(frozen=True)
class Criterion:
    """A value and its thresholds: `enter` begins an incident, `leave` (milder) ends it.

    `above` and `beyond` (the value's size) count from the threshold on, `below` counts under it.
    `calibrated` values are taken from the candidate's own rest (domain/calibration.py).
    """

    value: Value
    sense: Sense
    enter: float
    leave: float
    calibrated: bool = False

    def excess(self, measured: float) -> float:
        """Return how far a value is over `enter`; negative when it is not."""
        if self.sense is Sense.BELOW:
            return self.enter - measured
        return (abs(measured) if self.sense is Sense.BEYOND else measured) - self.enter

    def over(self, measured: float) -> bool:
        """Tell whether a value begins an incident."""
        excess = self.excess(measured)
        return excess > 0 if self.sense is Sense.BELOW else excess >= 0

    def holds(self, measured: float) -> bool:
        """Tell whether a value keeps an incident open."""
        return replace(self, enter=self.leave).over(measured)


@dataclass(frozen=True)
class Rule:
    """One row: any criterion makes a look count.

    An incident begins when `looks` counting looks follow each other, none more than `patience_ms`
    after the one before, and span `min_ms`; it ends when it has not held for `merge_ms`, so two
    that are nearer are one. `severity` grows at the lengths (ms) of `grows`. `window_ms` is the
    window of a `sum`. `burst` asks for pictures at once when a first look counts. A look at which
    a rule of `yields_to` counts says nothing here. `weight` is the default share in the suspicion.
    """

    source: Source
    criteria: tuple[Criterion, ...]
    severity: Severity
    weight: int
    mode: Mode = Mode.SAMPLED
    looks: int = 1
    min_ms: int = 0
    patience_ms: int = 2_500
    merge_ms: int = 3_000
    window_ms: int = 0
    grows: tuple[tuple[int, Severity], ...] = ()
    burst: bool = False
    yields_to: tuple[Detector, ...] = ()

    @property
    def waits_for_rest(self) -> bool:
        """Whether nothing of it is judged before the candidate's own rest is known."""
        return bool(self.criteria) and all(criterion.calibrated for criterion in self.criteria)

    def severity_at(self, length_ms: int) -> Severity:
        """Return the severity of an incident of this length."""
        reached = [severity for at, severity in self.grows if length_ms >= at]
        return max([self.severity, *reached], key=ORDER.__getitem__)


_D, _V, _S = Detector, Value, Severity
_CAM, _MIC, _SCREEN, _PAGE = Source.CAMERA, Source.MICROPHONE, Source.SCREEN, Source.PAGE


def _above(value: Value, enter: float, leave: float) -> Criterion:
    return Criterion(value, Sense.ABOVE, enter, leave)


def _below(value: Value, enter: float, leave: float, *, calibrated: bool = False) -> Criterion:
    return Criterion(value, Sense.BELOW, enter, leave, calibrated)


def _beyond(value: Value, enter: float, leave: float) -> Criterion:
    return Criterion(value, Sense.BEYOND, enter, leave, calibrated=True)


#: 4 of 4 pictures, a quarter of a second apart (a little less, because clocks jitter).
_BURST: dict[str, Any] = {"looks": 4, "min_ms": 700, "burst": True}


def _signal(
    value: Value,
    severity: Severity,
    weight: int,
    *,
    grows: tuple[tuple[int, Severity], ...] = (),
    min_ms: int = 0,
    merge_ms: int = 5_000,
    mode: Mode = Mode.LEVEL,
) -> Rule:
    return Rule(
        _PAGE,
        (_above(value, 1, 1),),
        severity,
        weight,
        mode=mode,
        min_ms=min_ms,
        patience_ms=merge_ms,
        merge_ms=merge_ms,
        grows=grows,
    )


RULES: dict[Detector, Rule] = {
    _D.NO_FACE: Rule(
        _CAM,
        (_below(_V.FACE, 0.50, 0.65),),
        _S.MEDIUM,
        4,
        grows=((15_000, _S.HIGH),),
        yields_to=(_D.CAMERA_COVERED,),
        **_BURST,
    ),
    _D.SECOND_FACE: Rule(_CAM, (_above(_V.SECOND_FACE, 0.65, 0.50),), _S.HIGH, 8, **_BURST),
    _D.OTHER_PERSON: Rule(
        _CAM,
        # the thresholds of the default embedding space; Policy.match has those of the space in use
        (_above(_V.DISTANCE, 0.60, 0.50),),
        _S.HIGH,
        10,
        patience_ms=15_000,
        merge_ms=25_000,
        **_BURST,
    ),
    _D.LOOKING_AWAY: Rule(
        _CAM,
        (
            _beyond(_V.YAW, 25.0, 18.0),
            Criterion(_V.DOWN, Sense.ABOVE, 25.0, 18.0, calibrated=True),
            _below(_V.DOWN, -20.0, -14.0, calibrated=True),
            _beyond(_V.IRIS, 0.10, 0.07),
        ),
        _S.LOW,
        2,
        looks=3,
        min_ms=3_000,
        grows=((8_000, _S.MEDIUM),),
    ),
    _D.CAMERA_COVERED: Rule(
        _CAM,
        (_below(_V.CONTRAST, 14.0, 18.0), _below(_V.BRIGHTNESS, 22.0, 28.0)),
        _S.HIGH,
        8,
        **_BURST,
    ),
    _D.CAMERA_FROZEN: Rule(
        _CAM,
        (_below(_V.CHANGE, 0.25, 0.50), _above(_V.REPEATED, 8.0, 4.0)),
        _S.MEDIUM,
        8,
        grows=((10_000, _S.HIGH),),
        yields_to=(_D.CAMERA_COVERED,),
        **_BURST,
    ),
    _D.TOO_DARK: Rule(
        _CAM,
        (_below(_V.BRIGHTNESS, 45.0, 55.0),),
        _S.LOW,
        1,
        looks=4,
        min_ms=5_000,
        merge_ms=10_000,
        grows=((60_000, _S.MEDIUM),),
        yields_to=(_D.CAMERA_COVERED,),
    ),
    _D.SPEECH: Rule(
        _MIC,
        (_above(_V.SPEECH_S, 3.0, 1.0),),
        _S.MEDIUM,
        4,
        mode=Mode.SUM,
        window_ms=10_000,
        merge_ms=10_000,
        grows=((30_000, _S.HIGH),),
    ),
    _D.TAB_HIDDEN: _signal(_V.TAB_HIDDEN, _S.MEDIUM, 5, grows=((10_000, _S.HIGH),)),
    _D.FOCUS_LOST: _signal(_V.FOCUS_LOST, _S.LOW, 2, min_ms=1_000, grows=((15_000, _S.MEDIUM),)),
    _D.FULLSCREEN_LEFT: _signal(_V.FULLSCREEN_LEFT, _S.LOW, 2, grows=((30_000, _S.MEDIUM),)),
    _D.CLIPBOARD: _signal(_V.CLIPBOARD, _S.LOW, 2, merge_ms=30_000, mode=Mode.EVENT),
    _D.SECOND_DISPLAY: _signal(_V.SECOND_DISPLAY, _S.MEDIUM, 5),
    _D.SHARE_STOPPED: _signal(_V.SHARE_STOPPED, _S.HIGH, 6),
    _D.SHARE_NOT_MONITOR: _signal(_V.SHARE_NOT_MONITOR, _S.MEDIUM, 5),
    _D.DEVTOOLS: _signal(_V.DEVTOOLS, _S.MEDIUM, 5, merge_ms=30_000, mode=Mode.EVENT),
    _D.VIRTUAL_CAMERA: _signal(_V.VIRTUAL_CAMERA, _S.HIGH, 8),
    _D.RECONNECTED: _signal(_V.RECONNECTED, _S.LOW, 1, merge_ms=60_000, mode=Mode.EVENT),
    _D.FORBIDDEN_APPLICATION: Rule(
        _SCREEN,
        (_above(_V.FORBIDDEN, 1, 1),),
        _S.HIGH,
        8,
        looks=2,
        patience_ms=25_000,
        merge_ms=25_000,
        burst=True,
    ),
    _D.EXAM_NOT_SHOWN: Rule(
        _SCREEN,
        (_below(_V.EXAM_SHOWN, 1, 1),),
        _S.LOW,
        3,
        looks=2,
        min_ms=5_000,
        patience_ms=25_000,
        merge_ms=25_000,
        grows=((30_000, _S.MEDIUM),),
    ),
}

_EVERY = frozenset(Detector)
#: What is looked for in each state. While the identity is checked a document with a face of its own
#: is held before the camera; in a pause the candidate may turn away, speak and leave.
PHASES: dict[State, frozenset[Detector]] = {
    State.IDENTIFYING: frozenset(
        {_D.CAMERA_FROZEN, _D.TOO_DARK, _D.VIRTUAL_CAMERA, _D.SHARE_STOPPED, _D.SHARE_NOT_MONITOR}
    ),
    State.RUNNING: _EVERY,
    State.PAUSED: _EVERY
    - {_D.NO_FACE, _D.LOOKING_AWAY, _D.SPEECH, _D.FULLSCREEN_LEFT, _D.EXAM_NOT_SHOWN},
}

LARGEST_RELAXATION = 10.0


@dataclass(frozen=True)
class Policy:
    """What applies to one candidate now.

    `checked` are the detectors that are on; `severity` replaces the table's first severity.
    `relaxed` (an accommodation, ≥ 1) multiplies how long something must last, how often it must
    happen, and the lengths at which its severity grows. `match` are the distances (accept, reject)
    that belong to the embedding space in use.
    """

    checked: frozenset[Detector] = _EVERY
    severity: Mapping[Detector, Severity] = field(default_factory=dict)
    relaxed: Mapping[Detector, float] = field(default_factory=dict)
    match: tuple[float, float] | None = None
    rules: str = RULES_VERSION

    def rule(self, detector: Detector) -> Rule:
        """Return the table's row as it applies here."""
        rule = RULES[detector]
        if detector in self.severity:
            rule = replace(rule, severity=self.severity[detector])
        if detector is Detector.OTHER_PERSON and self.match:
            accept, reject = self.match
            rule = replace(rule, criteria=(_above(Value.DISTANCE, reject, accept),))
        factor = self.relaxed.get(detector, 1.0)
        return _relaxed(rule, factor) if factor > 1 else rule

    def of(self, source: Source) -> frozenset[Detector]:
        """Return the detectors of one source that are on."""
        return frozenset(d for d in self.checked if RULES[d].source is source)


def _relaxed(rule: Rule, factor: float) -> Rule:
    longer = replace(rule, grows=tuple((round(at * factor), sev) for at, sev in rule.grows))
    if rule.mode is Mode.SUM:
        return replace(
            longer,
            criteria=tuple(replace(c, enter=c.enter * factor) for c in rule.criteria),
            window_ms=round(rule.window_ms * factor),
        )
    if rule.mode is Mode.LEVEL:
        return replace(longer, min_ms=round(max(rule.min_ms, 1_000) * factor))
    return replace(longer, looks=math.ceil(rule.looks * factor), min_ms=round(rule.min_ms * factor))


def policy_to_plain(policy: Policy) -> dict[str, Any]:
    """Return a policy as JSON values."""
    return {
        "rules": policy.rules,
        "checked": sorted(policy.checked),
        "severity": {d.value: s.value for d, s in policy.severity.items()},
        "relaxed": {d.value: factor for d, factor in policy.relaxed.items()},
        "match": list(policy.match) if policy.match else None,
    }


def policy_from_plain(plain: Mapping[str, Any]) -> Policy:
    """Return the policy that `policy_to_plain` wrote."""
    match = plain.get("match")
    return Policy(
        checked=frozenset(Detector(name) for name in plain["checked"]),
        severity={Detector(d): Severity(s) for d, s in plain["severity"].items()},
        relaxed={Detector(d): float(factor) for d, factor in plain["relaxed"].items()},
        match=(match[0], match[1]) if match else None,
        rules=plain["rules"],
    )
