"""SRTP (RFC 3711) of one connection, through libsrtp and without a copy more than needed."""

from __future__ import annotations

from typing import Any

import pylibsrtp
from pylibsrtp._binding import ffi, lib

from proctorhub.media.batch import AT_ONCE, ROOM, inbox

#: libsrtp appends up to 144 bytes to a packet.
_TRAILER = 160

# libsrtp works in place: on what was received, and on one buffer for all that is sent.
_base = ffi.from_buffer(inbox)
_received = tuple(_base + place * ROOM for place in range(AT_ONCE))
_received_view = memoryview(inbox)
_outbox = ffi.new("char[]", 2048 + _TRAILER)
_outbox_view = ffi.buffer(_outbox)
_length = ffi.new("int *")
_unprotect = lib.srtp_unprotect
_protect = lib.srtp_protect


class Srtp:
    """Both directions of one connection; `received` and `sent` are pylibsrtp's sessions."""

    def __init__(self, received: Any, sent: Any) -> None:
        self._received, self._sent = received, sent
        self._rx, self._tx = received._srtp[0], sent._srtp[0]

    def open_rtp(self, place: int, size: int) -> bytes | None:
        """Return the RTP packet whose protected bytes are at `place` of `inbox`; None if forged."""
        _length[0] = size
        if _unprotect(self._rx, _received[place], _length):
            return None
        at = place * ROOM
        return bytes(_received_view[at : at + _length[0]])

    def open_rtcp(self, place: int, size: int) -> bytes | None:
        """Return the RTCP packet whose protected bytes are at `place`; None if it is forged."""
        at = place * ROOM
        try:
            return bytes(self._received.unprotect_rtcp(bytes(_received_view[at : at + size])))
        except pylibsrtp.Error:
            return None

    def seal_rtp(self, packet: bytes) -> bytes | None:
        """Return a protected RTP packet; None when libsrtp will not."""
        size = len(packet)
        _outbox_view[0:size] = packet
        _length[0] = size
        if _protect(self._tx, _outbox, _length):
            return None
        return bytes(_outbox_view[0 : _length[0]])

    def seal_rtcp(self, packet: bytes) -> bytes:
        """Return a protected RTCP packet."""
        return bytes(self._sent.protect_rtcp(packet))
