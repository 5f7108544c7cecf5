from __future__ import annotations

import itertools
import random
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proctorhub.media import ingest
from proctorhub.media.clock import SenderClock
from proctorhub.media.frame import Frame
from proctorhub.media.ingest import MAX_WAIT_S, NACK_EVERY_S, TrackIngest

KEY = b"\x10" + b"\x30\x01\x00\x9d\x01\x2a\x80\x02\xe0\x01"
DELTA = b"\x10" + b"\x31\x01\x00"
MORE = b"\x00" + b"rest"


class Track:
    """A track under test, with a sender that numbers its packets."""

    def __init__(self, kind: str = "video", codec: str = "VP8", first: int = 0) -> None:
        self.frames: list[Frame] = []
        self.nacks: list[list[int]] = []
        self.losses: list[int] = []
        self.plis = 0
        rate = 90_000 if kind == "video" else 48_000
        self.ingest = TrackIngest(
            kind,
            codec,
            rate,
            SenderClock(),
            on_frame=lambda frame, now: self.frames.append(frame),
            send_nack=self.nacks.append,
            send_pli=self._pli,
            on_loss=lambda before, after, packets: self.losses.append(packets),
        )
        self.first = first
        self.now = 100.0

    def _pli(self) -> None:
        self.plis += 1

    def push(self, packet: tuple[int, int, int, bytes], *, again: bool = False) -> None:
        marker, seq, rtp, payload = packet
        self.ingest.push(marker, seq & 0xFFFF, rtp & 0xFFFFFFFF, payload, self.now, again=again)

    def video(self, frames: int, key_every: int = 10) -> Iterator[tuple[int, int, int, bytes]]:
        """Yield packets of frames of three packets each."""
        for index in range(frames):
            seq, rtp = self.first + 3 * index, 0xFFFFF000 + index * 6000
            yield 0, seq, rtp, KEY if index % key_every == 0 else DELTA
            yield 0, seq + 1, rtp, MORE
            yield 1, seq + 2, rtp, MORE


@pytest.mark.parametrize("first", [0, 65530])
def test_packets_in_order_become_frames(first: int) -> None:
    track = Track(first=first)
    for packet in track.video(20):
        track.push(packet)
    assert len(track.frames) == 20
    assert [f.key for f in track.frames][:11] == [True] + [False] * 9 + [True]
    steps = {b.rtp - a.rtp for a, b in zip(track.frames, track.frames[1:], strict=False)}
    assert steps == {6000}
    assert not track.nacks and not track.plis


@settings(max_examples=60)
@given(st.integers(0, 0xFFFF), st.integers(0, 1 << 32))
def test_any_reordering_within_150_ms_loses_nothing(first: int, seed: int) -> None:
    rng = random.Random(seed)
    track = Track(first=first)
    packets = list(track.video(60))
    head, rest = packets[:3], packets[3:]
    due = sorted((0.022 * i + rng.uniform(0, 0.15), p) for i, p in enumerate(rest))
    for packet in head:
        track.push(packet)
    for at, packet in due:
        track.now = 100 + at
        track.push(packet)
    assert len(track.frames) == 60
    assert track.ingest.lost_packets == 0 and not track.losses


@settings(max_examples=60)
@given(st.integers(0, 0xFFFF), st.integers(0, 1 << 32))
def test_five_percent_loss_is_healed_by_asking_again(first: int, seed: int) -> None:
    rng = random.Random(seed)
    track = Track(first=first)
    sent = {p[1] & 0xFFFF: p for p in track.video(200)}
    for index, packet in enumerate(list(track.video(200))):
        track.now += 0.02
        for wanted in [seq for nack in track.nacks for seq in nack]:
            if rng.random() > 0.05:
                track.push(sent[wanted], again=True)
        track.nacks.clear()
        if index < 3 or index > 590 or rng.random() > 0.05:
            track.push(packet)
    assert len(track.frames) == 200
    assert not track.losses


def test_a_missing_packet_is_asked_for_at_once_and_again() -> None:
    track = Track()
    packets = list(track.video(4))
    for packet in packets[:4] + packets[5:7]:
        track.push(packet)
    assert track.nacks == [[4]]
    track.now += NACK_EVERY_S / 2
    track.ingest.tick(track.now)
    assert track.nacks == [[4]]
    track.now += NACK_EVERY_S
    track.ingest.tick(track.now)
    assert track.nacks == [[4], [4]]
    track.push(packets[4], again=True)
    for packet in packets[7:]:
        track.push(packet)
    assert len(track.frames) == 4 and track.ingest.recovered == 1


def test_a_packet_given_up_breaks_its_frame_and_asks_for_a_keyframe() -> None:
    track = Track()
    packets = list(track.video(12, key_every=6))
    for packet in packets[:4] + packets[5:9]:
        track.push(packet)
    track.now += MAX_WAIT_S + 0.1
    track.ingest.tick(track.now)
    assert track.losses == [1] and track.plis == 1
    for packet in packets[9:]:
        track.push(packet)
    # Nothing between the broken frame and the next keyframe may reach the recording.
    assert [f.rtp for f in track.frames] == [
        track.frames[0].rtp + 6000 * i for i in (0, *range(6, 12))
    ]
    assert track.frames[1].key


def test_losing_a_frames_beginning_is_seen_for_h264_too() -> None:
    track = Track(codec="H264")
    key, more = b"\x65" + b"k" * 20, b"\x41" + b"d" * 20
    track.push((1, 0, 0, key))
    # Packet 1 would have begun the second picture; its second slice alone looks whole.
    track.push((1, 2, 6000, b"\x65" + b"slice"))
    track.push((1, 3, 12000, more))
    track.now += MAX_WAIT_S + 0.1
    track.ingest.tick(track.now)
    assert len(track.frames) == 1
    track.push((1, 4, 18000, key))
    assert len(track.frames) == 2


def test_sound_waits_for_late_packets_and_never_nacks() -> None:
    track = Track("audio", "opus")
    for seq in (0, 2, 3):
        track.push((0, seq, seq * 960, b"sound"))
    assert len(track.frames) == 1 and not track.nacks
    track.now += 0.4
    track.push((0, 1, 960, b"sound"))
    assert [f.rtp for f in track.frames] == [0, 960, 1920, 2880]
    assert track.ingest.lost_packets == 0


def test_duplicates_change_nothing() -> None:
    track = Track()
    for packet in track.video(5):
        track.push(packet)
        track.push(packet)
    assert len(track.frames) == 5


def test_a_sender_that_starts_over_is_followed() -> None:
    track = Track(first=30_000)
    for packet in track.video(3):
        track.push(packet)
    track.first = 100
    for packet in track.video(3):
        track.push(packet)
    assert len(track.frames) == 6


def test_empty_padding_packets_are_no_frames() -> None:
    track = Track()
    first, second, third = track.video(1)
    track.push(first)
    track.push(second)
    track.push(third)
    track.push((0, 3, 0xFFFFF000, b""))
    track.push((1, 4, 0xFFFFF000 + 6000, DELTA))
    assert len(track.frames) == 2


@settings(max_examples=100)
@given(
    st.sampled_from(["VP8", "H264"]),
    st.lists(
        st.tuples(
            st.sampled_from([0, 1]),
            st.integers(0, 40) | st.integers(0, 0xFFFF),
            st.integers(0, 0xFFFFFFFF),
            st.binary(max_size=12),
        ),
        max_size=60,
    ),
)
def test_garbage_never_hurts(codec: str, packets: list[tuple[int, int, int, bytes]]) -> None:
    track = Track(codec=codec)
    for packet in packets:
        track.now += 0.3
        track.push(packet)
        track.ingest.tick(track.now)
    if track.ingest.packets:
        track.ingest.reception(1, track.now).pack()


@pytest.mark.parametrize(
    ("codec", "key", "more", "delta"),
    [
        ("VP8", KEY, b"\x00" + bytes(1199), DELTA),
        ("H264", b"\x65" + b"k" * 20, b"\x41" + bytes(1199), b"\x41" + b"d" * 20),
        ("H264", b"\x7c\x85" + b"k" * 20, b"\x7c\x05" + bytes(1198), b"\x41" + b"d" * 20),
    ],
)
def test_a_frame_without_an_end_is_not_collected_for_ever(
    codec: str, key: bytes, more: bytes, delta: bytes
) -> None:
    track = Track(codec=codec)
    track.push((0, 0, 900, key))
    tracemalloc.start()
    try:
        for seq in range(1, 5000):
            track.push((0, seq, 900, bytes(bytearray(more))))
            if seq == 3400:
                collected = tracemalloc.get_traced_memory()[0]
        left = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert left < 100_000 < 3_400 * 1200 < collected
    assert track.ingest.malformed == 1 and not track.frames
    # what follows may refer to it
    track.push((1, 5000, 1800, delta))
    track.ingest.tick(track.now)
    assert track.plis and not track.frames
    track.push((1, 5001, 2700, key if codec == "VP8" else b"\x65" + b"k" * 20))
    assert [frame.key for frame in track.frames] == [True]


def test_reception_reports_what_was_lost_on_the_first_try() -> None:
    track = Track()
    packets = list(track.video(20))
    for index, packet in enumerate(packets):
        if index not in (10, 11, 12):
            track.push(packet)
    for packet in packets[10:13]:
        track.push(packet, again=True)
    report = track.ingest.reception(77, track.now)
    assert report.packets_lost == 3
    assert report.fraction_lost == (3 << 8) // 60
    assert report.highest_sequence == 59
    assert track.ingest.reception(77, track.now).fraction_lost == 0


def test_many_holes_are_waited_for_side_by_side() -> None:
    track = Track("audio", "opus")
    for seq in range(500):
        track.now = 100 + seq * 0.02
        if seq % 10 != 5:
            track.push((0, seq, seq * 960, b"sound"))
        track.ingest.tick(track.now)
    # Each hole is given up one second after it showed, whatever came before it.
    behind = 500 - len(track.frames) - len(track.losses)
    assert behind <= (MAX_WAIT_S + 0.1) / 0.02
    assert track.ingest.lost_packets == len(track.losses) >= 40


def test_a_keyframe_is_asked_for_until_it_comes() -> None:
    track = Track()
    track.push((1, 0, 0, DELTA))  # joined in the middle: nothing can be decoded yet
    asked_at = []
    for _ in range(40):
        track.now += 0.25
        track.ingest.tick(track.now)
        if track.plis > len(asked_at):
            asked_at.append(track.now)
    pauses = [later - before for before, later in itertools.pairwise(asked_at)]
    assert len(asked_at) >= 5 and pauses == sorted(pauses) and not track.frames
    track.push((1, 1, 6000, KEY))
    asked = track.plis
    for _ in range(12):
        track.now += 0.25
        track.ingest.tick(track.now)
    assert track.plis == asked and len(track.frames) == 1


def test_no_further_keyframe_is_asked_for_while_one_comes_slowly() -> None:
    track = Track()
    track.push((1, 0, 0, DELTA))
    track.ingest.tick(track.now)
    track.push((0, 1, 6000, KEY))
    asked = track.plis
    for seq in range(2, 12):
        track.now += 0.5
        track.push((0, seq, 6000, MORE))
        track.ingest.tick(track.now)
    assert track.plis == asked == 1
    # what it lacks is never coming: another one is needed
    track.push((1, 13, 6000, MORE))
    track.now += MAX_WAIT_S + 0.1
    track.ingest.tick(track.now)
    assert track.plis == asked + 1 and not track.frames


def test_a_keyframe_behind_the_hole_is_as_good_as_another() -> None:
    track = Track()
    packets = list(track.video(11))
    for packet in packets[:20] + packets[21:31]:
        track.push(packet)
    track.now += MAX_WAIT_S + 0.1
    track.ingest.tick(track.now)
    assert track.losses == [1] and track.plis == 0
    for packet in packets[31:]:
        track.push(packet)
    assert [frame.key for frame in track.frames] == [True] + [False] * 5 + [True]


def _lines(work: Callable[[], object]) -> int:
    """Return how many lines of the module are run by some work."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> object:
        nonlocal count
        if frame.f_code.co_filename != ingest.__file__:
            return None
        count += event == "line"
        return trace

    former = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(former)
    return count


@pytest.mark.parametrize("step", [2, 5, 0x7000])
def test_holes_without_end_cost_no_more_than_other_packets(step: int) -> None:
    """One who sends every second packet alone must not take the node from the others."""
    track = Track()
    for packet in track.video(1):
        track.push(packet)
    seq, packets = 2, 3000

    def send() -> None:
        nonlocal seq
        for _ in range(packets):
            seq += step
            track.now += 0.0004
            track.push((0, seq, seq * 36, MORE))

    send()
    assert track.ingest.lost_packets > packets // 2 or step == 0x7000
    assert _lines(send) / packets < 400


def test_whatever_order_packets_come_in_they_go_on_in_theirs() -> None:
    rng = random.Random(7)
    track = Track("audio", "opus", first=65_000)
    seqs = list(range(65_001, 67_000))
    rng.shuffle(seqs)
    track.push((0, 65_000, 65_000 * 960, b"sound"))
    for seq in seqs[:900]:
        track.push((0, seq, seq * 960, b"sound"))
    track.ingest.flush(track.now)
    times = [frame.rtp for frame in track.frames]
    assert len(times) == 901 and times == sorted(times)
    assert sum(track.losses) == max(seqs[:900]) - 65_000 - 900


@pytest.mark.parametrize("step_s", [-30.0, 30.0])
def test_a_clock_that_is_set_does_not_keep_anybody_waiting(step_s: float) -> None:
    track = Track()
    packets = list(track.video(60, key_every=100))
    for packet in packets[:20] + packets[21:30]:
        track.push(packet)
    track.now += step_s
    for packet in packets[30:40] + packets[41:50]:
        track.push(packet)
    for _ in range(12):
        track.now += 0.25
        track.ingest.tick(track.now)
    assert track.ingest.lost_packets == 2
    assert [20] in track.nacks and any(40 in asked for asked in track.nacks)
    assert track.plis >= 2
