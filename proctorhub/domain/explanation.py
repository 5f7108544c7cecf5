"""Why a flag was raised, in values that anybody can check against the frames.

An explanation names the looks (with their frames' hashes), what was measured in them, the
thresholds and the version of the rules, the models' hashes, and `cleared_by`: the smallest changes
that would have kept the rule from being fulfilled, the smallest first. They follow from the
observations and the rule alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from proctorhub.domain.incident_rules import RULES_VERSION
from proctorhub.domain.incident_state import Run
from proctorhub.domain.incident_terms import Criterion, Detector, Mode, Rule, Sense
from proctorhub.domain.observation import Value

#: The last digit in which a change of each value is told.
_STEPS: dict[Value, float] = {
    Value.YAW: 0.1,
    Value.DOWN: 0.1,
    Value.IRIS: 0.001,
    Value.BRIGHTNESS: 0.1,
    Value.DETAIL: 0.1,
    Value.SPEECH_S: 0.1,
    Value.FORBIDDEN: 1,
    Value.EXAM_SHOWN: 1,
    Value.STILL_S: 0.1,
}
_STEP = 0.01
_LENGTH_STEP_MS = 100


def explain(
    detector: Detector, rule: Rule, run: Run, rest: Mapping[Value, float], ended_at: int | None
) -> dict[str, Any]:
    """Return the explanation as JSON values; times and lengths are ms."""
    return {
        "detector": detector.value,
        "source": rule.source.value,
        "rules": RULES_VERSION,
        "started_at_ms": run.started_at,
        "ended_at_ms": ended_at,
        "thresholds": [_threshold(criterion) for criterion in rule.criteria],
        "confirmation": {
            "mode": rule.mode.value,
            "looks": rule.looks,
            "min_ms": rule.min_ms,
            "window_ms": rule.window_ms,
            "merge_ms": rule.merge_ms,
        },
        "counted": run.hits,
        "longest_ms": run.longest_ms,
        "rest": {
            c.value.value: round(rest[c.value], 4)
            for c in rule.criteria
            if c.calibrated and c.value in rest
        },
        "looks": [dict(look) for look in run.looks],
        "models": dict(run.models),
        "cleared_by": cleared_by(rule, run),
    }


def cleared_by(rule: Rule, run: Run) -> list[dict[str, Any]]:
    """Return the changes that would each have cleared the flag, the smallest (by share) first.

    `value`: every look's value less (or more) by this much. `length`: each uninterrupted stretch
    shorter by this much. `count`: so many times fewer. `absence`: it must not have happened.
    """
    found: list[tuple[float, dict[str, Any]]] = []
    if rule.mode in (Mode.SAMPLED, Mode.SUM) and run.need:
        changes = [
            _value_change(rule.criteria[place], excess)
            for place, excess in sorted(run.need.items())
        ]
        share = max(
            change["by"] / (abs(rule.criteria[place].enter) or 1)
            for change, place in zip(changes, sorted(run.need), strict=True)
        )
        found.append((share, {"what": "value", "changes": changes}))
    if rule.min_ms and run.longest_ms >= rule.min_ms:
        by = _more_than(run.longest_ms - rule.min_ms, _LENGTH_STEP_MS)
        found.append((by / rule.min_ms, {"what": "length", "by_ms": round(by)}))
    if rule.mode is Mode.EVENT and rule.looks > 1:
        by = run.hits - rule.looks + 1
        found.append((float(by), {"what": "count", "by": by}))
    if not found:
        found.append((math.inf, {"what": "absence"}))
    return [change for _, change in sorted(found, key=lambda item: item[0])]


def sealed(plain: Any) -> Any:
    """Return the same with decimals spelled out, for a log entry, which holds no floats."""
    if isinstance(plain, float):
        return repr(plain)
    if isinstance(plain, Mapping):
        return {name: sealed(value) for name, value in plain.items()}
    if isinstance(plain, list | tuple):
        return [sealed(value) for value in plain]
    return plain


def _threshold(criterion: Criterion) -> dict[str, Any]:
    return {
        "value": criterion.value.value,
        "sense": criterion.sense.value,
        "enter": criterion.enter,
        "leave": criterion.leave,
    }


def _value_change(criterion: Criterion, excess: float) -> dict[str, Any]:
    towards = {Sense.ABOVE: "lower", Sense.BELOW: "higher", Sense.BEYOND: "smaller"}
    by = _more_than(excess, _STEPS.get(criterion.value, _STEP))
    return {"value": criterion.value.value, "towards": towards[criterion.sense], "by": by}


def _more_than(amount: float, step: float) -> float:
    """Return the next multiple of `step` above `amount`."""
    return round((math.floor(amount / step + 1e-9) + 1) * step, 6)
