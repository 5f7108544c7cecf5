"""What became of an incident: the result of a step of the rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from proctorhub.domain.incident_terms import Detector, Severity
from proctorhub.domain.observation import Source


class Kind(StrEnum):
    """What became of an incident. `grown`: its severity rose."""

    OPENED = "opened"
    GROWN = "grown"
    CLOSED = "closed"


@dataclass(frozen=True)
class Change:
    """One change of one incident; `detector` and `started_at` name it within its session.

    `at` is the media time (ms) at which the rule was fulfilled; `ended_at` is set when it closed.
    """

    kind: Kind
    detector: Detector
    source: Source
    started_at: int
    at: int
    severity: Severity
    explanation: Mapping[str, Any]
    ended_at: int | None = None


def to_plain(change: Change) -> dict[str, Any]:
    """Return a change as JSON values."""
    return {
        "kind": change.kind.value,
        "detector": change.detector.value,
        "source": change.source.value,
        "started_at": change.started_at,
        "at": change.at,
        "severity": change.severity.value,
        "explanation": dict(change.explanation),
        "ended_at": change.ended_at,
    }


def from_plain(plain: Mapping[str, Any]) -> Change:
    """Return the change that `to_plain` wrote."""
    return Change(
        kind=Kind(plain["kind"]),
        detector=Detector(plain["detector"]),
        source=Source(plain["source"]),
        started_at=plain["started_at"],
        at=plain["at"],
        severity=Severity(plain["severity"]),
        explanation=plain["explanation"],
        ended_at=plain["ended_at"],
    )
