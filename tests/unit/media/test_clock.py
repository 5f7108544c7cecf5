from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from proctorhub.media.clock import (
    DRIFT_AFTER_S,
    JUMP_S,
    LATE_REPORTS,
    Drift,
    SenderClock,
    TrackClock,
    Unwrapper,
    ntp_seconds,
    ntp_timestamp,
    sound_offset_ms,
)


@given(st.integers(0, 0xFFFFFFFF), st.lists(st.integers(-90_000, 900_000), max_size=50))
def test_unwrapping_follows_every_step(start: int, steps: list[int]) -> None:
    unwrapper = Unwrapper()
    at = unwrapper.unwrap(start)
    for step in steps:
        at += step
        assert unwrapper.near(at & 0xFFFFFFFF) == at
        assert unwrapper.unwrap(at & 0xFFFFFFFF) == at


def test_ntp_there_and_back() -> None:
    assert ntp_seconds(ntp_timestamp(1_795_000_000.25)) == pytest.approx(1_795_000_000.25, abs=1e-6)


def test_before_any_report_arrival_counts() -> None:
    clock = TrackClock(90_000, SenderClock())
    clock.frame(1000, 50.0)
    assert clock.seconds(1000 + 90_000) == pytest.approx(51.0)


def test_tracks_of_one_sender_agree_however_late_their_packets_came() -> None:
    # The same instant: 3 s on the sender's clock. Video was 120 ms late, sound 5 ms.
    sender = SenderClock()
    video, audio = TrackClock(90_000, sender), TrackClock(48_000, sender)
    video.frame(0, 100.120)
    audio.frame(0, 100.005)
    video.report(3.0, 270_000, 103.040)
    audio.report(3.0, 144_000, 103.010)
    assert video.seconds(270_000) == pytest.approx(audio.seconds(144_000), abs=0.001)
    assert video.seconds(270_000) == pytest.approx(103.0, abs=0.05)


def test_the_sound_cards_drift_is_followed_within_60_ms_for_three_hours() -> None:
    noise = random.Random(1)
    clock = TrackClock(48_000, SenderClock())
    clock.use(later_s=0.0)
    rate = 48_000 * (1 + 80e-6)
    worst = 0.0
    for second in range(3 * 3600):
        rtp = int(second * rate)
        clock.frame(rtp, 1000 + second + 0.02)
        clock.report(second + noise.uniform(-0.01, 0.01), rtp, 1000 + second + 0.02)
        if second > 5:
            worst = max(worst, abs(clock.seconds(rtp) - (1000 + second + 0.02)))
    assert worst < 0.06


def test_the_senders_clock_drift_is_followed_and_never_jumps() -> None:
    noise = random.Random(2)
    clock = SenderClock()
    last = None
    for second in range(3 * 3600):
        sent = second * (1 + 40e-6)
        clock.observe(sent, 500 + second + 0.01 + noise.expovariate(50))
        assert clock.offset_s is not None
        if last is not None:
            assert abs(clock.offset_s - last) <= 0.0005 + 1e-9
        last = clock.offset_s
        if second > 600:
            assert clock.offset_s + sent == pytest.approx(500 + second, abs=0.06)


def test_reports_from_before_they_can_have_been_sent_show_another_offset() -> None:
    clock = SenderClock()
    clock.observe(10.0, 110.0)
    clock.observe(11.0 + 3600, 111.0)
    assert clock.offset_s == pytest.approx(111.0 - 3611.0)


def test_a_queue_on_the_line_is_no_step_of_the_senders_clock() -> None:
    clock = SenderClock()
    for second in range(100):
        queue_s = 2.0 if second % 10 else 0.0
        clock.observe(float(second), 100 + second + queue_s)
        assert clock.offset_s == pytest.approx(100.0)


def test_a_clock_that_stood_still_is_taken_over_once_that_is_certain() -> None:
    clock = SenderClock()
    for second in range(10):
        clock.observe(float(second), 100.0 + second)
    for late in range(1, LATE_REPORTS + 1):
        assert clock.offset_s == pytest.approx(100.0)
        clock.observe(9.0 + late, 130.0 + 9 + late)
    assert clock.offset_s == pytest.approx(130.0)


class Written:
    """A picture every 40 ms, sent at once, and the times it is written with."""

    def __init__(self) -> None:
        self.clock = TrackClock(90_000, SenderClock())
        self.clock.use(later_s=0.0)
        self.times: list[float] = []
        self.at_s = 0.0
        #: What the sender does beside counting: leaps of its media time and of its clock, seconds.
        self.leap_s = self.stood_still_s = 0.0

    def play(
        self, until_s: float, wrong_s: Callable[[float], float] = lambda at_s: 0.0
    ) -> list[float]:
        """Go on until then; return by how much each frame is off.

        `wrong_s` is how many seconds of media reports are ahead, by the time.
        """
        off = []
        while self.at_s < until_s:
            told_s = self.at_s - self.stood_still_s
            rtp = int((told_s + self.leap_s) * 90_000)
            self.clock.frame(rtp, 1000 + self.at_s)
            self.times.append(self.clock.seconds(rtp))
            off.append(self.times[-1] - 1000 - self.at_s)
            if len(self.times) % 25 == 0:
                wrong = int(wrong_s(self.at_s) * 90_000)
                self.clock.report(told_s, rtp + wrong, 1000 + self.at_s)
            self.at_s += 0.04
        return off

    @property
    def steps(self) -> list[float]:
        """How far the frames are apart."""
        return [later - before for before, later in itertools.pairwise(self.times)]


def test_before_its_times_are_used_the_newest_report_counts() -> None:
    # The picture's first report came alone; the second is as wrong as the sound's first.
    sender = SenderClock()
    video, audio = TrackClock(90_000, sender), TrackClock(48_000, sender)
    video.frame(0, 100.0)
    audio.frame(0, 100.0)
    video.report(0.0, 90_000, 100.0)
    video.report(0.5, 3 * 90_000, 100.5)
    audio.report(0.5, 3 * 48_000, 100.5)
    assert video.seconds(0) == pytest.approx(audio.seconds(0))


@pytest.mark.parametrize(
    ("case", "wrong_s", "last_off_s"),
    [
        ("right", lambda at_s: 0.0, 0.0),
        ("twice as fast", lambda at_s: at_s, 0.0),
        ("standing still", lambda at_s: -at_s, 0.0),
        ("one of them far ahead", lambda at_s: 5.0 * (10 < at_s < 11), 0.0),
        ("one of them a bit ahead", lambda at_s: 0.2 * (10 < at_s < 11), 0.0),
        ("back and forth", lambda at_s: 0.5 * (int(at_s) % 2), 0.0),
        ("wrong at first", lambda at_s: 0.3 * (at_s < 2.5), 0.0),
        ("a little late from the first on", lambda at_s: 0.1, -0.1),
        ("much too late from the first on", lambda at_s: 1.0, -1.0),
        ("in the future from the first on", lambda at_s: -1.5, 1.5),
    ],
)
def test_wrong_reports_do_not_tear_the_times_of_frames(
    case: str, wrong_s: Callable[[float], float], last_off_s: float
) -> None:
    sent = Written()
    off = sent.play(90.0, wrong_s)
    # what is believed moves a frame by a fiftieth of its time at most
    assert max(abs(step - 0.04) for step in sent.steps) < 0.04 / 50 + 2 / 90_000
    assert off[-1] == pytest.approx(last_off_s, abs=0.021)


@pytest.mark.parametrize("leap_s", [-40_000, -600, -2.0, -0.5, 3.0, 600, 40_000])
def test_media_that_count_anew_go_on_where_they_were(leap_s: float) -> None:
    sent = Written()
    sent.play(10.0)
    sent.leap_s = leap_s
    off = sent.play(30.0)
    assert max(map(abs, off)) < 0.03
    assert all(0.03 < step < 0.05 for step in sent.steps)


def test_a_small_leap_of_the_media_is_made_good_over_time() -> None:
    sent = Written()
    sent.play(10.0)
    sent.leap_s = 1.0
    off = sent.play(80.0)
    assert off[0] == pytest.approx(1.0, abs=0.001)
    assert off[-1] == pytest.approx(0.0, abs=0.021)
    assert all(step > 0.039 for step in sent.steps)


def test_a_computer_that_slept_is_behind_until_its_reports_say_so() -> None:
    sent = Written()
    sent.play(10.0)
    sent.stood_still_s = 5.0
    sent.at_s += 5.0
    off = sent.play(40.0)
    assert off[0] == pytest.approx(-5.0, abs=0.03)
    assert off[-1] == pytest.approx(0.0, abs=0.03)
    assert sum(step > 1 for step in sent.steps) == 1
    assert min(sent.steps) > 0.039


seconds = st.floats(0, 10)
counts = st.integers(-(1 << 40), 1 << 40)


@given(
    st.integers(0, 1 << 32),
    st.lists(
        st.one_of(
            st.tuples(st.just("frame"), seconds, st.integers(1, 900_000)),
            st.tuples(st.just("anew"), seconds, counts),
            st.tuples(st.just("report"), seconds, counts, st.floats(-1e6, 1e6)),
        ),
        max_size=60,
    ),
)
def test_frames_never_stand_still_nor_run_backward_whatever_is_reported(
    start: int, events: list[tuple[Any, ...]]
) -> None:
    clock = TrackClock(90_000, SenderClock())
    clock.use(later_s=0.0)
    rtp, now = start, 1000.0
    clock.frame(rtp, now)
    last = clock.seconds(rtp)
    for what, passed_s, count, *ntp_s in events:
        now += passed_s
        if what == "report":
            clock.report(ntp_s[0], rtp + count, now)
            continue
        if what == "anew" and -JUMP_S * 90_000 <= count <= 0:
            continue  # pictures in another order than they are shown in
        rtp += count
        clock.frame(rtp, now)
        at = clock.seconds(rtp)
        assert at > last
        last = at


@given(
    st.lists(st.tuples(st.integers(-45_000, 45_000), st.floats(-0.5, 0.5)), max_size=30),
    st.integers(1, 900_000),
)
def test_rtp_at_is_the_inverse_of_a_bent_mapping(
    reports: list[tuple[int, float]], further: int
) -> None:
    clock = TrackClock(90_000, SenderClock())
    clock.use(later_s=0.0)
    for second, (count, ntp_s) in enumerate(reports):
        clock.frame(second * 90_000, 1000.0 + second)
        clock.report(second + ntp_s, second * 90_000 + count, 1000.0 + second)
    rtp = len(reports) * 90_000 + further
    assert abs(clock.rtp_at(clock.seconds(rtp)) - rtp) <= 1


@given(st.integers(0, 1 << 40), st.floats(0, 1e5))
def test_rtp_at_is_the_inverse(rtp: int, ntp: float) -> None:
    clock = TrackClock(90_000, SenderClock())
    clock.frame(rtp, ntp + 7)
    clock.report(ntp, rtp, ntp + 7)
    assert abs(clock.rtp_at(clock.seconds(rtp + 12345)) - (rtp + 12345)) <= 2


class Sender:
    """A browser whose sound card, camera and own clock each run at their own speed (ppm off)."""

    def __init__(self, *, audio: float, video: float, system: float, seed: int) -> None:
        self._audio, self._video, self._system = (1 + ppm * 1e-6 for ppm in (audio, video, system))
        self._noise = random.Random(seed)
        clock = SenderClock()
        self.tracks = {"audio": TrackClock(48_000, clock), "video": TrackClock(90_000, clock)}

    def rtp(self, kind: str, true_s: float) -> int:
        """The RTP timestamp of what happens at a true moment."""
        speed, rate = {"audio": (self._audio, 48_000), "video": (self._video, 90_000)}[kind]
        return int(true_s * speed * rate)

    def report(self, kind: str, true_s: float) -> None:
        """A sender report: read within some ms, on its way for 20 to 120 ms."""
        read = true_s + self._noise.uniform(-0.004, 0.004)
        arrival = 1000 + true_s + 0.02 + self._noise.expovariate(1 / 0.02)
        rtp = self.rtp(kind, true_s)
        self.tracks[kind].frame(rtp, 1000 + true_s)
        self.tracks[kind].report(read * self._system, rtp, arrival)

    def parted_ms(self, true_s: float) -> float:
        """How far apart sound and picture of the same moment are written."""
        audio, video = (
            self.tracks[kind].seconds(self.rtp(kind, true_s)) for kind in ("audio", "video")
        )
        return (audio - video) * 1000


#: Cheap sound cards and computers are off by some dozens of ppm, bad ones by 200.
ppm = st.floats(-200, 200)


@settings(max_examples=25)
@example(audio=0.0, video=192.0, system=-167.0, every=5, seed=0)
@given(audio=ppm, video=ppm, system=ppm, every=st.sampled_from([1, 2, 5]), seed=st.integers(0, 99))
def test_sound_and_picture_stay_within_60_ms_for_three_hours(
    audio: float, video: float, system: float, every: int, seed: int
) -> None:
    sender = Sender(audio=audio, video=video, system=system, seed=seed)
    lost = random.Random(seed)
    worst = 0.0
    for second in range(every, 3 * 3600, every):
        for kind in ("audio", "video"):
            # a tenth of the reports does not arrive
            if second == every or lost.random() > 0.1:
                sender.report(kind, float(second))
        worst = max(worst, abs(sender.parted_ms(second + every)))
    assert worst <= 60.0
    # what the node says of it is true: 1 ppm is 3.6 ms an hour
    for kind, off in (("audio", audio), ("video", video)):
        found = sender.tracks[kind].drift_ms_h
        assert found is not None
        assert found == pytest.approx((system - off) * 3.6, abs=4)
    told = sound_offset_ms(sender.tracks)
    assert told is not None
    assert told == pytest.approx(sender.parted_ms(3 * 3600), abs=15)


def test_no_drift_is_told_before_it_can_be_known() -> None:
    drift = Drift()
    for second in range(int(DRIFT_AFTER_S)):
        drift.observe(float(second), 0.0)
        assert drift.ms_per_hour is None
    drift.observe(DRIFT_AFTER_S, 0.0)
    assert drift.ms_per_hour == 0.0


def test_after_a_jump_of_the_clock_the_drift_begins_anew() -> None:
    clock = TrackClock(90_000, SenderClock())
    for second in range(100):
        clock.report(float(second), second * 90_000, 1000.0 + second)
    assert clock.drift_ms_h == pytest.approx(0.0, abs=0.01)
    clock.report(110.0, 100 * 90_000, 1110.0)
    assert clock.drift_ms_h is None


@pytest.mark.parametrize("reported", [False, True])
@pytest.mark.parametrize("times_too_fast", [1.3, 13.5, 40.0])
def test_who_counts_faster_than_time_passes_gets_seconds_ahead_at_most(
    times_too_fast: float, reported: bool
) -> None:
    """Else who sends for a minute would have recorded a quarter of an hour."""
    clock = TrackClock(90_000, SenderClock())
    clock.use(later_s=0.0)
    before_s = 0.0
    for number in range(15 * 120):
        at_s = number / 15
        rtp = int(at_s * times_too_fast * 90_000)
        clock.frame(rtp, 1000 + at_s)
        if reported and number % 15 == 0:
            clock.report(at_s * times_too_fast, rtp, 1000 + at_s)
        assert before_s < clock.seconds(rtp) < 1000 + at_s + 7.5
        before_s = clock.seconds(rtp)
    for number in range(15 * 120, 15 * 180):
        at_s = number / 15
        rtp += 6000
        clock.frame(rtp, 1000 + at_s)
        assert before_s < clock.seconds(rtp) < 1000 + at_s + 7.5
        before_s = clock.seconds(rtp)


def test_a_queue_that_drains_after_the_first_frame_squeezes_nothing() -> None:
    clock = TrackClock(90_000, SenderClock())
    clock.use(later_s=0.0)
    times = []
    for number in range(15 * 20):
        at_s = number / 15
        clock.frame(number * 6000, 1000 + max(at_s, 4.0))
        times.append(clock.seconds(number * 6000))
    assert {round(b - a, 6) for a, b in itertools.pairwise(times)} == {round(1 / 15, 6)}


@pytest.mark.parametrize("step_s", [-3600.0, -20.0, 20.0, 3600.0])
def test_frames_go_on_as_they_were_when_the_nodes_clock_is_set(step_s: float) -> None:
    clock = TrackClock(90_000, SenderClock())
    clock.use(later_s=0.0)
    times = []
    for number in range(15 * 120):
        at_s = number / 15
        clock.frame(number * 6000, 10_000 + at_s + (step_s if at_s > 30 else 0.0))
        times.append(clock.seconds(number * 6000))
    assert {round(b - a, 6) for a, b in itertools.pairwise(times)} == {round(1 / 15, 6)}
