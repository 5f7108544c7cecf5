"""Every expected second of a track is recorded, filled in, or in a gap with a cause."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proctorhub.domain.completeness import TOLERANCE_MS, merge, subtract
from proctorhub.domain.media import GapCause
from proctorhub.domain.reckoning import Gap, Piece, Source
from proctorhub.media.coverage import FIRST_FRAME_MS, PAUSE_GAP_MS, Coverage

BOTH = frozenset({"video", "audio"})
CLIENT, NETWORK, NODE, STORAGE = GapCause


def piece(
    start: int, end: int, chain: str = "a", tracks: str = "va", client: bool = False
) -> Piece:
    names = {"v": "video", "a": "audio"}
    return Piece(chain, start, end, frozenset(names[t] for t in tracks), client)


def source(
    *pieces: Piece, noted: list[Gap] | None = None, until: int = 20_000, endings=()
) -> Source:
    return Source(("video", "audio"), (0, until), pieces, noted or [], endings)


def told(gaps) -> list[tuple[str, int, int, str]]:
    return [(g.track, g.started_at_ms, g.ended_at_ms, g.cause.value) for g in gaps]


def test_a_hole_of_one_track_inside_a_segment() -> None:
    found = source(
        piece(0, 10_000), piece(10_000, 20_000), noted=[Gap("video", 4000, 8000, NETWORK, "a")]
    )
    assert told(found.account("video").gaps) == [("video", 4000, 8000, "network")]
    assert found.account("audio").gaps == ()
    whole = found.whole()
    assert told(whole.gaps) == [("video", 4000, 8000, "network")]
    assert (whole.expected_ms, whole.recorded_ms, whole.completeness) == (20_000, 16_000, 0.8)


def test_a_hole_that_was_told_in_part_and_as_a_whole_is_one() -> None:
    part = Gap("video", 4000, 6600, NETWORK, "a")
    found = source(piece(0, 20_000), noted=[Gap("video", 4000, 9000, CLIENT, "a"), part])
    video = found.account("video")
    assert video.recorded_ms == 15_000
    # what was said while it lasted is known better
    assert told(video.gaps) == [("video", 4000, 6600, "network"), ("video", 6600, 9000, "client")]
    assert told(found.whole().gaps) == told(video.gaps)


def test_a_filled_hole_of_one_track() -> None:
    found = source(
        piece(0, 20_000),
        piece(4000, 7000, "backfill-0", "v", client=True),
        noted=[Gap("video", 4000, 8000, NETWORK, "a")],
    )
    video = found.account("video")
    assert (video.recorded_ms, video.backfilled_ms) == (16_000, 3000)
    assert told(video.gaps) == [("video", 7000, 8000, "network")]
    assert told(video.healed) == [("video", 4000, 7000, "network")]
    assert told(found.whole().healed) == [("video", 4000, 7000, "network")]


def test_a_hole_between_chains_that_is_longer_for_one_track_is_one_gap() -> None:
    found = source(
        piece(0, 8000), piece(12_000, 20_000, "b"),
        noted=[Gap("all", 8000, 12_000, NETWORK, "b"), Gap("video", 12_000, 12_400, NETWORK, "b")],
    )  # fmt: skip
    assert told(found.whole().gaps) == [("all", 8000, 12_400, "network")]


def test_nothing_after_the_last_segment() -> None:
    found = source(piece(0, 8000), endings=[(8000, NETWORK)])
    assert told(found.whole().gaps) == [("all", 8000, 20_000, "network")]
    assert found.whole().completeness == 0.4


def test_a_hole_has_several_causes() -> None:
    found = source(
        piece(0, 5000), piece(15_000, 20_000, "b"),
        noted=[Gap("all", 7000, 10_000, STORAGE, "a")], endings=[(5000, NODE)],
    )  # fmt: skip
    assert told(found.whole().gaps) == [
        ("all", 5000, 7000, "node"),
        ("all", 7000, 10_000, "storage"),
        ("all", 10_000, 15_000, "node"),
    ]


def test_a_segment_that_turns_up_after_all_counts() -> None:
    late = piece(8000, 11_000)
    for noted in (Gap("all", 8000, 12_000, NODE, "b"), Gap("video", 8000, 12_000, STORAGE, "a")):
        found = source(piece(0, 8000), late, piece(12_000, 20_000, "b"), noted=[noted])
        assert told(found.account("video").gaps) == [("video", 11_000, 12_000, noted.cause.value)]


def test_what_another_sender_has_is_not_missing() -> None:
    found = source(
        piece(0, 10_000), piece(4000, 20_000, "b"), noted=[Gap("video", 4000, 9500, NETWORK, "a")]
    )
    assert found.account("video").gaps == ()


# A history: what happens to a source, second by second, told to the parts that do the accounting.


@dataclass
class History:
    """Plays what happens; keeps what really arrived beside what was told."""

    now: int = 0
    chain: int = 0
    begun: int = 0
    pieces: list[Piece] = field(default_factory=list)
    noted: list[Gap] = field(default_factory=list)
    endings: list[tuple[int, GapCause]] = field(default_factory=list)
    arrived: dict[str, set[int]] = field(default_factory=lambda: {"video": set(), "audio": set()})
    counts: dict[str, int] = field(default_factory=dict)
    coverage: Coverage | None = None

    @property
    def name(self) -> str:
        return f"chain-{self.chain}"

    def connect(self) -> None:
        if self.coverage is None:
            self.chain += 1
            self.coverage = Coverage(["video", "audio"], self.note)
            self.begin()

    def begin(self) -> None:
        self.begun, self.counts = self.now, {"video": 0, "audio": 0}

    def note(self, track: str, start: int, end: int, cause: GapCause) -> None:
        self.noted.append(Gap(track, start, end, cause, self.name))

    def send(self, seconds: int, tracks: frozenset[str], lost: bool) -> None:
        """Some tracks arrive for some seconds; the others are lost, or are not sent."""
        self.connect()
        assert self.coverage is not None
        for track in BOTH - tracks if lost else ():
            self.coverage.lost(track, self.now, self.now + seconds * 1000)
        until = self.now + seconds * 1000
        for at in range(self.now, until, 100):
            self.now = at
            if at - self.begun >= 6000 or (not tracks and at - self.begun >= 1000):
                self.close()
            for track in ("video", "audio"):
                if track in tracks:
                    if not any(self.counts.values()):
                        self.begun = at
                    self.coverage.recorded(track, at)
                    self.counts[track] += 1
                    self.arrived[track].add(at)
        self.now = until

    def close(self, stored: bool = True) -> None:
        """A segment ends; a storage that refuses it for good makes a gap of it."""
        tracks = frozenset(track for track, count in self.counts.items() if count)
        ended = max((at for t in tracks for at in self.arrived[t]), default=self.begun) + 100
        if tracks and stored:
            self.pieces.append(Piece(self.name, self.begun, ended, tracks))
        elif tracks:
            for track in tracks:
                self.note(track, self.begun, ended, STORAGE)
                self.arrived[track] -= set(range(self.begun, ended))
        self.begin()

    def end(self, cause: GapCause, lost_ms: int = 0) -> None:
        """The sender is gone, or its node was killed with the last moments in memory."""
        if self.coverage is None:
            return
        tracks = [t for t, count in self.counts.items() if count]
        ended = max((at for t in tracks for at in self.arrived[t]), default=self.begun) + 100
        kept = max(self.begun, ended - lost_ms)
        for track in tracks:
            self.arrived[track] -= set(range(kept, ended))
        there = frozenset(
            t for t in tracks if any(self.begun <= at < kept for at in self.arrived[t])
        )
        if there:
            self.pieces.append(Piece(self.name, self.begun, kept, there))
        for track in there if lost_ms else ():  # what is found when the node comes back
            last = max(at for at in self.arrived[track] if at < kept)
            if kept - 100 - last > PAUSE_GAP_MS[track]:
                self.note(track, last, kept, CLIENT)
        if not lost_ms:  # a killed node tells nothing
            self.coverage.end()
        last = max((p.ended_at_ms for p in self.pieces if p.chain == self.name), default=None)
        if last is not None:
            self.endings.append((last, cause))
        self.coverage = None

    def source(self) -> Source:
        return Source(
            ("video", "audio"), (0, self.now), self.pieces, self.noted, sorted(self.endings)
        )


STEPS = st.one_of(
    st.tuples(
        st.just("send"),
        st.integers(1, 25),
        st.sampled_from([BOTH, BOTH, frozenset({"video"}), frozenset({"audio"}), frozenset()]),
        st.booleans(),
    ),
    st.tuples(st.just("away"), st.integers(1, 40), st.sampled_from([CLIENT, NETWORK])),
    st.tuples(st.just("killed"), st.integers(1, 20)),
    st.tuples(st.just("refused")),
)


def play(steps) -> History:
    history = History()
    for what, *how in steps:
        if what == "send":
            history.send(*how)
        elif what == "away":
            history.end(how[1])
            history.now += how[0] * 1000
        elif what == "killed":
            history.end(NODE, lost_ms=1000)
            history.now += how[0] * 1000
        elif history.coverage is not None:
            history.close(stored=False)
    history.end(CLIENT)
    return history


@settings(max_examples=300)
@given(st.lists(STEPS, min_size=1, max_size=14), st.data())
def test_recorded_filled_and_gaps_add_up_to_the_second_whatever_happens(steps, data) -> None:
    history = play(steps)
    known = history.source()
    # the candidate's page fills some of what is open
    open_now = [g for t in known.tracks for g in known.account(t).gaps]
    for number, gap in enumerate(open_now):
        if data.draw(st.booleans()):
            name = f"backfill-{number}"
            fill = Piece(name, *gap.span, frozenset({gap.track}), by_client=True)
            known = Source(
                known.tracks, known.expected, [*known.pieces, fill], known.noted, known.endings
            )
    for track in known.tracks:
        account = known.account(track)
        gaps = [gap.span for gap in account.gaps]
        assert merge(gaps) == sorted(merge(gaps)) and sum(e - s for s, e in gaps) == sum(
            e - s for s, e in merge(gaps)
        )
        missing = sum(e - s for s, e in gaps)
        assert account.recorded_ms + account.backfilled_ms + missing == account.expected_ms
        assert sum(e - s for s, e in (g.span for g in account.healed)) == account.backfilled_ms
        assert all(isinstance(g.cause, GapCause) for g in (*account.gaps, *account.healed))
        # and it is true: what arrived is recorded, what is said to be recorded did arrive
        really = merge((at, at + 100) for at in history.arrived[track])
        claimed = subtract([known.expected], [*gaps, *(g.span for g in account.healed)])
        # shorter pauses of a sender are no gap
        long = max(PAUSE_GAP_MS[track], FIRST_FRAME_MS, TOLERANCE_MS) + 100
        assert all(e - s <= long for s, e in subtract(claimed, really))
        assert sum(e - s for s, e in subtract(really, claimed)) <= 1000
    whole = known.whole()
    missing = sum(e - s for s, e in (gap.span for gap in whole.gaps))
    assert whole.recorded_ms + whole.backfilled_ms + missing == whole.expected_ms
    assert sum(e - s for s, e in (g.span for g in whole.healed)) == whole.backfilled_ms


@pytest.mark.parametrize("track", ["video", "audio"])
def test_the_causes_of_a_bad_day(track: str) -> None:
    history = play(
        [
            ("send", 10, BOTH, False),
            ("away", 5, NETWORK),
            ("send", 10, BOTH, False),
            ("send", 8, BOTH - {track}, True),
            ("send", 10, BOTH, False),
            ("killed", 4),
            ("send", 7, BOTH, False),
            ("refused",),
            ("send", 10, BOTH, False),
        ]
    )
    causes = [gap.cause for gap in history.source().account(track).gaps]
    assert causes == [NETWORK, NETWORK, NODE, STORAGE]
