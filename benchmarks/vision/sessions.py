"""Simulated sessions with a known course: what is flagged that did not happen, what is missed."""

from __future__ import annotations

import itertools
import os
import zlib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.vision.behaviour import EVENTS, TICK_MS, TICKS_S, Behaviour, event, innocent
from benchmarks.vision.courses import START_MS, how_soon
from benchmarks.vision.watching import EVERY, WARM_TICKS, Run, Watcher
from proctorhub.domain.accuracy import LabelledSession, Stretch, report
from proctorhub.domain.incident_rules import RULES
from proctorhub.domain.incident_terms import Detector
from proctorhub.domain.observation import Source

#: An innocent session goes on for so long, minutes; longer ones make more of them.
SESSION_MIN = 20.0


@dataclass
class Course:
    """What came of one person's sessions: flags and notes, and how long each event took."""

    name: str
    sessions: list[LabelledSession] = field(default_factory=list)
    flags: list[Stretch] = field(default_factory=list)
    notes: list[Stretch] = field(default_factory=list)
    took: dict[str, list[float | None]] = field(default_factory=dict)


def measure(folder: Path, minutes: float, repeats: int, seed: int) -> dict[str, Any]:
    """Return false flags an innocent hour and recall by detector and by event, with intervals.

    `minutes` are those each person sits there innocently, `repeats` how often each event happens to
    each, `seed` tells one run's innocent sessions from another's. Every core takes a session at a
    time: sessions know no clock but their own.
    """
    names = [one.name for one in Watcher(folder).frontal()]
    cores = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        eventful = list(
            pool.map(partial(_events, folder, names, repeats), names if repeats else ())
        )
        lengths = _lengths(minutes)
        sat = [(name, seed * 1000 + place) for name in names for place in range(len(lengths))]
        quiet = list(pool.map(partial(_innocent, folder), sat, lengths * len(names)))
    courses = [*eventful, *quiet]
    found = report(
        [one for course in courses for one in course.sessions],
        [one for course in courses for one in course.notes],
        [one for course in courses for one in course.flags],
    )["all"]
    camera_only = [d.value for d, rule in RULES.items() if rule.source is Source.CAMERA]
    return {
        "people": names,
        "innocent_sessions": len(sat),
        "innocent_hours": found["hours"],
        "false_incidents_per_hour": found["false_flags"]["per_hour"],
        "false_incidents_interval_95": found["false_flags"]["interval_95"],
        "false_incidents": {
            name: found["detectors"].get(name, {"false_flags": {"count": 0}})["false_flags"][
                "count"
            ]
            for name in camera_only
        },
        "false_incidents_of": [
            (one.session_id, one.detector, round((one.started_ms - START_MS) / 1000))
            for course in quiet
            for one in course.flags
        ],
        "recall": {name: one["recall"] for name, one in found["detectors"].items()},
        "events": {
            kind: how_soon([x for course in eventful for x in course.took[kind]]) for kind in EVENTS
        },
        "missed": {
            course.name: missed
            for course in eventful
            if (missed := [kind for kind, took in course.took.items() if None in took])
        },
    }


def _lengths(minutes: float) -> list[float]:
    """Return how long each of a person's innocent sessions lasts, minutes."""
    whole, rest = divmod(minutes, SESSION_MIN)
    return [SESSION_MIN] * int(whole) + [rest] * (rest > 0)


def _innocent(folder: Path, who: tuple[str, int], minutes: float) -> Course:
    """Let one person sit there and do nothing wrong, from the minute that calibrates on."""
    name, seed = who
    watcher, course = Watcher(folder), Course(name)
    run = Run(watcher.reference(name))
    behaviour = Behaviour(name, zlib.crc32(f"{name} {seed}".encode()))
    watcher.watch(run, innocent(behaviour), WARM_TICKS + round(minutes * 60 * TICKS_S))
    which = f"{name} {seed}"
    course.sessions.append(LabelledSession(which, run.at * TICK_MS / 3_600_000))
    course.flags += [Stretch(which, d.value, at, at) for d, at, _ in run.flags]
    return course


def _events(folder: Path, names: list[str], repeats: int, name: str) -> Course:
    """Let one person sit there: calibrate, and every event from there."""
    watcher, course = Watcher(folder), Course(name)
    run = Run(watcher.reference(name))
    watcher.watch(run, innocent(Behaviour(name, names.index(name))), WARM_TICKS)
    others = [other for other in names if other != name]
    for (kind, (detector, seconds)), again in itertools.product(EVENTS.items(), range(repeats)):
        other = others[again % len(others)]
        took = _happens(watcher, run.copy(), name, other, kind, detector, seconds, again)
        course.took.setdefault(kind, []).append(took)
        which = f"{name} {kind} {again}"
        course.sessions.append(LabelledSession(which, 0.0))
        course.notes.append(Stretch(which, detector.value, 0, 0))
        if took is not None:
            course.flags.append(Stretch(which, detector.value, 0, 0))
    return course


def _happens(
    watcher: Watcher,
    run: Run,
    name: str,
    other: str,
    kind: str,
    detector: Detector,
    seconds: int,
    again: int,
) -> float | None:
    """Let something happen; return seconds until it was flagged, None if it was not."""
    behaviour = Behaviour(name, zlib.crc32(f"{name} {kind} {again}".encode()))
    # It begins at any phase of the second.
    watcher.watch(run, innocent(behaviour), 4 + again % EVERY)
    onset_ms = START_MS + run.at * TICK_MS
    watcher.watch(run, event(behaviour, kind, other), round(seconds * TICKS_S))
    took = [(at - onset_ms) / 1000 for d, _, at in run.flags if d is detector and at >= onset_ms]
    return min(took, default=None)
