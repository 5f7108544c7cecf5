"""Which stretches of media time are recorded and which are missing, and why.

Seen from the frames on their way to the file, whose times come from RTP timestamps and sender
reports, and from the sequence numbers that were given up. A track that stays away while another
goes on is told of while it lasts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from proctorhub.domain.media import ClosedSegment, GapCause, NotedGap
from proctorhub.media.webm import SegmentInfo

#: A hole this long with lost packets in it is a gap the network made.
LOSS_GAP_MS = 500
#: Without losses the sender paused. A still screen sends one picture a second.
PAUSE_GAP_MS = {"video": 2500, "audio": 1000}
#: At the beginning tracks do not come at once.
FIRST_FRAME_MS = 3000
#: The clock may have been corrected by this much between a loss and its hole.
SLACK_MS = 100
#: A frame is recorded so long after it came at most; losses before that explain nothing any more.
RECORDED_WITHIN_MS = 10_000
#: A hole that lasts is told again and again after so long.
PIECE_MS = 5000


def cut_off(segment: ClosedSegment, info: SegmentInfo) -> list[NotedGap]:
    """Return the holes that a killed node could not tell of any more: tracks gone before the end.

    `segment` is the one it was writing, `info` what was found in it.
    """
    return [
        NotedGap(
            segment.session_id,
            segment.source,
            segment.chain,
            track,
            segment.origin_ms + last,
            segment.ended_at_ms,
            GapCause.CLIENT.value,
        )
        for track, last in info.last_of.items()
        if info.last_ms - last > PAUSE_GAP_MS[track]
    ]


class Coverage:
    """Watches one chain's frames. `gap(track, from_ms, to_ms, cause)` tells of each hole.

    `expected` are the tracks that have to be there all the time: they are missing before their
    first frame and after their last one too, as long as another goes on.
    All times are UTC milliseconds on the node's clock, and no frame is recorded at a time before
    one of any track that was recorded already. What is missing between two chains is for the
    control plane to see: it knows both.
    """

    def __init__(
        self, expected: Iterable[str], gap: Callable[[str, int, int, GapCause], None]
    ) -> None:
        self._expected = frozenset(expected)
        self._gap = gap
        #: Stretches with losses, of which no two touch.
        self._lost: dict[str, deque[tuple[int, int]]] = {}
        #: Up to where each track is accounted for; expected ones begin with the first frame of any.
        self._until: dict[str, int] = {}
        #: Tracks of which a part of the present hole was told already.
        self._away: set[str] = set()
        self._unseen = set(self._expected)
        self.recorded_ms: dict[str, int] = {}
        self.missing_ms: dict[tuple[str, GapCause], int] = {}

    def lost(self, track: str, before_ms: int, after_ms: int) -> None:
        """Packets were given up between the media of these two times."""
        since = self._until.get(track, before_ms - RECORDED_WITHIN_MS)
        losses = self._lost.setdefault(track, deque())
        while losses and losses[0][1] <= since:
            losses.popleft()
        start, end = before_ms - SLACK_MS, after_ms + SLACK_MS
        if losses and losses[-1][0] <= start <= losses[-1][1]:
            start, last_end = losses.pop()
            end = max(end, last_end)
        losses.append((start, end))

    def recorded(self, track: str, at_ms: int) -> None:
        """A frame of this time is being recorded."""
        until = self._until
        if track not in until:
            begun = dict.fromkeys({track, *self._expected} - until.keys(), at_ms)
            until.update(begun)
            self.recorded_ms.update(dict.fromkeys(begun, 0))
        if at_ms - until[track] <= LOSS_GAP_MS and track not in self._away:
            self.recorded_ms[track] += max(0, at_ms - until[track])
        else:
            self._reached(track, at_ms)
        self._unseen.discard(track)
        until[track] = max(at_ms, until[track])
        for other in self._expected:
            accounted = until[other]
            # longer than a pause it is a hole, however it ends
            if at_ms - accounted > (PIECE_MS if other in self._away else self._longest(other)):
                self._missing(other, accounted, at_ms)
                self._away.add(other)
                until[other] = at_ms

    def end(self) -> None:
        """The chain is over: tell of tracks that stayed away until then."""
        last = max(self._until.values(), default=0)
        for track in self._expected & self._until.keys():
            if self._until[track] < last:
                self._reached(track, last)
                self._until[track] = last

    def not_written(self, track: str, from_ms: int, to_ms: int) -> None:
        """Media of this stretch could not be written, though some of it counted as recorded."""
        until = self._until.setdefault(track, from_ms)
        taken_back = min(max(0, until - from_ms), self.recorded_ms.setdefault(track, 0))
        self.recorded_ms[track] -= taken_back
        self._until[track] = max(to_ms, until)
        self._missing(track, from_ms, to_ms, GapCause.STORAGE)

    def _reached(self, track: str, at_ms: int) -> None:
        """Account for the hole up to a time."""
        since = self._until[track]
        hole = at_ms - since
        away = track in self._away
        self._away.discard(track)
        cause = self._cause(track, since, at_ms)
        lost = cause is GapCause.NETWORK and track not in self._unseen
        long = LOSS_GAP_MS if lost else self._longest(track)
        if away or hole > long:
            self._missing(track, since, at_ms, cause)
        else:
            self.recorded_ms[track] += hole

    def _longest(self, track: str) -> int:
        return FIRST_FRAME_MS if track in self._unseen else PAUSE_GAP_MS[track]

    def _cause(self, track: str, from_ms: int, to_ms: int) -> GapCause:
        losses = self._lost.get(track, ())
        lost = any(start < to_ms and end > from_ms for start, end in losses)
        return GapCause.NETWORK if lost else GapCause.CLIENT

    def _missing(self, track: str, from_ms: int, to_ms: int, cause: GapCause | None = None) -> None:
        if to_ms <= from_ms:
            return
        cause = cause or self._cause(track, from_ms, to_ms)
        key = (track, cause)
        self.missing_ms[key] = self.missing_ms.get(key, 0) + to_ms - from_ms
        self._gap(track, from_ms, to_ms, cause)
