"""Which frames of a live source are decoded, so that about a picture a second comes out cheaply.

With temporal layers only layer 0 is decoded: no frame of it needs another (RFC 7741 section 4.2).
Without layers every frame needs the one before it, so only keyframes are decoded, and one is asked
for when none came in time. The same holds where pictures are far apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from proctorhub.media.change import Change
from proctorhub.media.frame import Frame

#: So many frames of layer 0 in a row, and the sender uses no layers.
PLAIN_RUN = 8
#: From here on a picture waits for the next keyframe of the recording.
KEYFRAMES_FROM_MS = 3000
MAX_WAITING = 48
ASK_AGAIN_MS = 1000
ASK_SOON_MS = 250
#: So much before its time a frame is nearer to it than the next of layer 0, at 15 frames a second.
EARLY_MS = 130


@dataclass(frozen=True)
class Rate:
    """How often a source is looked at; `change` makes what tells that it is due sooner."""

    every_ms: int
    change: Callable[[], Change] | None = None


@dataclass(frozen=True)
class Batch:
    """Frames to decode in this order, with their times; the last one is the picture.

    `burst` as in SampledPicture.
    """

    frames: list[tuple[int, Frame]]
    burst: bool


class Tap:
    """Feed it all video frames of one source in order; times are milliseconds of media time.

    `busy` is set while a batch is being decoded: a picture that comes due meanwhile is dropped.
    `broken` may be set by whoever decodes: what follows cannot be decoded before a keyframe.
    """

    def __init__(self, rate: Rate, ask_keyframe: Callable[[], None]) -> None:
        self.rate = rate
        self.busy = False
        self.broken = False
        self.dropped = 0
        self._ask = ask_keyframe
        self._asked_ms = -ASK_AGAIN_MS
        self._waiting: list[tuple[int, Frame]] = []
        self._whole = False
        self._plain = 0
        self._due_ms = 0
        self._taken_ms = 0
        self._change = rate.change() if rate.change is not None else None
        self._changed = False
        self._burst_left = 0
        self._burst_every_ms = 0

    def burst(self, count: int, every_ms: int) -> None:
        """Take the next `count` pictures `every_ms` apart, then go on as before."""
        self._burst_left, self._burst_every_ms = count, every_ms
        self._due_ms = self._taken_ms + every_ms

    def take(self, frame: Frame, at_ms: int, pixels: int) -> Batch | None:
        """Return what is to be decoded now that `frame` is here."""
        self._collect(frame, at_ms)
        if self._change is not None and self._change.is_due(frame, at_ms, pixels):
            self._changed = True
            self._due_ms = min(self._due_ms, at_ms)
        if at_ms < self._due_ms - (0 if self._burst_left else EARLY_MS):
            return None
        if not self._whole:
            self._wish(at_ms)
            return None
        if not self._waiting or self._waiting[-1][1] is not frame:
            return None  # of a higher layer
        if self.busy:
            self.dropped += 1
            self._schedule(at_ms)
            return None
        burst = self._burst_left > 0
        batch, self._waiting = Batch(self._waiting, burst), []
        if burst:
            self._burst_left -= 1
        self._schedule(at_ms)
        return batch

    def _collect(self, frame: Frame, at_ms: int) -> None:
        if self.broken:
            self.broken = self._whole = False
            self._waiting = []
        if frame.key:
            self._waiting = [(at_ms, frame)]
            self._whole = True
            self._plain = 0
        elif frame.layer:
            self._plain = 0
        elif self._whole:
            self._plain += 1
            few = self._plain <= PLAIN_RUN and len(self._waiting) < MAX_WAITING
            if few and (self._burst_left or self.rate.every_ms < KEYFRAMES_FROM_MS):
                self._waiting.append((at_ms, frame))
            else:
                self._whole = False
                self._waiting = []

    def _schedule(self, at_ms: int) -> None:
        every = self._burst_every_ms if self._burst_left else self.rate.every_ms
        # From due to due, so that frames that come a little late do not make pictures rarer.
        late = at_ms - self._due_ms > every // 2
        self._due_ms = (at_ms if late else self._due_ms) + every
        self._taken_ms = at_ms
        self._changed = False
        if self._change is not None:
            self._change.taken(at_ms)

    def _wish(self, at_ms: int) -> None:
        soon = self._changed or self._burst_left or self.rate.every_ms < KEYFRAMES_FROM_MS
        patience = 0 if soon else self.rate.every_ms // 2
        again = ASK_SOON_MS if self._burst_left or self._changed else ASK_AGAIN_MS
        if at_ms - self._due_ms >= patience and at_ms - self._asked_ms >= again:
            self._asked_ms = at_ms
            self._ask()
