"""What there is of each track of a source, and why the rest is missing. Times are UTC ms.

Every expected millisecond of a track is recorded by the media node, filled in from the candidate's
computer, or in a gap that has a cause; the three add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from proctorhub.domain.completeness import TOLERANCE_MS, Span, coverage, merge, subtract
from proctorhub.domain.media import GapCause

ALL = "all"
#: What the node saw missing inside its own segments. Other gaps are guesses about what was not
#: stored, and give way to a segment that turns up after all.
_SEEN = frozenset({GapCause.CLIENT, GapCause.NETWORK})


@dataclass(frozen=True)
class Piece:
    """One stored segment and the tracks it has frames of."""

    chain: str
    started_at_ms: int
    ended_at_ms: int
    tracks: frozenset[str]
    by_client: bool = False

    @property
    def span(self) -> Span:
        """Return from when to when."""
        return self.started_at_ms, self.ended_at_ms


@dataclass(frozen=True)
class Gap:
    """A stretch of missing media: of one track, or of `all` of the source."""

    track: str
    started_at_ms: int
    ended_at_ms: int
    cause: GapCause
    chain: str = ""

    @property
    def span(self) -> Span:
        """Return from when to when."""
        return self.started_at_ms, self.ended_at_ms

    def concerns(self, track: str) -> bool:
        """Tell whether a track is missing here."""
        return self.track in (track, ALL)


@dataclass(frozen=True)
class Account:
    """How an expected stretch of media is made up; `gaps` are open, `healed` ones were filled."""

    expected_ms: int
    recorded_ms: int
    backfilled_ms: int
    gaps: tuple[Gap, ...]
    healed: tuple[Gap, ...]

    @property
    def completeness(self) -> float:
        """Return which share is there, from either side; 1.0 when nothing was expected."""
        there = self.recorded_ms + self.backfilled_ms
        return there / self.expected_ms if self.expected_ms else 1.0


@dataclass(frozen=True)
class Source:
    """What is known of one source: its segments, what was noted as missing, and how chains ended.

    `endings` are when each chain's last segment ended and what was the cause of that, in order.
    """

    tracks: tuple[str, ...]
    expected: Span
    pieces: Sequence[Piece]
    noted: Sequence[Gap]
    endings: Sequence[tuple[int, GapCause]] = ()

    def recorded(self, track: str) -> list[Span]:
        """Return what the media node has of a track, without what it saw missing in between."""
        spans: list[Span] = []
        own = [piece for piece in self.pieces if not piece.by_client]
        for chain in {piece.chain for piece in own}:
            there = [p.span for p in own if p.chain == chain and track in p.tracks]
            missing = [
                gap.span
                for gap in self.noted
                if gap.chain == chain and gap.track == track and gap.cause in _SEEN
            ]
            spans += subtract(there, missing)
        return merge(spans)

    def account(self, track: str) -> Account:
        """Return the account of one track."""
        own = self.recorded(track)
        client = [p.span for p in self.pieces if p.by_client and track in p.tracks]
        by_node = coverage(own, self.expected)
        filled = coverage([*own, *client], self.expected)
        healed = subtract(by_node.holes, filled.holes)
        return Account(
            by_node.expected_ms,
            by_node.recorded_ms,
            filled.recorded_ms - by_node.recorded_ms,
            tuple(gap for hole in filled.holes for gap in self._explained(track, hole)),
            tuple(gap for hole in healed for gap in self._explained(track, hole)),
        )

    @cached_property
    def accounts(self) -> dict[str, Account]:
        """Return the accounts of all tracks."""
        return {track: self.account(track) for track in self.tracks}

    def whole(self) -> Account:
        """Return the account of the source, in which a moment counts when every track has it."""
        expected = max(0, self.expected[1] - self.expected[0])
        gaps = self._together([gap for a in self.accounts.values() for gap in a.gaps])
        ever = [gap for a in self.accounts.values() for gap in (*a.gaps, *a.healed)]
        missed = merge(gap.span for gap in ever)
        still = merge(gap.span for gap in gaps)
        healed = subtract(missed, still)
        return Account(
            expected,
            expected - _length(missed),
            _length(healed),
            tuple(gaps),
            tuple(self._together(_clipped(ever, healed))),
        )

    def _explained(self, track: str, hole: Span) -> list[Gap]:
        """Cut a hole where its cause changes."""
        found: list[Gap] = []
        known = sorted((g for g in self.noted if g.concerns(track)), key=lambda g: g.span)
        at = hole[0]
        for gap in known:
            start, end = max(at, gap.started_at_ms), min(hole[1], gap.ended_at_ms)
            if end <= start:
                continue
            if start > at:
                found.append(Gap(track, at, start, self._cause_at(at)))
            found.append(Gap(track, start, end, gap.cause))
            at = end
        if at < hole[1]:
            found.append(Gap(track, at, hole[1], self._cause_at(at)))
        return _smooth(found)

    def _cause_at(self, at: int) -> GapCause:
        """Return the cause of what nobody noted: how the chain before ended, if one did."""
        if any(p.started_at_ms <= at < p.ended_at_ms and not p.by_client for p in self.pieces):
            return GapCause.CLIENT  # the node was there, and so were other tracks
        before = [cause for ended, cause in self.endings if ended <= at + 1]
        return before[-1] if before else GapCause.CLIENT

    def _together(self, gaps: Iterable[Gap]) -> list[Gap]:
        """Put the gaps of several tracks side by side: who misses what, from when to when."""
        known = list(gaps)
        edges = sorted({edge for gap in known for edge in gap.span})
        found: list[Gap] = []
        for start, end in pairwise(edges):
            here = [g for g in known if g.started_at_ms <= start and g.ended_at_ms >= end]
            if here:
                missing = {gap.track for gap in here}
                name = here[0].track if len(missing) == 1 < len(self.tracks) else ALL
                found.append(Gap(name, start, end, here[0].cause))
        return _smooth(found)


def _smooth(gaps: Iterable[Gap]) -> list[Gap]:
    """Join neighbours that say the same; one too short to matter says what its neighbour says."""
    runs: list[list[Gap]] = []
    for gap in gaps:
        if runs and runs[-1][-1].ended_at_ms == gap.started_at_ms:
            runs[-1].append(gap)
        else:
            runs.append([gap])
    return [gap for run in runs for gap in _joined(run)]


def _joined(run: list[Gap]) -> list[Gap]:
    longest = max(run, key=lambda gap: gap.ended_at_ms - gap.started_at_ms)
    lasting = [g for g in run if g.ended_at_ms - g.started_at_ms > TOLERANCE_MS] or [longest]
    found: list[Gap] = []
    for number, gap in enumerate(lasting):
        start = run[0].started_at_ms if not number else lasting[number - 1].ended_at_ms
        end = run[-1].ended_at_ms if gap is lasting[-1] else gap.ended_at_ms
        if found and (found[-1].track, found[-1].cause) == (gap.track, gap.cause):
            start = found.pop().started_at_ms
        found.append(Gap(gap.track, start, end, gap.cause))
    return found


def _clipped(gaps: Iterable[Gap], spans: Sequence[Span]) -> list[Gap]:
    return [
        Gap(gap.track, max(start, gap.started_at_ms), min(end, gap.ended_at_ms), gap.cause)
        for gap in gaps
        for start, end in spans
        if start < gap.ended_at_ms and end > gap.started_at_ms
    ]


def _length(spans: Iterable[Span]) -> int:
    return sum(end - start for start, end in spans)
