"""From RTP packets of one track to whole frames in order; what is missing is asked for again.

The fast path is a packet in sequence. A gap starts a reorder buffer and NACKs (RFC 4585); what
has not come after `MAX_WAIT_S` is given up and counted; for video a keyframe is asked for.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

from proctorhub.media.assemble import Assembler, assembler_for, keyframe_beginning
from proctorhub.media.clock import SenderClock, TrackClock, Unwrapper, ntp_seconds
from proctorhub.media.frame import Frame
from proctorhub.media.rtcp import Reception

MAX_WAIT_S = 1.0
MAX_PENDING = 1000
# On a line that is full an answer takes a second: asking often would fill it further.
NACK_EVERY_S = 0.04
NACK_SLOWER = 1.6
NACK_TRIES = 7
KEY_AGAIN_S = 1.0
KEY_SLOWEST_S = 2.0
MAX_NACK = 128
#: Of a hole that opens so many are asked for at once, the others within NACK_EVERY_S.
NACK_AT_ONCE = 16
RESTART_DISTANCE = 3000
#: The packets of a frame are not collected beyond so many bytes, eight seconds of 4 Mbit/s.
MAX_FRAME_BYTES = 4 * 1024 * 1024


class TrackIngest:
    """One track of one sender.

    `on_frame(frame, now)` gets whole frames in order. `send_nack(seqs)` and `send_pli()` reach the
    sender. `on_loss(before_s, after_s, packets)` tells of packets given up: UTC seconds of the
    last media before and the first media after them.
    """

    def __init__(
        self,
        kind: str,
        codec: str,
        rate: int,
        sender: SenderClock,
        *,
        on_frame: Callable[[Frame, float], None],
        send_nack: Callable[[list[int]], None],
        send_pli: Callable[[], None],
        on_loss: Callable[[float, float, int], None],
    ) -> None:
        self.kind = kind
        self.codec = codec
        self.clock = TrackClock(rate, sender)
        self._on_frame, self._on_loss = on_frame, on_loss
        self._send_nack, self._send_pli = send_nack, send_pli
        self._assembler = assembler_for(codec)
        self._begins_key = keyframe_beginning(codec)
        self._unwrapper = Unwrapper()
        self._next: int | None = None
        self._pending: dict[int, tuple[int, int, bytes, float]] = {}
        #: The numbers of what is pending, never wrapping, as a heap.
        self._pending_order: list[int] = []
        self._waiting_since = 0.0
        self._asked: dict[int, tuple[float, int]] = {}
        self._asked_at = 0.0
        self._frame_rtp: int | None = None
        self._frame_room = MAX_FRAME_BYTES
        self._whole = True
        self._after_gap = False
        self._need_key = kind == "video"
        self._key_comes = False
        self._key_asked_at = 0.0
        self._key_pause_s = 0.0
        self._last_sr = (0, 0.0)
        self._first_seq = 0
        self._highest = 0
        self._prior = (0, 0)
        self._transit: float | None = None
        self._jitter = 0.0
        self.packets = 0
        self.recovered = 0
        self.octets = 0
        self.frames = 0
        self.lost_packets = 0
        self.dropped_frames = 0
        self.malformed = 0
        self.nacks = 0
        self.plis = 0

    def push(
        self, marker: int, seq: int, rtp: int, payload: bytes, now: float, again: bool = False
    ) -> None:
        """Take one packet; `again` marks a retransmission (RFC 4588); `now` is UTC seconds."""
        if again:
            self.recovered += 1
        else:
            self.packets += 1
            self.octets += len(payload)
        if seq == self._next:
            self._next = (seq + 1) & 0xFFFF
            if self._pending:
                self._consume(marker, rtp, payload, now)
                self._drain(now)
            else:
                self._highest += 1
                self._consume(marker, rtp, payload, now)
        elif self._next is None:
            self._next = (seq + 1) & 0xFFFF
            self._first_seq = self._highest = seq
            self._consume(marker, rtp, payload, now)
        else:
            self._push_out_of_order(marker, seq, rtp, payload, now)

    def _push_out_of_order(
        self, marker: int, seq: int, rtp: int, payload: bytes, now: float
    ) -> None:
        assert self._next is not None
        ahead = (seq - self._next) & 0xFFFF
        if ahead >= 0x8000:
            if 0x10000 - ahead > RESTART_DISTANCE:
                self._restart(marker, seq, rtp, payload, now)
            return
        if seq in self._pending:
            return
        if not self._pending:
            self._waiting_since = now
        self._pending[seq] = (marker, rtp, payload, now)
        further = (seq - self._highest) & 0xFFFF
        number = self._highest + (further if further < 0x8000 else further - 0x10000)
        heapq.heappush(self._pending_order, number)
        if number > self._highest:
            hole = range(self._highest + 1, number)
            self._highest = number
            self._ask_for(hole[:NACK_AT_ONCE], now)
        if len(self._pending) > MAX_PENDING:
            self._give_up(now)
        else:
            self.tick(now)

    def _restart(self, marker: int, seq: int, rtp: int, payload: bytes, now: float) -> None:
        # A sender that starts over with other numbers (a restarted encoder): follow it.
        self._pending.clear()
        self._pending_order.clear()
        self._next = (seq + 1) & 0xFFFF
        self._first_seq = self._highest = seq
        self._prior = (0, self.packets)
        self._break_frame()
        self._consume(marker, rtp, payload, now)

    def tick(self, now: float) -> None:
        """Ask again for what is missing and give up what is too late; `now` is UTC seconds."""
        if self._need_key and self.packets:
            self._ask_for_key(now)
        while self._pending and _passed(now, self._waiting_since) > MAX_WAIT_S:
            self._give_up(now)
        if self._pending and _passed(now, self._asked_at) > NACK_EVERY_S:
            self._asked_at = now
            self._ask_for(range(self._pending_order[0] - self._missing(), self._highest), now)

    def flush(self, now: float) -> None:
        """Give up what is missing and take the rest: nothing more will come."""
        while self._pending:
            self._give_up(now)

    def _ask_for(self, numbers: range, now: float) -> None:
        """Ask for those of these numbers that are not here, unless that was done just now."""
        if self.kind != "video":
            return
        wanted = []
        for number in numbers[:MAX_PENDING]:
            seq = number & 0xFFFF
            if seq in self._pending:
                continue
            at, tries = self._asked.get(seq, (0.0, 0))
            pause_s = NACK_EVERY_S * NACK_SLOWER ** (tries - 1)
            if _passed(now, at) > pause_s and tries < NACK_TRIES:
                self._asked[seq] = (now, tries + 1)
                wanted.append(seq)
                if len(wanted) == MAX_NACK:
                    break
        if len(self._asked) > 2 * MAX_PENDING:
            self._asked.clear()
        if wanted:
            self.nacks += 1
            self._send_nack(wanted)

    def _drain(self, now: float) -> None:
        while self._pending:
            packet = self._pending.pop(self._next or 0, None)
            if packet is None:
                # The next hole has been open since the packet behind it came.
                self._waiting_since = self._pending[self._first_pending()][3]
                return
            heapq.heappop(self._pending_order)
            self._next = ((self._next or 0) + 1) & 0xFFFF
            self._consume(*packet)
        self._asked.clear()

    def _first_pending(self) -> int:
        return self._pending_order[0] & 0xFFFF

    def _missing(self) -> int:
        """Return how many packets the first hole lacks."""
        return (self._first_pending() - (self._next or 0)) & 0xFFFF

    def _give_up(self, now: float) -> None:
        first, missing = self._first_pending(), self._missing()
        self.lost_packets += missing
        before = self.clock.seconds(self._unwrapper.value)
        after = self.clock.seconds(self._unwrapper.near(self._pending[first][1]))
        self._next = first
        self._break_frame()
        self._on_loss(before, after, missing)
        self._drain(now)
        if self._need_key:
            self._ask_for_key(now)

    def _break_frame(self) -> None:
        if self.kind == "video":
            self._whole = self._key_comes = False
            self._after_gap = self._need_key = True

    def _ask_for_key(self, now: float) -> None:
        # A keyframe takes its time on a narrow line; another one would hold it up.
        self._need_key = True
        if not self._key_comes and _passed(now, self._key_asked_at) > self._key_pause_s:
            self._key_asked_at = now
            self._key_pause_s = min(KEY_SLOWEST_S, max(KEY_AGAIN_S, 2 * self._key_pause_s))
            self.request_keyframe()

    def _consume(self, marker: int, rtp: int, payload: bytes, now: float) -> None:
        if not payload:
            return
        new_frame = rtp != self._frame_rtp
        if new_frame:
            self._frame_rtp = rtp
            at = self._unwrapper.unwrap(rtp)
            self.clock.frame(at, now)
            self._measure_jitter(at, now)
        assembler = self._assembler
        if assembler is None:
            self.frames += 1
            self._on_frame(Frame(self.kind, payload, self._unwrapper.value, True), now)
            return
        if new_frame:
            assembler.begin()
            self._frame_room = MAX_FRAME_BYTES
            # A VP8 packet shows whether it begins a frame; an H.264 one does not, so the first
            # access unit behind a gap cannot be trusted.
            self._whole = not self._after_gap or self.codec == "VP8"
            self._after_gap = False
            self._key_comes = self._need_key and self._whole and self._begins_key(payload)
        if self._whole:
            self._frame_room -= len(payload)
            try:
                self._whole = self._frame_room >= 0 and assembler.add(payload)
            except IndexError:
                self.malformed += 1
                self._whole = False
            if self._frame_room < 0:  # its end may never come, and what follows may refer to it
                assembler.begin()
                self.malformed += 1
                self._key_comes = False
                self._need_key = True
        if marker:
            self._finish_frame(assembler, now)

    def _finish_frame(self, assembler: Assembler, now: float) -> None:
        self._key_comes = False
        if self._whole:
            data, key, layer = assembler.take()
            if data and (key or not self._need_key):
                self._need_key = False
                self._key_pause_s = 0.0
                self.frames += 1
                self._on_frame(Frame(self.kind, data, self._unwrapper.value, key, layer), now)
                return
        elif not self._need_key:
            self._ask_for_key(now)
        self.dropped_frames += 1

    def _measure_jitter(self, rtp: int, now: float) -> None:
        transit = now * self.clock.rate - rtp
        if self._transit is not None:
            self._jitter += (abs(transit - self._transit) - self._jitter) / 16
        self._transit = transit

    def request_keyframe(self) -> None:
        """Ask the sender for a keyframe."""
        if self.kind == "video":
            self.plis += 1
            self._send_pli()

    def report(self, ntp: int, rtp: int, now: float) -> None:
        """Take a sender report: 32.32 NTP, RTP timestamp; `now` is UTC seconds."""
        if ntp == 0 or self._frame_rtp is None:
            return
        self._last_sr = (ntp >> 16 & 0xFFFFFFFF, now)
        self.clock.report(ntp_seconds(ntp), self._unwrapper.near(rtp), now)

    def reception(self, ssrc: int, now: float) -> Reception:
        """Return the report block of the time since the last one (RFC 3550 section 6.4.1)."""
        expected = self._highest - self._first_seq + 1
        newly_expected = expected - self._prior[0]
        newly_received = self.packets - self._prior[1]
        self._prior = (expected, self.packets)
        lost = newly_expected - newly_received
        fraction = (lost << 8) // newly_expected if 0 < lost <= newly_expected else 0
        delay = int((now - self._last_sr[1]) * 65536) if self._last_sr[0] else 0
        return Reception(
            ssrc,
            min(fraction, 255),
            expected - self.packets,
            self._highest,
            int(self._jitter),
            self._last_sr[0],
            max(0, delay),
        )


def _passed(now: float, since: float) -> float:
    """Return seconds between two times of a clock that may have been set back in between."""
    return abs(now - since)
