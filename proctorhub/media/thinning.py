"""How much of a video a viewer gets, by what its line carries: decided once a second.

Nothing is encoded anew: less means fewer pictures. The sender and the recording never feel it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from proctorhub.media.layers import ALL, KEYFRAMES

#: The layer that is left out first stands above this one.
FIRST = 1
#: So many seconds in a row say that the line is too narrow.
NARROW_S = 3
#: A share lost as with which senders give way (draft-ietf-rmcat-gcc-02 section 6).
LOST = 0.1
#: An estimator that finds its line full says 0.85 of what comes through it (section 5.5).
CARRIED = 0.9
#: As long as it says so much more each second it is still finding out: it grows by 1.08 a second
#: while more comes (section 5.5), so it knows little of a line over which little was sent.
FINDING_OUT = 1.03
#: More is tried after so many good seconds; twice as many each time that it was too much.
TRY_AFTER_S, TRY_LATEST_S = 10, 160


@dataclass(frozen=True)
class Thinness:
    """What one viewer gets: layers up to `highest`; and how its line has been."""

    highest: int = ALL
    narrow_s: int = 0
    roomy_s: int = 0
    try_after_s: int = TRY_AFTER_S
    #: More was tried, and whether it is too much has not shown yet.
    trying: bool = False
    #: What the viewer believed its line to carry a second ago.
    carried_bits: float | None = None


def decide(now: Thinness, sent_bits: float, carried_bits: float | None, lost: float) -> Thinness:
    """Return what to send from now on, after another second.

    `sent_bits` of video went to the viewer in it, `carried_bits` is what the viewer believes its
    line to carry, if it says so (REMB); `lost` the share of packets that it missed.
    """
    full = lost > LOST or _says_full(sent_bits, carried_bits, now.carried_bits)
    return replace(_decided(now, full), carried_bits=carried_bits)


def _says_full(sent_bits: float, carried_bits: float | None, before_bits: float | None) -> bool:
    if carried_bits is None or carried_bits >= CARRIED * sent_bits:
        return False
    return before_bits is None or carried_bits <= FINDING_OUT * before_bits


def _decided(now: Thinness, full: bool) -> Thinness:
    if full:
        # a keyframe alone fills a second of many a line, and is none for which to give way
        now = replace(now, narrow_s=now.narrow_s + 1)
        if now.narrow_s < NARROW_S:
            return now
        if now.highest == KEYFRAMES:
            return replace(now, roomy_s=0)
        again_s = min(TRY_LATEST_S, 2 * now.try_after_s) if now.trying else now.try_after_s
        return Thinness(min(now.highest - 1, FIRST), try_after_s=again_s)
    now = replace(now, narrow_s=0, roomy_s=now.roomy_s + 1)
    if now.highest == ALL:
        return Thinness(roomy_s=now.roomy_s) if now.roomy_s >= TRY_LATEST_S else now
    if now.roomy_s < now.try_after_s:
        return now
    higher = now.highest + 1 if now.highest < FIRST else ALL
    return replace(now, highest=higher, roomy_s=0, trying=True)
