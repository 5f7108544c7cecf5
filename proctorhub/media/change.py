"""That something changed in a picture, told from the size of its frames, before any is decoded.

What an encoder has to send is what has changed, so the bytes of frames are a first look for
nothing. Keyframes are left out: they are large whenever somebody asks for one.
"""

from __future__ import annotations

from typing import Protocol

from proctorhub.media.frame import Frame


class Change(Protocol):
    """Decides when a picture is worth more than its turn. Times are ms of media time."""

    def is_due(self, frame: Frame, at_ms: int, pixels: int) -> bool:
        """Take in each frame; tell whether a picture is wanted now."""

    def taken(self, at_ms: int) -> None:
        """A picture is taken now."""


class NewContent:
    """Of a screen, which sends next to nothing while it rests.

    One that sent so many bytes per pixel within about a second has changed, and is looked at at
    once, but some time after the last picture at least.
    """

    BYTES_PER_PIXEL = 0.02
    WITHIN_MS = 1000
    NOT_BEFORE_MS = 2000

    def __init__(self) -> None:
        self._bytes = 0.0
        self._seen_ms = 0
        self._taken_ms = 0

    def is_due(self, frame: Frame, at_ms: int, pixels: int) -> bool:
        """See Change."""
        self._bytes *= 0.5 ** ((at_ms - self._seen_ms) / self.WITHIN_MS)
        self._seen_ms = at_ms
        if not frame.key:
            self._bytes += len(frame.data)
        changed = self._bytes > self.BYTES_PER_PIXEL * pixels
        return changed and at_ms - self._taken_ms >= self.NOT_BEFORE_MS

    def taken(self, at_ms: int) -> None:
        """See Change."""
        self._bytes, self._taken_ms = 0.0, at_ms


class Stir:
    """Of a camera, which always sends something: a frame is large compared with those before it.

    Frames are compared within their temporal layer, with a mean and a mean deviation over the last
    SPAN of them. A camera that stirs again and again is looked at sooner every REST_MS only.
    """

    SPAN = 24
    FEWEST = 8
    SHARE, DEVIATIONS = 1.5, 4.0
    REST_MS = 2000

    def __init__(self) -> None:
        self._usual: dict[int, tuple[int, float, float]] = {}
        self._told_ms: int | None = None

    def is_due(self, frame: Frame, at_ms: int, pixels: int) -> bool:
        """See Change."""
        if frame.key:
            return False
        size = len(frame.data)
        count, mean, deviation = self._usual.get(frame.layer, (0, float(size), 0.0))
        limit = max(self.SHARE * mean, mean + self.DEVIATIONS * deviation)
        stirs = count >= self.FEWEST and size > limit
        # One large frame must not hide the next: it counts as no more than the limit.
        held = min(size, limit) if count >= self.FEWEST else size
        weight = max(1 / self.SPAN, 1 / (count + 1))
        mean += weight * (held - mean)
        deviation += weight * (abs(held - mean) - deviation)
        self._usual[frame.layer] = (count + 1, mean, deviation)
        if not stirs or (self._told_ms is not None and at_ms - self._told_ms < self.REST_MS):
            return False
        self._told_ms = at_ms
        return True

    def taken(self, at_ms: int) -> None:
        """See Change: a picture in its turn leaves the rest as it is."""
