from __future__ import annotations

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from proctorhub.media.clock import (
    DRIFT_AFTER_S,
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
    clock.first_packet(1000, 50.0)
    assert clock.seconds(1000 + 90_000) == pytest.approx(51.0)


def test_tracks_of_one_sender_agree_however_late_their_packets_came() -> None:
    # The same instant: 3 s on the sender's clock. Video was 120 ms late, sound 5 ms.
    sender = SenderClock()
    video, audio = TrackClock(90_000, sender), TrackClock(48_000, sender)
    video.first_packet(0, 100.120)
    audio.first_packet(0, 100.005)
    video.report(3.0, 270_000, 103.040)
    audio.report(3.0, 144_000, 103.010)
    assert video.seconds(270_000) == pytest.approx(audio.seconds(144_000), abs=0.001)
    assert video.seconds(270_000) == pytest.approx(103.0, abs=0.05)


def test_the_sound_cards_drift_is_followed_within_60_ms_for_three_hours() -> None:
    noise = random.Random(1)
    sender = SenderClock()
    clock = TrackClock(48_000, sender)
    rate = 48_000 * (1 + 80e-6)
    worst = 0.0
    clock.first_packet(0, 1000.0)
    for second in range(1, 3 * 3600):
        rtp = int(second * rate)
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


def test_a_step_of_the_senders_clock_is_taken_over() -> None:
    clock = SenderClock()
    clock.observe(10.0, 110.0)
    clock.observe(11.0 + 3600, 111.0)
    assert clock.offset_s == pytest.approx(111.0 - 3611.0)


def test_a_jump_of_the_media_time_is_taken_over_and_counted() -> None:
    clock = TrackClock(90_000, SenderClock())
    clock.first_packet(0, 0.0)
    clock.report(1.0, 90_000, 1.0)
    clock.report(2.0, 90_000 * 5, 2.0)
    assert clock.jumps == 1
    assert clock.seconds(90_000 * 5) == pytest.approx(2.0)


def test_reports_that_run_faster_than_the_packets_are_not_believed() -> None:
    clock = TrackClock(90_000, SenderClock())
    clock.first_packet(0, 100.0)
    for second in range(1, 30):
        clock.report(second, 2 * second * 90_000, 100.0 + second, newest_rtp=second * 90_000)
    assert clock.distrusted and clock.jumps == 0
    long = clock.seconds(29 * 90_000) - clock.seconds(90_000)
    assert long == pytest.approx(28.0, abs=0.01)


def test_a_jump_that_packets_share_is_believed() -> None:
    clock = TrackClock(90_000, SenderClock())
    clock.first_packet(0, 100.0)
    clock.report(1.0, 90_000, 101.0, newest_rtp=85_000)
    clock.report(2.0, 90_000 * 60, 102.0, newest_rtp=90_000 * 60 - 5_000)
    assert clock.jumps == 1 and not clock.distrusted
    assert clock.seconds(90_000 * 60) == pytest.approx(102.0)


@given(st.integers(0, 1 << 40), st.floats(0, 1e5))
def test_rtp_at_is_the_inverse(rtp: int, ntp: float) -> None:
    clock = TrackClock(90_000, SenderClock())
    clock.first_packet(rtp, ntp + 7)
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
        self.tracks[kind].report(read * self._system, self.rtp(kind, true_s), arrival)

    def parted_ms(self, true_s: float) -> float:
        """How far apart sound and picture of the same moment are written."""
        audio, video = (
            self.tracks[kind].seconds(self.rtp(kind, true_s)) for kind in ("audio", "video")
        )
        return (audio - video) * 1000


#: Cheap sound cards and computers are off by some dozens of ppm, bad ones by 200.
ppm = st.floats(-200, 200)


@settings(max_examples=25, deadline=None)
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
    assert clock.jumps == 1
    assert clock.drift_ms_h is None
