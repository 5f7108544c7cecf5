"""RTCP messages the node sends (RFC 3550, RFC 4585, drafts of REMB and transport-wide feedback)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

PLI = 1
FIR = 4
APPLICATION = 15
NACK = 1


@dataclass(frozen=True)
class Reception:
    """One report block (RFC 3550 section 6.4.1)."""

    ssrc: int
    fraction_lost: int
    packets_lost: int
    highest_sequence: int
    jitter: int
    last_sr: int
    delay_since_sr: int

    def pack(self) -> bytes:
        """Return the 24 bytes of the block."""
        lost = max(-0x800000, min(0x7FFFFF, self.packets_lost)) & 0xFFFFFF
        return struct.pack(
            "!IIIIII",
            self.ssrc,
            (self.fraction_lost & 0xFF) << 24 | lost,
            self.highest_sequence & 0xFFFFFFFF,
            self.jitter & 0xFFFFFFFF,
            self.last_sr,
            self.delay_since_sr & 0xFFFFFFFF,
        )


def _message(kind: int, count: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def receiver_report(ssrc: int, reports: list[Reception]) -> bytes:
    """Return a receiver report (RFC 3550 section 6.4.2)."""
    return _message(
        201, len(reports), struct.pack("!I", ssrc) + b"".join(r.pack() for r in reports)
    )


def sender_report(ssrc: int, ntp: int, rtp: int, packets: int, octets: int, cname: str) -> bytes:
    """Return a sender report with its SDES CNAME (RFC 3550 sections 6.4.1 and 6.5).

    `ntp` is 32.32 fixed point since 1900, `rtp` the media timestamp of the same instant.
    """
    mask = 0xFFFFFFFF
    body = struct.pack("!IQIII", ssrc, ntp, rtp & mask, packets & mask, octets & mask)
    name = cname.encode()[:255]
    chunk = struct.pack("!IBB", ssrc, 1, len(name)) + name + b"\0"
    return _message(200, 0, body) + _message(202, 1, chunk + b"\0" * (-len(chunk) % 4))


def picture_loss(ssrc: int, media_ssrc: int) -> bytes:
    """Return a request for a keyframe (RFC 4585 section 6.3.1)."""
    return _message(206, PLI, struct.pack("!II", ssrc, media_ssrc))


def nack(ssrc: int, media_ssrc: int, lost: list[int]) -> bytes:
    """Return a generic NACK (RFC 4585 section 6.2.1); `lost` in sending order, may wrap."""
    body = struct.pack("!II", ssrc, media_ssrc)
    base, mask = lost[0], 0
    for seq in lost[1:]:
        distance = (seq - base - 1) & 0xFFFF
        if distance < 16:
            mask |= 1 << distance
        else:
            body += struct.pack("!HH", base, mask)
            base, mask = seq, 0
    return _message(205, NACK, body + struct.pack("!HH", base, mask))


def remb(ssrc: int, bitrate: int, ssrcs: list[int]) -> bytes:
    """Return a receiver-estimated maximum bitrate in bit/s (draft-alvestrand-rmcat-remb-03)."""
    exponent = max(0, bitrate.bit_length() - 18)
    body = struct.pack(
        "!II4sI", ssrc, 0, b"REMB", len(ssrcs) << 24 | exponent << 18 | bitrate >> exponent
    )
    return _message(206, APPLICATION, body + b"".join(struct.pack("!I", s) for s in ssrcs))


def transport_feedback(ssrc: int, media_ssrc: int, body: bytes) -> bytes:
    """Return transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01, 3.1)."""
    return _message(205, 15, struct.pack("!II", ssrc, media_ssrc) + body + bytes(-len(body) % 4))
