"""How people sit before a camera, innocently and not: drawn from photographs, tick by tick.

Pictures can be seen as often as layer 0 of a camera with 15 pictures a second has them. Innocent
people glance, look down, nod, blink, touch their face, lean, move; lamps are switched, the light
wanders and the sensor is noisy.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial

import cv2
import numpy as np

from proctorhub.domain.incident_terms import Detector
from tests.vision_faces import HEIGHT, WIDTH, Picture, person, room, with_visitor
from tests.vision_movement import posed, rounded

TICK_MS = 267
TICKS_S = 1000 / TICK_MS
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
#: Mean level of what a camera sees in a dark room, and in one where little is to be seen.
DARK, VERY_DARK = 35, 18
#: Per minute, and for how many ticks at least and at most: nobody looks away for three seconds.
HABITS = {
    "glance": (2, 2, 10),
    "down": (2, 2, 10),
    "nod": (0.5, 4, 8),
    "blink": (15, 1, 1),
    "hand": (1, 4, 8),
    "move": (2, 2, 4),
    "lean": (0.3, 20, 80),
    "lamp": (0.1, 40, 300),
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
        pose["pitch"] += 12 * np.sin(np.pi / 2 * self._left["nod"])
        pose["scale"] -= 0.1 * (self._left["lean"] > 0)
        pose["dx"] += 40 * self._side["lean"] * (self._left["lean"] > 0)
        pose["light"] += 0.25 * (self._side["lamp"] - 0.6) * (self._left["lamp"] > 0)
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
