"""One look at a screen: titles, task bar and what newly appeared are read, not the whole page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from proctorhub.domain import screen
from proctorhub.domain.observation import Observation, Source, Value
from proctorhub.plugins import Capability
from proctorhub.vision.composition import Composition
from proctorhub.vision.memory import Memory, Strip
from proctorhub.vision.pictures import SMALL, Luma, Picture

if TYPE_CHECKING:
    from proctorhub.plugins import Image, VisionBackend

#: The shares of the height that hold the upper window titles, tabs and address, and the task bar.
TOP, BOTTOM = 0.10, 0.06
#: Of something that newly appeared: the height of its title bar.
TITLE = 0.08
#: Strips that are read and remembered at most: above, below, and titles, the newest first.
MOST = 5
#: A grey pixel that changed by more than this belongs to what is new.
NEW = 12
#: A strip is another when so many of its blocks (of so many pixels a side) differ by more than
#: this: letters do by more, coding the same picture again by less.
BLOCK, OTHER, OTHERS = 4, 16, 3
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
    strips: tuple[Strip, ...] = ()
    if Capability.OCR in backends:
        words, shown, strips = _read(backends[Capability.OCR], one)
        values[Value.FORBIDDEN] = len(words)
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
    return observation, Memory(at_ms=one.at_ms, small=small, strips=strips)


def _read(
    backend: VisionBackend, one: ScreenLook
) -> tuple[tuple[str, ...], bool | None, tuple[Strip, ...]]:
    """Return forbidden names, whether the exam is shown, and the strips for the next look.

    A strip that looks as it did is not read again, unless what it said speaks against somebody: a
    flag rests on texts that were read in each of its pictures. The title of what newly appeared is
    such a strip for as long as it stays where it is.
    """
    image = one.picture.image
    height = image.shape[0]
    bottom = height - _rows(height, BOTTOM)
    starts = {0: _rows(height, TOP), bottom: height}
    title = _new(height, one.picture.small, one.memory.small)
    for start in (title, *(strip.start for strip in one.memory.strips)):
        if start is not None and start + _rows(height, TITLE) <= height:
            starts.setdefault(start, start + _rows(height, TITLE))
    before = {strip.start: strip for strip in one.memory.strips}
    parts = {start: image[start:end] for start, end in starts.items()}
    coarse = {start: _coarse(part) for start, part in parts.items()}
    same = {start for start, old in before.items() if _alike(old.coarse, coarse.get(start))}
    # a title that is gone, or has moved, is none any more
    wanted = [start for start in starts if start in {0, bottom, title} | same][:MOST]
    unread = [start for start in wanted if one.burst or start not in same]
    read = dict(zip(unread, _lines(backend, [parts[at] for at in unread]), strict=True))
    lines = {start: read[start] if start in read else before[start].lines for start in wanted}
    words, shown = _judged(lines.values(), one)
    if len(unread) < len(wanted) and (words or shown is False):
        lines = dict(zip(wanted, _lines(backend, [parts[at] for at in wanted]), strict=True))
        words, shown = _judged(lines.values(), one)
    return words, shown, tuple(Strip(coarse[at], lines[at], at) for at in wanted)


def _judged(
    lines: Iterable[tuple[str, ...]], one: ScreenLook
) -> tuple[tuple[str, ...], bool | None]:
    together = [line for part in lines for line in part]
    return (
        screen.forbidden_found(together, one.forbidden),
        screen.is_shown(together, one.signs),
    )


def _lines(backend: VisionBackend, parts: Sequence[Image]) -> list[tuple[str, ...]]:
    """Return the lines of each part; they are read together, one below the other."""
    if not parts:
        return []
    found = backend.read_text(np.ascontiguousarray(np.vstack(parts)))
    ends = np.cumsum([part.shape[0] for part in parts])
    lines: list[list[str]] = [[] for _ in parts]
    for line in found:
        if line.confidence >= SURE:
            middle = (line.box[1] + line.box[3]) / 2
            place = min(int(np.searchsorted(ends, middle, side="right")), len(parts) - 1)
            lines[place].append(line.text)
    return [tuple(part) for part in lines]


def _new(height: int, small: Luma, before: Luma | None) -> int | None:
    """Return the row where what newly appeared between the strips begins, if anything did."""
    top = _top_of_new(small, before)
    if top is None or (top + 1 / SMALL[1]) * height > height - _rows(height, BOTTOM):
        return None
    start = max(0, int(top * height) - height // SMALL[1])
    return start if start + _rows(height, TITLE) > _rows(height, TOP) else None


def _coarse(strip: Image) -> Luma:
    """Return a strip as the mean brightness of its blocks."""
    height, width = (side // BLOCK for side in strip.shape[:2])
    blocks = strip[: height * BLOCK, : width * BLOCK].reshape(height, BLOCK, width, BLOCK, 3)
    return np.rint(blocks.mean(axis=(1, 3, 4))).astype(np.uint8)


def _alike(one: Luma, other: Luma | None) -> bool:
    if other is None or one.shape != other.shape:
        return False
    apart = np.abs(one.astype(np.int16) - other.astype(np.int16))
    return int((apart > OTHER).sum()) < OTHERS


def _rows(height: int, share: float) -> int:
    return max(16, int(height * share))


def _top_of_new(small: Luma, before: Luma | None) -> float | None:
    """Return where what newly appeared begins, as a share of the height; None if nothing did."""
    if before is None:
        return None
    changed = np.abs(small.astype(np.int16) - before.astype(np.int16)) > NEW
    rows = np.flatnonzero(changed.sum(axis=1) >= 3)
    return float(rows[0]) / SMALL[1] if len(rows) else None
