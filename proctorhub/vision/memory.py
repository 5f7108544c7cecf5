"""What looking at a source has to remember from one picture to the next."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from proctorhub.vision import views
from proctorhub.vision.pictures import SMALL, TINY, Luma, difference, tiny

#: So many looks, most of a second apart, are compared with the present one to find a loop.
RING = 150
#: A loop is at least this many looks long; what comes again sooner is a pause in the movement.
SHORTEST_LOOP = 3
#: A look equals an earlier one when it differs this much less than looks usually do.
ALIKE = 0.35
#: Below this much usual change (mean of luma) nothing moves, and nothing can be told.
MOVES = 1.0
#: Looks over which the usual change is taken.
USUAL = 8
#: So many times of comparisons are remembered.
EMBEDS = 8
#: Looks nearer than this to the last one remembered are left out of the ring, ms.
APART_MS = 700

_HEAD = struct.Struct(">I")


@dataclass(frozen=True)
class Strip:
    """A strip of a screen that was read.

    Its blocks' brightness, the lines in it, and the row of pixels where it begins.
    """

    coarse: Luma
    lines: tuple[str, ...]
    start: int = 0


@dataclass(frozen=True)
class Memory:
    """Of one source: the last grey picture, looks for loops, and what came of comparing faces.

    `ring` is (n, 192), the newest first; `runs` counts for each distance in the ring how many looks
    in a row equalled the one so many looks earlier; `changes` are the last differences of looks
    that follow each other, `repeated` the last count. `distance` is that of the last comparison,
    `embeds_ms` when the last of them were, the newest last, `views` how the face looked when it was
    the candidate's (vision/views.py). `strips` are the parts of a screen as they were read last.
    Arrays are replaced, never written to.
    """

    at_ms: int = 0
    small: Luma | None = None
    faces: int | None = None
    distance: float | None = None
    embeds_ms: tuple[int, ...] = ()
    views: Luma = field(default_factory=views.none)
    ring_ms: int = 0
    ring: Luma = field(default_factory=lambda: np.zeros((0, TINY[0] * TINY[1]), np.uint8))
    runs: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    changes: tuple[float, ...] = ()
    repeated: int | None = None
    strips: tuple[Strip, ...] = ()

    @property
    def embedded_ms(self) -> int:
        """When a face was last compared; 0 for never."""
        return self.embeds_ms[-1] if self.embeds_ms else 0

    def compared(self, at_ms: int, distance: float, view: Luma, *, same: bool) -> Memory:
        """Return the memory after a comparison; a view of the `same` person is kept."""
        kept = views.keep(view, self.views) if same else self.views
        embeds = (*self.embeds_ms, at_ms)[-EMBEDS:]
        return replace(self, distance=distance, embeds_ms=embeds, views=kept)

    def change(self, small: Luma) -> float | None:
        """Return how much a picture differs from the last one; None for the first."""
        return None if self.small is None else difference(small, self.small)

    def seen(self, small: Luma, at_ms: int) -> tuple[Memory, int | None]:
        """Return the memory after a picture, and how many looks in a row came again.

        The count is None while too little is known to tell; pictures of a burst are too near to be
        looks of their own, and what was counted before them holds.
        """
        now = replace(self, at_ms=at_ms, small=small)
        if at_ms - self.ring_ms < APART_MS:
            return now, self.repeated
        look = tiny(small).reshape(1, -1)
        apart = np.abs(self.ring.astype(np.int16) - look).mean(axis=1)
        changes = (*self.changes, float(apart[0]))[-USUAL:] if len(apart) else ()
        usual = float(np.median(changes)) if len(changes) == USUAL else 0.0
        alike = (apart < ALIKE * usual) & (usual >= MOVES)
        # A run at some distance goes on if the looks at that distance are alike again.
        before = np.zeros(len(apart), np.int32)
        before[: len(self.runs)] = self.runs[: len(apart)]
        runs = np.where(alike, before + 1, 0).astype(np.int32)
        runs[: SHORTEST_LOOP - 1] = 0
        ring = np.concatenate([look, self.ring])[:RING]
        repeated = int(runs.max(initial=0)) if usual >= MOVES else None
        now = replace(now, ring_ms=at_ms, ring=ring, runs=runs[:RING], changes=changes)
        return replace(now, repeated=repeated), repeated


def to_bytes(memory: Memory) -> bytes:
    """Return the memory as bytes: a JSON head and the arrays."""
    head = {
        "at_ms": memory.at_ms,
        "small": memory.small is not None,
        "faces": memory.faces,
        "distance": memory.distance,
        "embeds_ms": memory.embeds_ms,
        "views": len(memory.views),
        "ring_ms": memory.ring_ms,
        "ring": len(memory.ring),
        "runs": memory.runs.tolist(),
        "changes": memory.changes,
        "repeated": memory.repeated,
        "strips": [[*strip.coarse.shape, strip.start, *strip.lines] for strip in memory.strips],
    }
    text = json.dumps(head, separators=(",", ":")).encode()
    small = memory.small.tobytes() if memory.small is not None else b""
    strips = b"".join(strip.coarse.tobytes() for strip in memory.strips)
    return (
        _HEAD.pack(len(text))
        + text
        + small
        + strips
        + memory.views.tobytes()
        + memory.ring.tobytes()
    )


def from_bytes(data: bytes) -> Memory:
    """Return what `to_bytes` wrote."""
    (length,) = _HEAD.unpack_from(data)
    at = _HEAD.size + length
    head = json.loads(data[_HEAD.size : at])
    small = None
    if head["small"]:
        end = at + SMALL[0] * SMALL[1]
        small = np.frombuffer(data[at:end], np.uint8).reshape(SMALL[1], SMALL[0])
        at = end
    strips = []
    for high, wide, start, *lines in head["strips"]:
        coarse = np.frombuffer(data[at : at + high * wide], np.uint8).reshape(high, wide)
        strips.append(Strip(coarse, tuple(lines), start))
        at += high * wide
    count, size = head["views"], views.SIDE**2
    kept = np.frombuffer(data, np.uint8, count * size, at).reshape(count, size)
    at += count * size
    return Memory(
        at_ms=head["at_ms"],
        small=small,
        faces=head["faces"],
        distance=head["distance"],
        embeds_ms=tuple(head["embeds_ms"]),
        views=kept,
        ring_ms=head["ring_ms"],
        ring=np.frombuffer(data[at:], np.uint8).reshape(head["ring"], TINY[0] * TINY[1]),
        runs=np.array(head["runs"], np.int32),
        changes=tuple(head["changes"]),
        repeated=head["repeated"],
        strips=tuple(strips),
    )
