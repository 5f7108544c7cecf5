"""Does the ledger know of every fault, and does it add up? Times are UTC seconds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from proctorhub.domain.completeness import merge, subtract

#: A cut's first and last moments may be bridged: packets on their way, a frame's length.
SLACK_S = 1.0
RECONCILED_S = 1.0
#: Between a sender's first packet and its connection's time, as the sender and the node see it.
EDGE_S = 3.0

Span = tuple[float, float]


@dataclass(frozen=True)
class Cut:
    """One candidate without network."""

    session: str
    from_s: float
    to_s: float


@dataclass(frozen=True)
class Kill:
    """A node killed with these sessions on it."""

    sessions: tuple[str, ...]
    at_s: float


@dataclass(frozen=True)
class Outage:
    """The storage away."""

    from_s: float
    to_s: float


@dataclass(frozen=True)
class Account:
    """What the ledger says of one track, or of a whole source."""

    gaps: tuple[Span, ...]
    expected_s: float
    recorded_s: float

    @classmethod
    def read(cls, told: dict[str, Any]) -> Account:
        """Take a part of the API's answer apart."""
        missing = [*told["gaps"], *told["healed"]]
        return cls(tuple(map(_span, missing)), told["expected_s"], told["recorded_s"])

    @property
    def off_s(self) -> float:
        """Return by how much expected differs from recorded and missing."""
        return abs(self.expected_s - self.recorded_s - _length(self.gaps))


@dataclass(frozen=True)
class Camera:
    """What the ledger says of one session's camera; `sent_s` is what its sender says."""

    session: str
    whole: Account
    by_track: dict[str, Account]
    segments: tuple[Span, ...]
    noted: tuple[Span, ...]
    sent_s: float

    @classmethod
    def read(
        cls, session: str, told: dict[str, Any], entries: list[dict[str, Any]], sent_s: float
    ) -> Camera:
        """Take the API's answer apart."""
        return cls(
            session,
            Account.read(told),
            {account["track"]: Account.read(account) for account in told["by_track"]},
            tuple(_span(segment) for segment in told["segments"]),
            tuple(
                (entry["data"]["started_at"] / 1000, entry["data"]["ended_at"] / 1000)
                for entry in entries
                if entry["kind"] == "gap.noted"
            ),
            sent_s,
        )

    def missing_within(self, span: Span) -> float:
        """Return seconds of `span` that are missing."""
        return _within(self.whole.gaps, span)

    def noted_within(self, span: Span) -> float:
        """Return seconds of `span` that the log notes as missing of one track at least."""
        return _within(tuple(merge(self.noted)), span)

    def back_after(self, moment: float) -> float | None:
        """Return how long after `moment` the gap that holds it (or ends just before) ended."""
        ends = [e for s, e in self.whole.gaps if s <= moment + 0.5 and e >= moment - SLACK_S]
        return max(ends) - moment if ends else None

    @property
    def apart_s(self) -> float:
        """Return by how much what the tracks miss together differs from what the whole misses."""
        together = merge(gap for account in self.by_track.values() for gap in account.gaps)
        whole = merge(self.whole.gaps)
        return _length(subtract(together, whole)) + _length(subtract(whole, together))


def reckon(cameras: list[Camera], faults: list[Cut | Kill | Outage]) -> dict[str, Any]:
    """Return the figures of docs and benchmark."""
    by_session = {camera.session: camera for camera in cameras}
    told, recoveries, relocations, lost = [], [], [], []
    for fault in faults:
        if isinstance(fault, Cut):
            camera = by_session[fault.session]
            back = camera.back_after(fault.to_s)
            span = (fault.from_s, fault.to_s)
            wanted = fault.to_s - fault.from_s - 2 * SLACK_S
            # After a short cut the pictures come by retransmission; sound has none.
            known = max(camera.missing_within(span), camera.noted_within(span)) >= wanted
            if back is not None:
                recoveries.append(max(0.0, back))
            told.append(
                _line(
                    "cut",
                    known,
                    length_s=fault.to_s - fault.from_s,
                    missing_s=camera.missing_within(span),
                    noted_s=camera.noted_within(span),
                    back_s=back,
                )
            )
        elif isinstance(fault, Kill):
            backs = [by_session[s].back_after(fault.at_s) for s in fault.sessions]
            relocations += [back for back in backs if back is not None]
            for session in fault.sessions:
                ends = [e for s, e in by_session[session].segments if s < fault.at_s - 0.5]
                lost.append(fault.at_s - max(ends))
            known = bool(backs) and all(back is not None for back in backs)
            told.append(_line("node killed", known, sessions=len(backs), back_s=max(_some(backs))))
        else:
            spans = (fault.from_s, fault.to_s)
            cut = {f.session for f in faults if isinstance(f, Cut) and f.to_s > fault.from_s}
            others = [c for c in cameras if c.session not in cut]
            missing = max(c.missing_within(spans) for c in others)
            told.append(_line("storage away", missing < SLACK_S, missing_s=missing))
    worst = max(camera.whole.off_s for camera in cameras)
    tracks = _tracks(cameras)
    off = max(figures["off_s"] for figures in tracks.values())
    apart = max(camera.apart_s for camera in cameras)
    edges = max(abs(camera.sent_s - camera.whole.expected_s) for camera in cameras)
    quiet = [_undisturbed(camera, faults) for camera in cameras]
    told.append(_line("2 % loss", max(quiet) <= SLACK_S, missing_s=max(quiet)))
    return {
        "faults": told,
        "completeness": _share([camera.whole for camera in cameras]),
        "faults_injected": len(told),
        "faults_accounted": sum(line["accounted"] for line in told),
        "recovery_s_p50": rank(recoveries, 0.5),
        "recovery_s_p95": rank(recoveries, 0.95),
        "relocation_s_p95": rank(relocations, 0.95),
        "lost_with_node_s_max": round(max(lost, default=0.0), 2),
        "reconciled_within_s": round(worst, 3),
        "tracks": tracks,
        "tracks_reconciled_within_s": off,
        "tracks_apart_from_whole_s": round(apart, 3),
        "reconciles": max(worst, off, apart) <= RECONCILED_S and edges <= EDGE_S,
        "edges_s": round(edges, 2),
    }


def _tracks(cameras: list[Camera]) -> dict[str, dict[str, float]]:
    """Return of each track its completeness and by how much its worst account does not add up."""
    figures = {}
    for name in sorted({name for camera in cameras for name in camera.by_track}):
        accounts = [camera.by_track[name] for camera in cameras]
        worst = max(account.off_s for account in accounts)
        figures[name] = {"completeness": _share(accounts), "off_s": round(worst, 3)}
    return figures


def _share(accounts: list[Account]) -> float:
    return round(sum(a.recorded_s for a in accounts) / sum(a.expected_s for a in accounts), 4)


def _undisturbed(camera: Camera, faults: list[Cut | Kill | Outage]) -> float:
    """Return seconds missing that no fault but the loss explains."""
    excused = sum(
        camera.missing_within((fault.from_s - SLACK_S, fault.to_s + 10.0))
        if isinstance(fault, Cut)
        else camera.missing_within((fault.at_s - 12.0, fault.at_s + 15.0))
        for fault in faults
        if (isinstance(fault, Cut) and fault.session == camera.session)
        or (isinstance(fault, Kill) and camera.session in fault.sessions)
    )
    return _length(camera.whole.gaps) - excused


def _line(kind: str, accounted: bool, **figures: float | None) -> dict[str, Any]:
    rounded = {k: None if v is None else round(v, 2) for k, v in figures.items()}
    return {"fault": kind, "accounted": accounted, **rounded}


def _some(values: list[float | None]) -> list[float]:
    return [value for value in values if value is not None] or [math.nan]


def rank(values: list[float], share: float) -> float | None:
    """Return the value that a share of all does not exceed, rounded; the median for 0.5."""
    ordered = sorted(values)
    if not ordered:
        return None
    if share == 0.5:
        return round(statistics.median(ordered), 2)
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 2)


def _length(spans: Iterable[Span]) -> float:
    return sum(end - start for start, end in spans)


def _within(found: tuple[Span, ...], span: Span) -> float:
    return sum(max(0.0, min(e, span[1]) - max(s, span[0])) for s, e in found)


def _span(item: dict[str, Any]) -> Span:
    start, end = (datetime.fromisoformat(item[k]).timestamp() for k in ("started_at", "ended_at"))
    return start, end
