"""How much of the expected media is there, and what is missing. Times are UTC milliseconds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

#: Neighbouring segments may be this far apart without a second of media missing: one video frame
#: at the lowest rate Chromium sends a still screen, and the rounding of timestamps.
TOLERANCE_MS = 500

Span = tuple[int, int]


@dataclass(frozen=True)
class Coverage:
    """Expected and recorded milliseconds of one source, and the holes."""

    expected_ms: int
    recorded_ms: int
    holes: tuple[Span, ...]

    @property
    def completeness(self) -> float:
        """Return recorded / expected, 1.0 when nothing was expected."""
        return self.recorded_ms / self.expected_ms if self.expected_ms else 1.0


def merge(spans: Iterable[Span], tolerance_ms: int = 0) -> list[Span]:
    """Return the union of spans in order; spans closer than the tolerance become one."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1] + tolerance_ms:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        elif end > start:
            merged.append((start, end))
    return merged


def subtract(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """Return what is left of `spans` outside `taken`, in order."""
    left = merge(spans)
    for start, end in merge(taken):
        left = [
            piece
            for first, last in left
            for piece in ((first, min(last, start)), (max(first, end), last))
            if piece[0] < piece[1]
        ]
    return left


def coverage(
    segments: Iterable[Span], expected: Span, tolerance_ms: int = TOLERANCE_MS
) -> Coverage:
    """Return how much of `expected` the segments cover; holes up to the tolerance do not count."""
    first, last = expected
    inside = [(max(s, first), min(e, last)) for s, e in segments if e > first and s < last]
    holes: list[Span] = []
    at = first
    for start, end in merge(inside):
        if start - at > tolerance_ms:
            holes.append((at, start))
        at = end
    if last - at > tolerance_ms:
        holes.append((at, last))
    missing = sum(end - start for start, end in holes)
    return Coverage(max(0, last - first), max(0, last - first) - missing, tuple(holes))
