"""Whether a camera shows again what it has shown before: a recording played in a loop.

Every small picture is compared with all of the last minute and a half. In a loop there is a lag at
which one after the other is alike, while those shortly before and after are not. Only movement says
something: whoever sits still looks alike at every lag.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from proctorhub.vision.pictures import TINY, Luma

#: So many pictures are remembered: a minute and a half of layer 0, or of looks alone longer.
KEPT = 340
#: The lags that are told apart, ms: what comes again sooner is a pause in the movement.
LAGS = np.arange(2_900, 90_000, 133)
#: A picture speaks for lags this near, ms: half of the time between two of layer 0, and jitter.
NEAR_MS = 160
#: Pictures at least so long before and after one show how much moves there, ms.
ASIDE_MS = 800
#: Of what they show, one side counts at most so many times what the other does: before somebody
#: goes and after somebody is back there is a change on one side that tells nothing.
LOPSIDED = 2
#: Two pictures further apart have none between them, ms.
NEXT_MS = 400
#: What is known of a lag is of about the last six pictures, 1.6 s of layer 0, and says something
#: from so many on that saw this much move (mean of luma).
FADING = float(np.exp(-1 / 6))
ENOUGH = 4.0
MOVES = 1.0
#: A pause of the source this long ends everything, ms.
PAUSE_MS = 3_000

_PIXELS = TINY[0] * TINY[1]
_COUNT = struct.Struct(">H")
Sums = NDArray[np.float64]


def _nothing() -> Sums:
    return np.zeros((3, len(LAGS)))


@dataclass(frozen=True)
class Past:
    """Pictures, the newest first: `times` (n,) in ms, `pictures` (n, 192).

    `sums` (3, lags) are for each lag how much pictures differed from the nearest ones so long
    before, how much those around these differed, and how many there were, the old ones fading.
    Arrays are replaced, never written to.
    """

    times: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    pictures: Luma = field(default_factory=lambda: np.zeros((0, _PIXELS), np.uint8))
    sums: Sums = field(default_factory=_nothing)

    @property
    def replayed(self) -> float:
        """How much of the movement comes again, at the lag where most does, 0 to 1."""
        nearest, around, count = self.sums
        telling = (count >= ENOUGH) & (around >= MOVES * count)
        if not telling.any():
            return 0.0
        return max(0.0, 1 - float((nearest[telling] / around[telling]).min()))

    def after(self, at_ms: int, picture: Luma) -> Past:
        """Return the past with one more picture, (12, 16), later than all others."""
        new = picture.reshape(1, -1)
        if not len(self.times) or at_ms - int(self.times[0]) > PAUSE_MS:
            return Past(np.array([at_ms]), new)
        return Past(
            np.concatenate([[at_ms], self.times])[:KEPT],
            np.concatenate([new, self.pictures])[:KEPT],
            self._sums(at_ms, new),
        )

    def _sums(self, at_ms: int, new: Luma) -> Sums:
        lags = at_ms - self.times
        nearest, around = self._differences(new)
        # Of the two pictures whose lags enclose one, the nearer in looks speaks for it.
        after = np.searchsorted(lags, LAGS)
        ends = np.clip(np.stack([after - 1, after]), 0, len(lags) - 1)
        likeness = np.where(np.abs(lags[ends] - LAGS) <= NEAR_MS, nearest[ends], np.inf)
        best = likeness.argmin(axis=0)
        chosen = np.take_along_axis(ends, best[None], axis=0)[0]
        found = np.take_along_axis(likeness, best[None], axis=0)[0]
        heard = np.isfinite(found)
        added = np.stack([np.where(heard, found, 0), around[chosen], np.ones(len(LAGS))])
        sums = np.where(heard, self.sums * FADING + added, self.sums)
        sums[:, lags[-1] < LAGS] = 0
        return sums

    def _differences(self, new: Luma) -> tuple[Sums, Sums]:
        """Return how much `new` differs from each picture, and from those around it."""
        old = self.pictures.astype(np.int16)
        apart = np.abs(old - new).mean(axis=1)
        # The same moment may lie between two pictures.
        between = np.abs((old[:-1] + old[1:]) // 2 - new).mean(axis=1)
        between[self.times[:-1] - self.times[1:] > NEXT_MS] = np.inf
        nearest = apart.copy()
        nearest[:-1] = np.minimum(nearest[:-1], between)
        nearest[1:] = np.minimum(nearest[1:], between)
        rising, last = self.times[::-1], len(self.times) - 1
        earlier = np.searchsorted(rising, self.times - ASIDE_MS, "right") - 1
        later = np.searchsorted(rising, self.times + ASIDE_MS)
        before, after = (apart[last - np.clip(at, 0, last)] for at in (earlier, later))
        less = np.minimum(before, after)
        return nearest, np.minimum((before + after) / 2, LOPSIDED * less)


def to_bytes(past: Past) -> bytes:
    """Return it as bytes."""
    head = _COUNT.pack(len(past.times))
    return head + past.times.tobytes() + past.sums.tobytes() + past.pictures.tobytes()


def from_bytes(data: bytes) -> Past:
    """Return what `to_bytes` wrote."""
    (count,) = _COUNT.unpack_from(data)
    at = _COUNT.size
    times = np.frombuffer(data, np.int64, count, at)
    at += times.nbytes
    sums = np.frombuffer(data, np.float64, 3 * len(LAGS), at).reshape(3, -1)
    at += sums.nbytes
    return Past(times, np.frombuffer(data, np.uint8, -1, at).reshape(count, _PIXELS), sums)
