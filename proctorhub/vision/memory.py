"""What looking at a source has to remember from one picture to the next."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field, replace

import numpy as np

from proctorhub.vision import repeats, views
from proctorhub.vision.pictures import SMALL, Luma, difference, luma, tiny
from proctorhub.vision.repeats import Past
from proctorhub.vision.stillness import Stillness

#: Of what `to_bytes` writes: another number with whatever makes that different.
FORMAT = 2
#: So many times of comparisons are remembered.
EMBEDS = 8

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
    """Of one source: the last picture small, what was before, and what came of comparing faces.

    `still` tells for how long nothing has moved, `past` is for loops (vision/repeats.py).
    `distance` is that of the last comparison, `embeds_ms` when the last of them were, the newest
    last, `views` how the face looked when it was the candidate's (vision/views.py). `strips` are
    the parts of a screen as they were read last. Arrays are replaced, never written to.
    """

    at_ms: int = 0
    small: Luma | None = None
    faces: int | None = None
    distance: float | None = None
    embeds_ms: tuple[int, ...] = ()
    views: Luma = field(default_factory=views.none)
    still: Stillness = field(default_factory=Stillness)
    past: Past = field(default_factory=Past)
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

    def seen(self, small: Luma, at_ms: int, between: Sequence[tuple[int, Luma]]) -> Memory:
        """Return the memory after a look, and the pictures `between` this one and the last."""
        past = self.past
        for time, picture in (*between, (at_ms, small)):
            past = past.after(time, tiny(picture))
        still = self.still.seen(small, at_ms, between, self.small)
        return replace(self, at_ms=at_ms, small=small, still=still, past=past)


def to_bytes(memory: Memory) -> bytes:
    """Return the memory as bytes: a JSON head and the arrays."""
    head = {
        "at_ms": memory.at_ms,
        "small": memory.small is not None,
        "faces": memory.faces,
        "distance": memory.distance,
        "embeds_ms": memory.embeds_ms,
        "views": len(memory.views),
        "still": astuple(memory.still),
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
        + repeats.to_bytes(memory.past)
    )


def from_bytes(data: bytes) -> Memory:
    """Return what `to_bytes` wrote."""
    (length,) = _HEAD.unpack_from(data)
    at = _HEAD.size + length
    head = json.loads(data[_HEAD.size : at])
    small = None
    if head["small"]:
        end = at + SMALL[0] * SMALL[1]
        small = luma(data[at:end])
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
        still=Stillness(*head["still"]),
        past=repeats.from_bytes(data[at:]),
        strips=tuple(strips),
    )
