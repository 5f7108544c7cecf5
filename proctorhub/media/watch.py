"""Does the media of a track arrive, and does what arrives go into a file?"""

from __future__ import annotations

#: aiortc has no `disconnected`: a track without media is how a lost connection shows.
SILENT_AFTER_S = 2.0
#: Frames wait at most this long for another track and for the file's next flush.
UNWRITTEN_AFTER_S = 3.5
#: At the beginning clocks and the first keyframe are waited for as well.
FIRST_UNWRITTEN_AFTER_S = 5.0


class TrackWatch:
    """Look a few times a second; times are monotonic seconds, counts only ever grow."""

    def __init__(self) -> None:
        self._octets = -1
        self._written = 0
        self._came_s = 0.0
        self._waits_since: float | None = None
        self.silent = False
        #: Since when media comes and none of it is written; None while all is well.
        self.unwritten_since: float | None = None

    def look(self, now: float, octets: int, written: int) -> None:
        """Compare with the last time. `octets` count media alone, `written` whole frames in files.

        Packets of padding are silence; a sender that fell silent is no matter of writing.
        """
        came = octets != self._octets
        if came:
            self._octets, self._came_s = octets, now
        self.silent = now - self._came_s > SILENT_AFTER_S
        if written != self._written or self.silent:
            self._written, self._waits_since = written, None
        elif came and self._waits_since is None and octets:
            self._waits_since = now
        limit = UNWRITTEN_AFTER_S if written else FIRST_UNWRITTEN_AFTER_S
        since = self._waits_since
        self.unwritten_since = since if since is not None and now - since > limit else None
