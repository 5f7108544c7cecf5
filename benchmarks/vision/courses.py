"""What came of simulated sessions, and what it says of recall and false flags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from proctorhub.config import Settings
from proctorhub.domain import accuracy
from proctorhub.domain.accuracy import LabelledSession, Stretch
from proctorhub.vision import composition
from proctorhub.vision.composition import Composition

START_MS = 1_700_000_000_000


@dataclass
class Course:
    """One session: of which kind, what happened in it if anything did, and what was flagged."""

    kind: str
    session: LabelledSession
    note: Stretch | None
    flags: list[Stretch]


def report(courses: Sequence[Course]) -> dict[str, Any]:
    """Return the figures of `accuracy.report` over all of them."""
    everything: dict[str, Any] = accuracy.report(
        [one.session for one in courses],
        [one.note for one in courses if one.note is not None],
        [flag for one in courses for flag in one.flags],
    )["all"]
    return everything


def how_soon(took: Sequence[float | None]) -> dict[str, Any]:
    """Return how many events were flagged, and how soon, s; None stands for one that was not."""
    found = sorted(x for x in took if x is not None)
    return {
        "found": len(found),
        "of": len(took),
        "p50_s": found[len(found) // 2] if found else None,
        "slowest_s": found[-1] if found else None,
    }


@cache
def backends(folder: Path) -> Composition:
    """Return what looks and listens, made once a process."""
    return composition.compose(Settings(data_dir=folder))
