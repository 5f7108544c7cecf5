"""A number to sort sessions by. It is shown with its parts, and decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from proctorhub.domain.incident_terms import ORDER, Detector, Severity


def score(
    incidents: Iterable[tuple[Detector, Severity, str | None]], weights: Mapping[Detector, int]
) -> dict[str, Any]:
    """Return `{score, parts: [{detector, count, weight, points}]}`, the largest part first.

    Each incident (detector, severity, decision) that nobody dismissed counts its detector's weight
    once for `low`, twice for `medium`, three times for `high`.
    """
    counts: dict[Detector, int] = {}
    points: dict[Detector, int] = {}
    for detector, severity, decision in incidents:
        if decision == "dismissed":
            continue
        counts[detector] = counts.get(detector, 0) + 1
        points[detector] = points.get(detector, 0) + weights[detector] * (ORDER[severity] + 1)
    parts = [
        {
            "detector": detector.value,
            "count": counts[detector],
            "weight": weights[detector],
            "points": points[detector],
        }
        for detector in sorted(counts, key=lambda d: (-points[d], d))
    ]
    return {"score": sum(points.values()), "parts": parts}
