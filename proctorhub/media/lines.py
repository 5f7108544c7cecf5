"""m-lines as plain values: what was offered, and what was agreed on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MediaLine:
    """One negotiated m-line. `ssrc`/`rtx_ssrc` are the sender's; `local_ssrc` signs our RTCP.

    `transport_cc` is the id of the header extension with transport-wide sequence numbers.
    """

    kind: str
    mid: str
    codec: str
    payload_type: int
    clock_rate: int
    rtx_payload_type: int | None
    ssrc: int | None
    rtx_ssrc: int | None
    local_ssrc: int
    cname: str
    profile: str
    transport_cc: int | None = None


@dataclass(frozen=True)
class OfferedLine:
    """What one m-line of an offer proposes; codecs in the order of the offer."""

    kind: str
    direction: str
    codecs: tuple[str, ...]
