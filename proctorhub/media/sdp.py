"""What the node asks of a session description before any library sees it."""

from __future__ import annotations

MAX_CANDIDATES = 64


class BadOffer(Exception):
    """A session description that cannot be used; the text is for the person."""


def clean_candidates(sdp: str) -> str:
    """Return `sdp` without mDNS candidates and without `end-of-candidates`.

    An mDNS name would block on multicast for up to a second; the browser's own checks reveal the
    address anyway (peer-reflexive, RFC 8445 section 7.3.1.3). Without end-of-candidates ICE keeps
    waiting for those checks; the node has a deadline of its own. Raises BadOffer above
    MAX_CANDIDATES.
    """
    kept = []
    candidates = 0
    for line in sdp.splitlines():
        if line.startswith("a=end-of-candidates"):
            continue
        if line.startswith("a=candidate:"):
            candidates += 1
            if is_mdns(line):
                continue
        kept.append(line)
    if candidates > MAX_CANDIDATES:
        raise BadOffer(f"More than {MAX_CANDIDATES} candidates.")
    return "\r\n".join(kept) + "\r\n"


def is_mdns(candidate: str) -> bool:
    """Return whether a candidate line hides its address behind an mDNS name."""
    fields = candidate.split()
    return len(fields) > 4 and fields[4].endswith(".local")


def read_fragment(text: str) -> tuple[str, list[tuple[str, str]]]:
    """Return (ice-ufrag or "", [(mid, candidate)]) of a trickle-ICE fragment (RFC 8840)."""
    ufrag, mid = "", ""
    found: list[tuple[str, str]] = []
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("a=ice-ufrag:"):
            ufrag = line.partition(":")[2]
        elif line.startswith("a=mid:"):
            mid = line.partition(":")[2]
        elif line.startswith("a=candidate:") and not is_mdns(line):
            found.append((mid, line.partition(":")[2]))
    if len(found) > MAX_CANDIDATES:
        raise BadOffer(f"More than {MAX_CANDIDATES} candidates.")
    return ufrag, found
