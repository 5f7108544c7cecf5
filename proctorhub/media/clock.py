"""Media time: RTP timestamps → the sender's NTP clock → UTC on the node.

A sender report (RFC 3550 section 6.4.1) ties a track's RTP timestamps to the sender's own clock,
so tracks of one sender agree with each other; one offset per sender ties that clock to ours.
Reports may be wrong, and the times of frames are evidence: they never run backward nor stand still,
and what a report says moves them slowly.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

NTP_EPOCH_S = 2208988800
#: Two reports whose clocks went on by amounts this different contradict each other.
JUMP_S = 0.25
#: How far the mapping may move in each second of media: far more than clocks drift.
SLEW = 0.002
SMOOTHING = 0.1
#: As long as it is known to be off it moves faster, though nobody hears or sees that, either.
QUICK_SLEW = 0.02
CLOSE_S = 0.02
#: Media times that leap so far into the future are another count, not a pause.
LEAP_S = 2.0
#: Media cannot come before they happened. What seems to (a queue on the line drained, say) may be
#: ahead by so much; whoever counts faster than time passes gets no further.
MOST_AHEAD_S = 5.0
#: How often that is looked at, seconds of media.
LOOK_EVERY_S = 1.0
CLOCK_STEP_S = 1.0
CLOCK_SLEW_S = 0.0005
WINDOW = 60
#: A queue on the line delays some reports; a clock that stood still is behind in all of them.
LATE_REPORTS = 10
DRIFT_AFTER_S = 30.0


def ntp_seconds(ntp: int) -> float:
    """Return UTC seconds of a 32.32 NTP timestamp."""
    return ntp / 4294967296.0 - NTP_EPOCH_S


def ntp_timestamp(utc_s: float) -> int:
    """Return the 32.32 NTP timestamp of UTC seconds."""
    return int((utc_s + NTP_EPOCH_S) * 4294967296.0)


class Unwrapper:
    """Turns 32-bit RTP timestamps into numbers that never wrap."""

    __slots__ = ("_last", "value")

    def __init__(self) -> None:
        self._last: int | None = None
        self.value = 0

    def unwrap(self, rtp: int) -> int:
        """Return the unwrapped timestamp and remember it as the newest."""
        self.value = self.near(rtp)
        self._last = rtp
        return self.value

    def near(self, rtp: int) -> int:
        """Return the unwrapped timestamp closest to the newest, without remembering it."""
        if self._last is None:
            return rtp
        step = (rtp - self._last) & 0xFFFFFFFF
        return self.value + (step - (1 << 32) if step >= 1 << 31 else step)


class SenderClock:
    """The offset from one sender's NTP clock to UTC on the node, shared by its tracks.

    The quickest of the last reports has the least network delay in it; the offset follows it
    slowly, so that drift is followed and delays are not. A report that came a second too early
    shows that the offset was wrong; that the sender's clock fell behind by more than a second
    (a suspended computer) many reports in a row have to show.
    """

    def __init__(self) -> None:
        self.offset_s: float | None = None
        self._seen: deque[float] = deque(maxlen=WINDOW)
        self._late: list[float] = []

    def observe(self, ntp_s: float, arrival_s: float) -> None:
        """Take the times a report was sent (sender's clock) and received (UTC seconds)."""
        candidate = arrival_s - ntp_s
        if self.offset_s is None or candidate < self.offset_s - CLOCK_STEP_S:
            self._step([candidate])
            return
        self._late = [*self._late, candidate] if candidate > self.offset_s + CLOCK_STEP_S else []
        if len(self._late) == LATE_REPORTS:
            self._step(self._late)
            return
        self._seen.append(candidate)
        wrong = min(self._seen) - self.offset_s
        self.offset_s += max(-CLOCK_SLEW_S, min(CLOCK_SLEW_S, wrong))

    def _step(self, seen: list[float]) -> None:
        self.offset_s = min(seen)
        self._seen = deque(seen, WINDOW)
        self._late = []


class Drift:
    """How fast one clock runs away from another: the slope of their difference (least squares)."""

    def __init__(self) -> None:
        self._first: tuple[float, float] | None = None
        self._sums = (0.0, 0.0, 0.0, 0.0, 0.0)
        self._spans_s = 0.0

    def observe(self, at_s: float, behind_s: float) -> None:
        """Take how far behind a clock is at a moment of the other; both in seconds."""
        if self._first is None:
            self._first = (at_s, behind_s)
        x, y = at_s - self._first[0], behind_s - self._first[1]
        n, sx, sy, sxx, sxy = self._sums
        self._sums = (n + 1, sx + x, sy + y, sxx + x * x, sxy + x * y)
        self._spans_s = x

    @property
    def ms_per_hour(self) -> float | None:
        """The slope; None before there is enough to tell."""
        if self._spans_s < DRIFT_AFTER_S:
            return None
        n, sx, sy, sxx, sxy = self._sums
        return (n * sxy - sx * sy) / (n * sxx - sx * sx) * 3_600_000


class TrackClock:
    """Maps one track's unwrapped RTP timestamps to UTC seconds on the node's clock.

    Until the first report the arrival of the first packet stands in for it. Before the mapping is
    in use it is what the newest report says; then it bends and does not break: what a report finds
    wrong is made good over the media that follows. It steps only where frames show that it must:
    forward, when they come as much later as the report says, and when they begin to count anew.
    """

    def __init__(self, rate: int, sender: SenderClock) -> None:
        self.rate = rate
        self._sender = sender
        # The mapping goes through this point; behind it the correction is made bit by bit.
        self._rtp = 0
        self._utc_s = self._correction_s = 0.0
        self._slew = SLEW
        self._settled = False
        self._newest: int | None = None
        self._look_at = 0
        self._looked_s = 0.0
        #: By how much the node's own clock was set back since the mapping was made.
        self._set_back_s = 0.0
        self._reported: tuple[float, int] | None = None
        self.synced = False
        self._in_use = False
        #: How far what the newest report says is from the mapping.
        self.error_s = 0.0
        self._began: tuple[float, int] | None = None
        self._drift = Drift()

    def use(self, later_s: float) -> None:
        """Frames get their times from it from now on, so much later than it says by now."""
        self._in_use = True
        self._utc_s += later_s

    def frame(self, rtp: int, arrival_s: float) -> None:
        """Take the time at which a frame, by its unwrapped timestamp, began to arrive."""
        before, self._newest = self._newest, rtp
        if before is None:
            if not self.synced:
                self._go_through(rtp, arrival_s)
            self._look_at, self._looked_s = rtp, arrival_s
            return
        passed_s = (rtp - before) / self.rate
        if -JUMP_S <= passed_s <= LEAP_S and rtp < self._look_at:
            return
        ahead_s = self.seconds(rtp) - self._look(rtp, arrival_s)
        if passed_s < -JUMP_S or ahead_s > (LEAP_S if passed_s > LEAP_S else MOST_AHEAD_S):
            # It counts anew. Its next report says more exactly where it stands.
            self._go_through(rtp, max(arrival_s, self.seconds(before) + 1 / self.rate))
            self._settled = False
            self._look_at = rtp  # at the next frame as well, until it is ahead no more

    def _look(self, rtp: int, arrival_s: float) -> float:
        """Return when a frame that came now happened at the latest, by the node's clock as it was.

        Takes note of how much that was set back, and when to look again.
        """
        if arrival_s < self._looked_s - LEAP_S:
            self._set_back_s += self._looked_s - arrival_s
        self._look_at, self._looked_s = rtp + int(LOOK_EVERY_S * self.rate), arrival_s
        return arrival_s + self._set_back_s

    def report(self, ntp_s: float, rtp: int, arrival_s: float) -> None:
        """Take a sender report: sender's seconds, unwrapped RTP, UTC seconds of its arrival."""
        self._sender.observe(ntp_s, arrival_s)
        assert self._sender.offset_s is not None
        before, self._reported = self._reported, (ntp_s, rtp)
        utc_s = ntp_s + self._sender.offset_s
        contradicted = before is not None and abs(self._parted(before)) > JUMP_S
        if contradicted:
            self._began, self._drift = None, Drift()
        if not self._in_use:
            self._go_through(rtp, utc_s)
            self._settled = True
        elif contradicted:
            # One of the two is wrong, and nobody knows which (GStreamer 1.22 counts twice as
            # fast in all of them). What comes next tells.
            self._hold()
        else:
            self._follow(utc_s, rtp, arrival_s)
        self.synced = True
        self._observe_drift(ntp_s, rtp)

    def _parted(self, before: tuple[float, int]) -> float:
        """Return by how many seconds more the sender's clock went on than its media."""
        assert self._reported is not None
        return self._reported[0] - before[0] - (self._reported[1] - before[1]) / self.rate

    def _follow(self, utc_s: float, rtp: int, arrival_s: float) -> None:
        self.error_s = error_s = utc_s - self.seconds(rtp)
        written_s = self._hold()
        if error_s > CLOCK_STEP_S and written_s + error_s <= arrival_s + JUMP_S:
            self._utc_s += error_s
            self.error_s = 0.0
            return
        if abs(error_s) > JUMP_S:
            self._settled = False
        elif abs(error_s) < CLOSE_S:
            self._settled = True
        self._slew = SLEW if self._settled else QUICK_SLEW
        self._correction_s = SMOOTHING * error_s if self._settled else error_s

    def _hold(self) -> float:
        """Stop correcting at the newest frame; return its time."""
        newest = self._rtp if self._newest is None else self._newest
        self._go_through(newest, self.seconds(newest))
        return self._utc_s

    def _go_through(self, rtp: int, utc_s: float) -> None:
        self._rtp, self._utc_s, self._correction_s = rtp, utc_s, 0.0

    def _observe_drift(self, ntp_s: float, rtp: int) -> None:
        if self._began is None:
            self._began = (ntp_s, rtp)
        self._drift.observe(ntp_s - self._began[0], self._parted(self._began))

    @property
    def drift_ms_h(self) -> float | None:
        """How many ms the track's own clock falls behind the sender's in an hour."""
        return self._drift.ms_per_hour

    def seconds(self, rtp: int) -> float:
        """Return UTC seconds on the node's clock of an unwrapped RTP timestamp."""
        since = (rtp - self._rtp) / self.rate
        most = max(0.0, self._slew * since)
        return self._utc_s + since + max(-most, min(most, self._correction_s))

    def rtp_at(self, utc_s: float) -> int:
        """Return the unwrapped RTP timestamp of UTC seconds: the inverse of `seconds`."""
        since = utc_s - self._utc_s
        if since > 0 and self._correction_s > 0:
            since = max(since / (1 + self._slew), since - self._correction_s)
        elif since > 0:
            since = min(since / (1 - self._slew), since - self._correction_s)
        return self._rtp + round(since * self.rate)


def sound_offset_ms(clocks: Mapping[str, TrackClock]) -> float | None:
    """Return how much later than its picture a sound is written, by the newest sender reports.

    What the smoothed mapping of each track lags behind its reports is all that can part them.
    None without two synchronous tracks.
    """
    audio, video = clocks.get("audio"), clocks.get("video")
    if audio is None or video is None or not (audio.synced and video.synced):
        return None
    return (video.error_s - audio.error_s) * 1000
