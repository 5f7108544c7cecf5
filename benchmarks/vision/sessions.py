"""Simulated sessions with a known course: what is flagged that did not happen, what is missed.

Pictures can be seen as often as layer 0 of a camera with 15 pictures a second has them; software
looks at every third, and at three more after one that makes it suspicious, as in the live path.
Innocent people glance, look down, blink, touch their face and move; the light wanders and the
sensor is noisy.
"""

from __future__ import annotations

import hashlib
import itertools
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from proctorhub.config import Settings
from proctorhub.domain import incidents
from proctorhub.domain.accuracy import LabelledSession, Stretch, report
from proctorhub.domain.incident_policy import Policy
from proctorhub.domain.incident_rules import RULES
from proctorhub.domain.incident_terms import Detector
from proctorhub.domain.incidents import Kind
from proctorhub.domain.observation import Source
from proctorhub.plugins import Capability
from proctorhub.vision import camera, composition
from proctorhub.vision.camera import Reference
from proctorhub.vision.composition import Composition
from proctorhub.vision.memory import Memory
from proctorhub.vision.pictures import Decoder
from tests.vision_faces import (
    HEIGHT,
    WIDTH,
    Person,
    Picture,
    jpeg,
    people,
    person,
    room,
    with_visitor,
)
from tests.vision_movement import posed, rounded

TICK_MS = 267
TICKS_S = 1000 / TICK_MS
#: Looks are at every third tick; the first minute calibrates.
EVERY, WARM_TICKS = 3, round(64 * TICKS_S)
START_MS = 1_700_000_000_000
#: What happens, which detector should say so, for how many seconds it goes on.
EVENTS: dict[str, tuple[Detector, int]] = {
    "leaves": (Detector.NO_FACE, 8),
    "covered": (Detector.CAMERA_COVERED, 8),
    "finger": (Detector.CAMERA_COVERED, 8),
    "frozen": (Detector.CAMERA_FROZEN, 8),
    "loop of 10 s": (Detector.CAMERA_FROZEN, 45),
    "dark": (Detector.TOO_DARK, 12),
    "very dark": (Detector.TOO_DARK, 12),
    "light beside a finger": (Detector.CAMERA_COVERED, 8),
    "other person": (Detector.OTHER_PERSON, 16),
    "second face, 120 px": (Detector.SECOND_FACE, 8),
    "second face, 60 px": (Detector.SECOND_FACE, 8),
    "turned away": (Detector.LOOKING_AWAY, 10),
    "looks down": (Detector.LOOKING_AWAY, 10),
    "eyes averted": (Detector.LOOKING_AWAY, 10),
}
#: Who is turned further away on the photograph sits in no session, degrees.
FRONTAL_DEG = 32.0
#: Mean level of what a camera sees in a dark room, and in one where little is to be seen.
DARK, VERY_DARK = 35, 18
#: Per minute, and for how many ticks at least and at most.
HABITS = {
    "glance": (2, 2, 6),
    "down": (2, 2, 6),
    "blink": (15, 1, 1),
    "hand": (1, 4, 8),
    "move": (2, 2, 4),
}
Shot = Callable[[], Picture]
#: Standard deviation, and the time (s) over which it wanders.
WANDERS = {
    "yaw": (6, 2), "pitch": (4, 2), "roll": (3, 3), "dx": (22, 5), "dy": (12, 5),
    "scale": (0.07, 6), "light": (0.12, 20),
}  # fmt: skip


class Behaviour:
    """How somebody sits there, tick by tick."""

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self.random = np.random.default_rng(seed)
        self._at = {key: self.random.normal(0, sd) for key, (sd, _) in WANDERS.items()}
        self._left = dict.fromkeys(HABITS, 0)
        self._side = dict.fromkeys(HABITS, 1)

    def step(self) -> dict[str, float]:
        """Return the next pose: degrees, pixels, and which habits are on."""
        for key, (sd, tau) in WANDERS.items():
            keep = np.exp(-TICK_MS / 1000 / tau)
            self._at[key] = keep * self._at[key] + np.sqrt(1 - keep**2) * self.random.normal(0, sd)
        for habit, (rate, shortest, longest) in HABITS.items():
            if self._left[habit] > 0:
                self._left[habit] -= 1
            elif self.random.random() < rate / (60 * TICKS_S):
                self._left[habit] = int(self.random.integers(shortest, longest + 1))
                self._side[habit] = int(self.random.choice([-1, 1]))
        pose = dict(self._at)
        pose["yaw"] += 30 * self._side["glance"] * (self._left["glance"] > 0)
        pose["pitch"] += 22 * (self._left["down"] > 0)
        return {**pose, **{habit: float(left > 0) for habit, left in self._left.items()}}


def innocent(behaviour: Behaviour) -> Iterator[Shot]:
    """Yield what the camera sees of somebody who does nothing wrong, drawn when it is looked at."""
    while True:
        yield partial(_seen, behaviour, behaviour.name, behaviour.step())


def event(behaviour: Behaviour, kind: str, other: str) -> Iterator[Shot]:
    """Yield what the camera sees while something happens."""
    random = behaviour.random
    if kind == "frozen":
        still = _seen(behaviour, behaviour.name, behaviour.step())
        yield from itertools.repeat(lambda: still)
    if kind == "loop of 10 s":
        loop = [
            _seen(behaviour, behaviour.name, behaviour.step()) for _ in range(round(10 * TICKS_S))
        ]
        yield from itertools.cycle(partial(_grained, picture, random) for picture in loop)
    while True:
        yield partial(_during, behaviour, kind, other, behaviour.step())


def _during(behaviour: Behaviour, kind: str, other: str, pose: dict[str, float]) -> Picture:
    name, random, shape = behaviour.name, behaviour.random, (HEIGHT, WIDTH, 3)
    if kind == "leaves":
        return _sensor(room(), random, pose["light"])
    if kind == "covered":
        return np.clip(random.normal(10, 4, shape), 0, 255).astype(np.uint8)
    if kind == "finger":
        warm = np.clip(np.array([60, 75, 150]) + random.normal(0, 40, shape), 0, 255)
        return cv2.GaussianBlur(warm.astype(np.uint8), (0, 0), 25)
    if kind == "light beside a finger":
        y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
        leak = 8 + 90 * np.exp(-((x / 220) ** 2) - (y / 220) ** 2)
        return np.clip(leak[..., None] + random.normal(0, 4, shape), 0, 255).astype(np.uint8)
    if kind.startswith("second face"):
        size = 120 if "120" in kind else 60
        pair = with_visitor(person(name), person(other), size)
        return _sensor(pair, random, pose["light"])
    changed = {
        "dark": {"light": DARK / person(name).picture.mean() - 1},
        "very dark": {"light": VERY_DARK / person(name).picture.mean() - 1},
        "other person": {},
        "turned away": {"yaw": 40 + 0.3 * pose["yaw"]},
        "looks down": {"pitch": 35 + 0.3 * pose["pitch"]},
        "eyes averted": {"gaze": 0.3},
    }[kind]
    return _seen(behaviour, other if kind == "other person" else name, {**pose, **changed})


def _grained(picture: Picture, random: np.random.Generator) -> Picture:
    """Return a picture as coding it once more changes it."""
    grain = random.normal(0, 1.5, picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


def _seen(behaviour: Behaviour, name: str, pose: dict[str, float]) -> Picture:
    random = behaviour.random
    yaw = rounded(float(np.clip(pose["yaw"], -45, 45)))
    pitch = rounded(float(np.clip(pose["pitch"], -25, 40)))
    picture = posed(name, yaw, pitch, bool(pose["blink"]), pose.get("gaze", 0.0))
    x1, y1, x2, y2 = person(name).box
    centre = ((x1 + x2) / 2, (y1 + y2) / 2)
    scale = float(np.clip(1 + pose["scale"], 0.8, 1.15))
    place = cv2.getRotationMatrix2D(centre, pose["roll"], scale)
    place[:, 2] += [pose["dx"], pose["dy"]]
    picture = cv2.warpAffine(picture, place, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
    if pose["hand"]:
        side = (x2 - x1) * scale
        mouth = (int(centre[0] + pose["dx"]), int(centre[1] + pose["dy"] + 0.38 * side))
        axes = (int(0.45 * side), int(0.27 * side))
        cv2.ellipse(picture, mouth, axes, random.normal(0, 10), 0, 360, (125, 150, 205), -1)
    if pose["move"]:
        picture = cv2.blur(picture, (11, 1))
    return _sensor(picture, random, pose["light"])


def _sensor(picture: Picture, random: np.random.Generator, light: float) -> Picture:
    gain = np.clip(1 + light, 0.1, 1.3)
    grain = random.normal(0, 5, (HEIGHT, WIDTH, 1)).astype(np.float32)
    return np.clip(picture * gain + grain, 0, 255).astype(np.uint8)


@dataclass
class Run:
    """One session being looked at: what the rules and the looking remember, what was flagged."""

    reference: Reference
    at: int = 0
    state: incidents.State = field(default_factory=incidents.State)
    memory: Memory = field(default_factory=Memory)
    flags: list[tuple[Detector, int, int]] = field(default_factory=list)
    burst_left: int = 0

    def copy(self) -> Run:
        """Return another session that was the same so far."""
        return replace(self, flags=[])


class Watcher:
    """Looks at pictures as a worker does."""

    def __init__(self, backends: Composition) -> None:
        self._backends = backends
        self._decoder = Decoder()
        thresholds = backends[Capability.EMBED].match_thresholds
        assert thresholds is not None
        self._accept = thresholds.accept
        self._policy = Policy(match=(thresholds.accept, thresholds.reject))

    def reference(self, name: str) -> Reference:
        """Return a person's face as it was identified."""
        picture = person(name).picture
        (faces,) = self._backends[Capability.DETECT].detect([picture])
        found = self._backends[Capability.EMBED].embed(picture, faces[0])
        assert found is not None and self._backends.space_id is not None
        return Reference(self._backends.space_id, found, self._accept)

    def frontal(self) -> list[Person]:
        """Return the people who face the camera on their photograph: nobody sits in profile."""
        return [one for one in people() if abs(self._yaw(one.picture)) <= FRONTAL_DEG]

    def _yaw(self, picture: Picture) -> float:
        (faces,) = self._backends[Capability.DETECT].detect([picture])
        geometry = self._backends[Capability.POSE].geometry(picture, faces[0])
        assert geometry is not None
        return geometry.yaw

    def watch(self, run: Run, shots: Iterator[Shot], ticks: int) -> None:
        """Let a session go on for some ticks."""
        for shot in itertools.islice(shots, ticks):
            burst = run.burst_left > 0
            if burst or run.at % EVERY == 0:
                run.burst_left = max(0, run.burst_left - 1)
                self._look(run, shot(), burst)
            run.at += 1

    def _look(self, run: Run, picture: Picture, burst: bool) -> None:
        data = jpeg(picture, 88).tobytes()
        at_ms = START_MS + run.at * TICK_MS
        look = camera.Look(
            picture=self._decoder.decode(data),
            at_ms=at_ms,
            segment_id="bench-000000",
            frame_sha256=hashlib.sha256(data).hexdigest(),
            burst=burst,
            memory=run.memory,
            reference=run.reference,
        )
        ((seen, run.memory),) = camera.look(self._backends, [look])
        run.state, changes = incidents.step(run.state, seen, self._policy)
        for change in changes:
            if change.kind is Kind.OPENED:
                run.flags.append((change.detector, change.started_at, at_ms))
        if incidents.suspect(run.state, seen, self._policy):
            run.burst_left = 3


@dataclass
class Course:
    """What came of one person's sessions: flags and notes, and how long each event took."""

    name: str
    sessions: list[LabelledSession] = field(default_factory=list)
    flags: list[Stretch] = field(default_factory=list)
    notes: list[Stretch] = field(default_factory=list)
    took: dict[str, list[float | None]] = field(default_factory=dict)


def measure(folder: Path, minutes: float, repeats: int) -> dict[str, Any]:
    """Return false flags an innocent hour and recall by detector and by event, with intervals.

    `minutes` are those each person sits there innocently, `repeats` how often each event happens to
    each. Every core takes a person at a time: sessions know no clock but their own.
    """
    names = [one.name for one in Watcher(_backends(folder)).frontal()]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        course = partial(_course, folder, names, minutes, repeats)
        courses = list(pool.map(course, range(len(names))))
    found = report(
        [one for course in courses for one in course.sessions],
        [one for course in courses for one in course.notes],
        [one for course in courses for one in course.flags],
    )["all"]
    camera_only = [d.value for d, rule in RULES.items() if rule.source is Source.CAMERA]
    return {
        "people": names,
        "innocent_hours": found["hours"],
        "false_incidents_per_hour": found["false_flags"]["per_hour"],
        "false_incidents_interval_95": found["false_flags"]["interval_95"],
        "false_incidents": {
            name: found["detectors"].get(name, {"false_flags": {"count": 0}})["false_flags"][
                "count"
            ]
            for name in camera_only
        },
        "recall": {name: one["recall"] for name, one in found["detectors"].items()},
        "events": {kind: _summary([x for c in courses for x in c.took[kind]]) for kind in EVENTS},
        "missed": {
            c.name: missed
            for c in courses
            if (missed := [kind for kind, took in c.took.items() if None in took])
        },
    }


def _backends(folder: Path) -> Composition:
    return composition.compose(Settings(data_dir=folder))


def _course(folder: Path, names: list[str], minutes: float, repeats: int, number: int) -> Course:
    """Let one person sit there: calibrate, every event from there, then the innocent minutes."""
    watcher, name = Watcher(_backends(folder)), names[number]
    course = Course(name)
    behaviour = Behaviour(name, number)
    run = Run(watcher.reference(name))
    watcher.watch(run, innocent(behaviour), WARM_TICKS)
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
    watcher.watch(run, innocent(behaviour), round(minutes * 60 * TICKS_S))
    course.sessions.append(LabelledSession(name, run.at * TICK_MS / 3_600_000))
    course.flags += [Stretch(name, d.value, at, at) for d, at, _ in run.flags]
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


def _summary(took: list[float | None]) -> dict[str, Any]:
    found = sorted(x for x in took if x is not None)
    slowest = found[-1] if found else None
    return {"found": len(found), "of": len(took), "slowest_s": slowest}
