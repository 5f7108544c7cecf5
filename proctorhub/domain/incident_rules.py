"""The rules of conduct: one readable table, versioned; who reads a flag reads these figures.

The figures come from the measurements described in docs/rules.md. Whoever changes one changes
`RULES_VERSION`: an incident names the version it was found with.
"""

from __future__ import annotations

from typing import Any

from proctorhub.domain.incident_terms import Criterion, Detector, Mode, Rule, Sense, Severity
from proctorhub.domain.observation import Source, Value
from proctorhub.domain.session import State

RULES_VERSION = "2026-11.5"

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
        (_below(_V.DETAIL, 1.2, 1.6),),
        _S.HIGH,
        8,
        **_BURST,
    ),
    _D.CAMERA_FROZEN: Rule(
        _CAM,
        (Criterion(_V.STILL_S, Sense.ABOVE, 1.0, 0.25, wary=0.5), _above(_V.REPLAYED, 0.75, 0.60)),
        _S.MEDIUM,
        8,
        grows=((10_000, _S.HIGH),),
        burst=True,
        yields_to=(_D.CAMERA_COVERED,),
    ),
    _D.TOO_DARK: Rule(
        _CAM,
        (_below(_V.BRIGHTNESS, 40.0, 50.0),),
        _S.LOW,
        1,
        merge_ms=10_000,
        grows=((60_000, _S.MEDIUM),),
        yields_to=(_D.CAMERA_COVERED,),
        **_BURST,
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
