"""The frames of a source's tracks in one order: that of their media times.

Times are milliseconds since the session's origin. Until the first sender reports came, frames
wait, so that camera and microphone are on one clock from the first one on.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping

from proctorhub.media.clock import TrackClock
from proctorhub.media.frame import Frame

SYNC_WAIT_S = 2.5
#: So long a frame waits for earlier ones of the other track.
HOLD_MS = 1500


class Interleaver:
    """`pictures` and `sounds` are what waits, as (time, frame); a track's times never step back."""

    def __init__(self, clocks: Mapping[str, TrackClock], origin_ms: int) -> None:
        self._clocks = clocks
        self._origin_ms = origin_ms
        self.pictures: deque[tuple[int, Frame]] = deque()
        self.sounds: deque[tuple[int, Frame]] = deque()
        self.newest: dict[str, int] = dict.fromkeys(clocks, -1)
        self.ready = False
        self._unsynced: list[Frame] = []
        self._first_fed_s: float | None = None

    def feed(self, frame: Frame, now: float) -> None:
        """Take one frame; `now` is UTC seconds."""
        if self.ready:
            self._enqueue(frame)
        else:
            self._unsynced.append(frame)
            self.start_when_synced(now)

    def start_when_synced(self, now: float) -> None:
        """Put the frames in order if every clock is known by now, or was waited for long enough."""
        if self._first_fed_s is None:
            if not self._unsynced:
                return
            self._first_fed_s = now
        waited = now - self._first_fed_s
        if waited >= SYNC_WAIT_S or all(clock.synced for clock in self._clocks.values()):
            self.start()

    def start(self) -> None:
        """Wait for the clocks no longer.

        Nothing of a session is older than its origin: clocks that say so are late by that much.
        """
        self.ready = True
        times = [self._clocks[frame.kind].seconds(frame.rtp) for frame in self._unsynced]
        early_s = self._origin_ms / 1000 - min(times, default=math.inf)
        for clock in self._clocks.values():
            clock.use(later_s=max(0.0, early_s))
        for frame in self._unsynced:
            self._enqueue(frame)
        self._unsynced.clear()

    def _enqueue(self, frame: Frame) -> None:
        utc_ms = round(self._clocks[frame.kind].seconds(frame.rtp) * 1000)
        at = max(utc_ms - self._origin_ms, self.newest[frame.kind], 0)
        self.newest[frame.kind] = at
        queue = self.pictures if frame.kind == "video" else self.sounds
        queue.append((at, frame))

    def limit(self, everything: bool) -> int:
        """Return up to which time nothing earlier can come, or is waited for any longer."""
        newest = self.newest.values()
        return max(newest) if everything else max(min(newest), max(newest) - HOLD_MS)

    def first(self) -> deque[tuple[int, Frame]]:
        """Return the queue whose head is next; of the same instant the picture comes first."""
        pictures, sounds = self.pictures, self.sounds
        return pictures if pictures and (not sounds or pictures[0][0] <= sounds[0][0]) else sounds
