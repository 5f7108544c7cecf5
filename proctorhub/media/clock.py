"""Media time: RTP timestamps → the sender's NTP clock → UTC on the node.

A sender report (RFC 3550 section 6.4.1) ties a track's RTP timestamps to the sender's own clock,
so tracks of one sender agree with each other; one offset per sender ties that clock to ours.
"""

from __future__ import annotations

from collections.abc import Mapping

NTP_EPOCH_S = 2208988800
JUMP_S = 0.25
#: How far the mapping may move for each second between two reports.
SLEW = 0.002
SMOOTHING = 0.1
CLOCK_STEP_S = 1.0
CLOCK_SLEW_S = 0.0005
WINDOW = 60
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
    slowly, so that drift is followed and the timeline never jumps. A step of the sender's clock
    by more than a second is taken over at once.
    """

    def __init__(self) -> None:
        self.offset_s: float | None = None
        self._seen: list[float] = []

    def observe(self, ntp_s: float, arrival_s: float) -> None:
        """Take the times a report was sent (sender's clock) and received (UTC seconds)."""
        candidate = arrival_s - ntp_s
        if self.offset_s is None or abs(candidate - self.offset_s) > CLOCK_STEP_S:
            self.offset_s = candidate
            self._seen = [candidate]
            return
        self._seen = [*self._seen[1 - WINDOW :], candidate]
        wrong = min(self._seen) - self.offset_s
        self.offset_s += max(-CLOCK_SLEW_S, min(CLOCK_SLEW_S, wrong))


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
    """Maps one track's unwrapped RTP timestamps to UTC seconds.

    Until the first report the arrival of the first packet stands in for it.
    """

    def __init__(self, rate: int, sender: SenderClock) -> None:
        self.rate = rate
        self._sender = sender
        self._rtp = 0
        self._ntp_s = self._reported_s = 0.0
        self._arrival_s: float | None = None
        self.synced = False
        self.jumps = 0
        self.error_s = 0.0
        self._anchor: tuple[float, int] | None = None
        self._ahead_s: float | None = None
        self.distrusted = False
        self._drift = Drift()

    def first_packet(self, rtp: int, arrival_s: float) -> None:
        """Anchor the track on its first packet, for want of a report."""
        if self._arrival_s is None:
            self._arrival_s = arrival_s
            if not self.synced:
                self._rtp = rtp

    def report(
        self, ntp_s: float, rtp: int, arrival_s: float, newest_rtp: int | None = None
    ) -> None:
        """Take a sender report: sender's seconds, unwrapped RTP, UTC seconds of its arrival.

        `newest_rtp` is the unwrapped timestamp of the newest packet. Where reports jump and packets
        do not, the reports are wrong (GStreamer 1.22 counts twice as fast in them) and the first
        of them has to do.
        """
        self._sender.observe(ntp_s, arrival_s)
        if self.distrusted:
            return
        ahead_s = None if newest_rtp is None else (rtp - newest_rtp) / self.rate
        if not self.synced:
            self.synced = True
            self._rtp, self._ntp_s, self._ahead_s = rtp, ntp_s, ahead_s
            self._reported_s = ntp_s
            self._observe_drift(ntp_s, rtp)
            return
        self.error_s = ntp_s - (self._ntp_s + (rtp - self._rtp) / self.rate)
        if abs(self.error_s) > JUMP_S and self._only_reports_jump(ahead_s):
            self.distrusted, self.error_s, self._drift = True, 0.0, Drift()
            return
        self._observe_drift(ntp_s, rtp)
        if abs(self.error_s) > JUMP_S:
            self.jumps += 1
            self._rtp, self._ntp_s, self._ahead_s = rtp, ntp_s, ahead_s
            self._anchor, self._drift = None, Drift()
        else:
            # Reports come once a second or seldom, and some are lost; the clocks part meanwhile.
            limit = SLEW * max(1.0, ntp_s - self._reported_s)
            self._ntp_s += max(-limit, min(limit, SMOOTHING * self.error_s))
        self._reported_s = ntp_s

    def _only_reports_jump(self, ahead_s: float | None) -> bool:
        if ahead_s is None or self._ahead_s is None:
            return False
        return abs(ahead_s - self._ahead_s + self.error_s) < JUMP_S / 2

    def _observe_drift(self, ntp_s: float, rtp: int) -> None:
        if self._anchor is None:
            self._anchor = (ntp_s, rtp)
        since = ntp_s - self._anchor[0]
        self._drift.observe(since, since - (rtp - self._anchor[1]) / self.rate)

    @property
    def drift_ms_h(self) -> float | None:
        """How many ms the track's own clock falls behind the sender's in an hour."""
        return self._drift.ms_per_hour

    def seconds(self, rtp: int) -> float:
        """Return UTC seconds on the node's clock of an unwrapped RTP timestamp."""
        since = (rtp - self._rtp) / self.rate
        if self.synced:
            return self._ntp_s + (self._sender.offset_s or 0.0) + since
        return (self._arrival_s or 0.0) + since

    def rtp_at(self, utc_s: float) -> int:
        """Return the unwrapped RTP timestamp of UTC seconds: the inverse of `seconds`."""
        return self._rtp + round((utc_s - self.seconds(self._rtp)) * self.rate)


def sound_offset_ms(clocks: Mapping[str, TrackClock]) -> float | None:
    """Return how much later than its picture a sound is written, by the newest sender reports.

    What the smoothed mapping of each track lags behind its reports is all that can part them.
    None without two synchronous tracks.
    """
    audio, video = clocks.get("audio"), clocks.get("video")
    if audio is None or video is None or not (audio.synced and video.synced):
        return None
    return (video.error_s - audio.error_s) * 1000
