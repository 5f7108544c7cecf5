"""Tells a sender when each of its packets arrived, so that it finds out what the line carries.

Transport-wide congestion control (draft-holmer-rmcat-transport-wide-cc-extensions-01): the sender
numbers all packets of a connection in a header extension; the receiver reports their times.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

URI = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

#: Times are told in units of 250 µs, beginning at a multiple of 64 ms.
TICKS_PER_S = 4000
REFERENCE_TICKS = 256
#: A packet costs six bytes at worst, when holes surround it: two for those before it, two for the
#: symbols that begin with its own, two for its time.
PACKET_BYTES = 6
#: No body is longer, so that its message fits into one datagram, protected.
MAX_BODY = 1100
#: Behind the head of eight bytes, with two for what follows the last packet.
AT_ONCE = (MAX_BODY - 10) // PACKET_BYTES
#: A packet further off than this belongs to other numbers.
FURTHEST = 4000

Arrival = tuple[int, float]


def number(packet: bytes, at: int, wanted: int) -> int | None:
    """Return the transport-wide sequence number of an RTP packet.

    `at` is where its header extension begins, `wanted` the negotiated id, below 15 (RFC 8285
    section 4.2). Raises IndexError when the extension is cut short.
    """
    if packet[at] != 0xBE or packet[at + 1] != 0xDE:
        return None
    end = at + 4 + ((packet[at + 2] << 8 | packet[at + 3]) << 2)
    at += 4
    while at < end:
        head = packet[at]
        if head >> 4 == wanted:
            return packet[at + 1] << 8 | packet[at + 2]
        at += 2 + (head & 15) if head else 1
    return None


class Feedback:
    """Collects the arrivals of one connection. `send` gets bodies of messages for its sender."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._seen: list[Arrival] = []
        self._next: int | None = None
        self._count = 0
        #: Takes (sequence number, UTC seconds) of each packet.
        self.arrived = self._seen.append

    def tell(self) -> None:
        """Report what was not reported yet. A few times a second is often enough for senders."""
        seen = self._seen.copy()
        self._seen.clear()  # first: what cannot be told is not tried again
        for at in range(0, len(seen), AT_ONCE):
            body = self._body(seen[at : at + AT_ONCE])
            if body:
                self._send(body)

    def _body(self, seen: list[Arrival]) -> bytes:
        if self._next is None or abs(_ahead(seen[0][0], self._next)) > FURTHEST:
            self._next = seen[0][0]
        places: dict[int, int] = {}
        for seq, at_s in seen:
            ahead = _ahead(seq, self._next)
            if -FURTHEST <= ahead <= FURTHEST:
                places.setdefault(ahead, int(at_s * TICKS_PER_S))
        if not places:
            self._next = None
            return b""
        begin, end = min(0, *places), max(places) + 1
        base, self._next = self._next + begin & 0xFFFF, self._next + max(end, 0) & 0xFFFF
        self._count += 1
        reference = places[min(places)] // REFERENCE_TICKS
        head = struct.pack(
            "!HHI", base, end - begin, (reference & 0xFFFFFF) << 8 | self._count - 1 & 0xFF
        )
        return head + encode([places.get(place) for place in range(begin, end)], reference)


def _ahead(seq: int, of: int) -> int:
    return (seq - of + 0x8000 & 0xFFFF) - 0x8000


def encode(ticks: list[int | None], reference: int) -> bytes:
    """Return chunks and deltas (section 3.1) for packets in sending order, None for those missing.

    A time too far from the one before (the clock was set) makes its packet one that is missing.
    """
    before = reference * REFERENCE_TICKS
    symbols, deltas = bytearray(), bytearray()
    for tick in ticks:
        delta = 0 if tick is None else tick - before
        if tick is None or not -0x8000 <= delta < 0x8000:
            symbols.append(0)
            continue
        before = tick
        if 0 <= delta <= 255:
            symbols.append(1)
            deltas.append(delta)
        else:
            symbols.append(2)
            deltas += struct.pack("!h", delta)
    return b"".join(struct.pack("!H", chunk) for chunk in _chunks(symbols)) + deltas


def _chunks(symbols: bytearray) -> Iterator[int]:
    """Run lengths where they are worth it, else vectors of seven two-bit symbols."""
    at, size = 0, len(symbols)
    while at < size:
        symbol = symbols[at]
        run = at + 1
        while run < size and symbols[run] == symbol:
            run += 1
        if run - at >= 7 or run == size:
            length = min(run - at, 0x1FFF)
            yield symbol << 13 | length
            at += length
            continue
        chunk = 0xC000
        for place, other in enumerate(symbols[at : at + 7]):
            chunk |= other << (12 - 2 * place)
        yield chunk
        at += 7
