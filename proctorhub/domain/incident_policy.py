"""What applies to one candidate: which rules are on, and how far they are relaxed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from proctorhub.domain.incident_rules import RULES, RULES_VERSION
from proctorhub.domain.incident_terms import Criterion, Detector, Mode, Rule, Sense, Severity
from proctorhub.domain.observation import Source, Value

LARGEST_RELAXATION = 10.0


@dataclass(frozen=True)
class Policy:
    """What applies to one candidate now.

    `checked` are the detectors that are on; `severity` replaces the table's first severity.
    `relaxed` (an accommodation, ≥ 1) multiplies how long something must last, how often it must
    happen, and the lengths at which its severity grows. `match` are the distances (accept, reject)
    that belong to the embedding space in use.
    """

    checked: frozenset[Detector] = frozenset(Detector)
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
            rule = replace(rule, criteria=(Criterion(Value.DISTANCE, Sense.ABOVE, reject, accept),))
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
