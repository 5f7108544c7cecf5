"""What the rules remember between two looks: plain values, for any worker to take on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from proctorhub.domain import calibration
from proctorhub.domain.calibration import Calibration
from proctorhub.domain.incident_terms import Detector, Severity
from proctorhub.domain.observation import Source

#: Of a long incident the first and the last looks are kept.
FIRST_LOOKS = 4
LAST_LOOKS = 4

#: How far each criterion (by its place in the rule) was over its threshold.
Excess = Mapping[int, float]


@dataclass(frozen=True)
class Run:
    """What speaks for an incident: one that is open, or (no `severity`) not confirmed yet.

    `held_at` is the last time it held; `on` says that a signal still holds. `recent` are the looks
    that followed each other over the threshold, as far as confirmation needs them; `stretch_from`
    is when the present uninterrupted stretch of them began, `longest_ms` the longest there was.
    `need` is the smallest change of each criterion that would have kept it from being confirmed.
    `looks` are plain values, as the explanation shows them.
    """

    started_at: int
    held_at: int
    severity: Severity | None = None
    on: bool = False
    hits: int = 0
    recent: tuple[tuple[int, Excess], ...] = ()
    stretch_from: int | None = None
    longest_ms: int = 0
    need: Excess = field(default_factory=dict)
    looks: tuple[Mapping[str, Any], ...] = ()
    models: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Track:
    """One detector: when something last spoke of it, what is running, and the window of a sum."""

    at: int
    run: Run | None = None
    window: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class State:
    """All detectors of a session, or of one source of it; `newest` is each source's last look."""

    tracks: Mapping[Detector, Track] = field(default_factory=dict)
    newest: Mapping[Source, int] = field(default_factory=dict)
    calibration: Calibration = field(default_factory=Calibration)


def to_plain(state: State) -> dict[str, Any]:
    """Return JSON values."""
    return {
        "tracks": {detector.value: _track(track) for detector, track in state.tracks.items()},
        "newest": {source.value: at for source, at in state.newest.items()},
        "calibration": calibration.to_plain(state.calibration),
    }


def from_plain(plain: Mapping[str, Any]) -> State:
    """Return the state that `to_plain` wrote."""
    return State(
        {Detector(name): _read_track(track) for name, track in plain["tracks"].items()},
        {Source(name): at for name, at in plain["newest"].items()},
        calibration.from_plain(plain["calibration"]),
    )


def _track(track: Track) -> dict[str, Any]:
    return {
        "at": track.at,
        "run": _run(track.run) if track.run else None,
        "window": [list(item) for item in track.window],
    }


def _read_track(plain: Mapping[str, Any]) -> Track:
    run = plain["run"]
    window = tuple((at, seconds) for at, seconds in plain["window"])
    return Track(plain["at"], _read_run(run) if run else None, window)


def _run(run: Run) -> dict[str, Any]:
    return {
        "started_at": run.started_at,
        "held_at": run.held_at,
        "severity": run.severity.value if run.severity else None,
        "on": run.on,
        "hits": run.hits,
        "recent": [[at, _excess(excess)] for at, excess in run.recent],
        "stretch_from": run.stretch_from,
        "longest_ms": run.longest_ms,
        "need": _excess(run.need),
        "looks": [dict(look) for look in run.looks],
        "models": dict(run.models),
    }


def _read_run(plain: Mapping[str, Any]) -> Run:
    return Run(
        started_at=plain["started_at"],
        held_at=plain["held_at"],
        severity=Severity(plain["severity"]) if plain["severity"] else None,
        on=plain["on"],
        hits=plain["hits"],
        recent=tuple((at, _read_excess(excess)) for at, excess in plain["recent"]),
        stretch_from=plain["stretch_from"],
        longest_ms=plain["longest_ms"],
        need=_read_excess(plain["need"]),
        looks=tuple(plain["looks"]),
        models=plain["models"],
    )


def _excess(excess: Excess) -> dict[str, float]:
    return {str(place): over for place, over in excess.items()}


def _read_excess(plain: Mapping[str, float]) -> dict[int, float]:
    return {int(place): over for place, over in plain.items()}
