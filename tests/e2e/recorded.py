"""What the API tells of a recorded source: its chains, and what is missing before one of them."""

from __future__ import annotations

from typing import Any

from tests.e2e.steps import seconds


def chains(track: dict[str, Any]) -> list[str]:
    found = (s["chain"] for s in track["segments"] if s["origin"] == "node")
    return list(dict.fromkeys(found))


def until(track: dict[str, Any], chain: str) -> float:
    """When a chain's recording ends."""
    return max(seconds(s["ended_at"]) for s in track["segments"] if s["chain"] == chain)


def since(track: dict[str, Any], chain: str) -> float:
    """When a chain's recording begins."""
    return min(seconds(s["started_at"]) for s in track["segments"] if s["chain"] == chain)


def missing_between(track: dict[str, Any], at: float, new: str) -> list[dict[str, Any]]:
    """What no node recorded between a moment and a chain, in order, filled by the browser or not.

    Before and afterwards a browser that shares two cores with everything else may pause by itself.
    """
    after = since(track, new)
    return sorted(
        (
            gap
            for gap in [*track["gaps"], *track["healed"]]
            if seconds(gap["started_at"]) < after and seconds(gap["ended_at"]) > at
        ),
        key=lambda gap: str(gap["started_at"]),
    )
