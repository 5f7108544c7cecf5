"""One look at a screen: titles, task bar and what newly appeared are read, not the whole page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from proctorhub.domain import screen
from proctorhub.domain.observation import Observation, Source, Value
from proctorhub.plugins import Capability
from proctorhub.vision.composition import Composition
from proctorhub.vision.memory import Memory
from proctorhub.vision.pictures import SMALL, Luma, Picture

if TYPE_CHECKING:
    from proctorhub.plugins import Image

#: The shares of the height that hold the upper window titles, tabs and address, and the task bar.
TOP, BOTTOM = 0.10, 0.06
#: Of something that newly appeared: the height of its title bar.
TITLE = 0.08
#: A grey pixel that changed by more than this belongs to what is new.
NEW = 12
#: Lines read with less confidence are left out.
SURE = 0.5


@dataclass(frozen=True)
class ScreenLook:
    """A picture of a screen that is to be read, and what is looked for in it.

    `forbidden` are names of applications, `signs` texts of which the exam shows at least one.
    """

    picture: Picture
    at_ms: int
    segment_id: str
    frame_sha256: str
    burst: bool
    memory: Memory
    forbidden: Sequence[str]
    signs: Sequence[str]


def look(backends: Composition, one: ScreenLook) -> tuple[Observation, Memory]:
    """Return what was read. Without a backend that reads, only the change is measured."""
    small = one.picture.small
    values: dict[Value, float] = {}
    change = one.memory.change(small)
    if change is not None:
        values[Value.CHANGE] = round(change, 4)
    words: tuple[str, ...] = ()
    models: dict[str, str] = {}
    if Capability.OCR in backends:
        strips = _strips(one.picture.image, small, one.memory.small)
        found = backends[Capability.OCR].read_text(strips)
        lines = [line.text for line in found if line.confidence >= SURE]
        words = screen.forbidden_found(lines, one.forbidden)
        values[Value.FORBIDDEN] = len(words)
        shown = screen.is_shown(lines, one.signs)
        if shown is not None:
            values[Value.EXAM_SHOWN] = int(shown)
        models = backends.models([Capability.OCR])
    observation = Observation(
        source=Source.SCREEN,
        at_ms=one.at_ms,
        values=values,
        segment_id=one.segment_id,
        frame_sha256=one.frame_sha256,
        size=one.picture.size,
        words=words,
        models=models,
        burst=one.burst,
        since_ms=one.memory.at_ms if one.memory.small is not None else None,
    )
    return observation, Memory(at_ms=one.at_ms, small=small)


def _strips(image: Image, small: Luma, before: Luma | None) -> Image:
    """Return the parts that are read, one below the other."""
    height = image.shape[0]
    parts = [image[: _rows(height, TOP)], image[height - _rows(height, BOTTOM) :]]
    new = _top_of_new(small, before)
    if new is not None:
        start = max(0, int(new * height) - height // SMALL[1])
        if start + _rows(height, TITLE) > _rows(height, TOP):
            parts.append(image[start : start + _rows(height, TITLE)])
    return np.ascontiguousarray(np.vstack(parts))


def _rows(height: int, share: float) -> int:
    return max(16, int(height * share))


def _top_of_new(small: Luma, before: Luma | None) -> float | None:
    """Return where what newly appeared begins, as a share of the height; None if nothing did."""
    if before is None:
        return None
    changed = np.abs(small.astype(np.int16) - before.astype(np.int16)) > NEW
    rows = np.flatnonzero(changed.sum(axis=1) >= 3)
    return float(rows[0]) / SMALL[1] if len(rows) else None
