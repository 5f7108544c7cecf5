from __future__ import annotations

import pytest

from proctorhub.domain.media import GapCause
from proctorhub.media.coverage import Coverage


@pytest.mark.parametrize(
    ("track", "lost", "hole_ms", "cause"),
    [
        ("video", 0, 1000, None),
        ("video", 0, 2400, None),
        ("video", 0, 3000, GapCause.CLIENT),
        ("video", 3, 300, None),
        ("video", 3, 700, GapCause.NETWORK),
        ("audio", 0, 900, None),
        ("audio", 0, 1500, GapCause.CLIENT),
        ("audio", 30, 620, GapCause.NETWORK),
    ],
)
def test_holes(track: str, lost: int, hole_ms: int, cause: GapCause | None) -> None:
    found: list[tuple[str, int, int, GapCause]] = []
    coverage = Coverage(lambda *gap: found.append(gap))
    coverage.recorded(track, 10_000)
    if lost:
        coverage.lost(track, lost)
    coverage.recorded(track, 10_000 + hole_ms)
    coverage.recorded(track, 10_000 + hole_ms + 20)
    assert found == ([] if cause is None else [(track, 10_000, 10_000 + hole_ms, cause)])


def test_the_beginning_is_no_hole() -> None:
    coverage = Coverage(lambda *gap: pytest.fail("no gap"))
    coverage.recorded("video", 99_999)
