"""Which stretches of media time are missing, seen from the frames that are being recorded."""

from __future__ import annotations

from collections.abc import Callable

from proctorhub.domain.media import GapCause

#: A hole this long with lost packets in it is a gap the network made.
LOSS_GAP_MS = 500
#: Without losses the sender paused. A still screen sends one picture a second.
PAUSE_GAP_MS = {"video": 2500, "audio": 1000}


class Coverage:
    """Watches one chain's frames. `gap(track, from_ms, to_ms, cause)` tells of each hole.

    What is missing between two chains is for the control plane to see: it knows both.
    """

    def __init__(self, gap: Callable[[str, int, int, GapCause], None]) -> None:
        self._gap = gap
        self._lost: dict[str, int] = {}
        self.last_ms: dict[str, int] = {}

    def lost(self, track: str, packets: int) -> None:
        """Packets of `track` were given up."""
        self._lost[track] = self._lost.get(track, 0) + packets

    def recorded(self, track: str, at_ms: int) -> None:
        """A frame of `track` with this media time (UTC ms) is being recorded."""
        last = self.last_ms.get(track)
        self.last_ms[track] = at_ms
        lost = self._lost.pop(track, 0)
        if last is None:
            return
        if lost and at_ms - last > LOSS_GAP_MS:
            self._gap(track, last, at_ms, GapCause.NETWORK)
        elif at_ms - last > PAUSE_GAP_MS[track]:
            self._gap(track, last, at_ms, GapCause.CLIENT)
