"""Which stretches of media time are recorded and which are missing, and why.

Seen from the frames on their way to the file, whose times come from RTP timestamps and sender
reports, and from the sequence numbers that were given up.
"""

from __future__ import annotations

from collections.abc import Callable

from proctorhub.domain.media import GapCause

#: A hole this long with lost packets in it is a gap the network made.
LOSS_GAP_MS = 500
#: Without losses the sender paused. A still screen sends one picture a second.
PAUSE_GAP_MS = {"video": 2500, "audio": 1000}
#: The clock may have been corrected by this much between a loss and its hole.
SLACK_MS = 100
#: A frame is recorded so long after it came at most; losses before that explain nothing any more.
RECORDED_WITHIN_MS = 10_000


class Coverage:
    """Watches one chain's frames. `gap(track, from_ms, to_ms, cause)` tells of each hole.

    All times are UTC milliseconds on the node's clock. What is missing between two chains is for
    the control plane to see: it knows both.
    """

    def __init__(self, gap: Callable[[str, int, int, GapCause], None]) -> None:
        self._gap = gap
        self._lost: dict[str, list[tuple[int, int]]] = {}
        self._last_ms: dict[str, int] = {}
        self.recorded_ms: dict[str, int] = {}
        self.missing_ms: dict[tuple[str, GapCause], int] = {}

    def lost(self, track: str, before_ms: int, after_ms: int) -> None:
        """Packets were given up between the media of these two times."""
        since = self._last_ms.get(track, before_ms - RECORDED_WITHIN_MS)
        losses = [(start, end) for start, end in self._lost.get(track, []) if end > since]
        self._lost[track] = [*losses, (before_ms - SLACK_MS, after_ms + SLACK_MS)]

    def recorded(self, track: str, at_ms: int) -> None:
        """A frame of this time is being recorded."""
        last = self._last_ms.get(track)
        self._last_ms[track] = at_ms
        if last is None:
            self.recorded_ms[track] = 0
            return
        hole = at_ms - last
        if hole <= LOSS_GAP_MS:
            self.recorded_ms[track] += hole
            return
        if any(start < at_ms and end > last for start, end in self._lost.get(track, [])):
            self._missing(track, last, at_ms, GapCause.NETWORK)
        elif hole > PAUSE_GAP_MS[track]:
            self._missing(track, last, at_ms, GapCause.CLIENT)
        else:
            self.recorded_ms[track] += hole

    def not_written(self, track: str, from_ms: int, to_ms: int) -> None:
        """Media of this stretch came and could not be written."""
        self._last_ms[track] = max(to_ms, self._last_ms.get(track, 0))
        self._missing(track, from_ms, to_ms, GapCause.STORAGE)

    def _missing(self, track: str, from_ms: int, to_ms: int, cause: GapCause) -> None:
        key = (track, cause)
        self.missing_ms[key] = self.missing_ms.get(key, 0) + to_ms - from_ms
        self._gap(track, from_ms, to_ms, cause)
