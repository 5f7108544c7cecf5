"""Simulated screens with a known course: which applications are flagged, and what is flagged wrong.

Desktops are drawn, scaled to what an exam sends, coded as VP8 at its bit rate, read as a worker
does every ten seconds (and at a burst's pace when it is suspicious), and put through the rules.
"""

from __future__ import annotations

import fractions
import hashlib
import os
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.frame import PictureType

from benchmarks.vision.courses import START_MS, Course, backends, report
from benchmarks.vision.desktops import FORBIDDEN, HOST, Desktop
from proctorhub.domain import incidents
from proctorhub.domain.accuracy import LabelledSession, Stretch
from proctorhub.domain.incident_policy import Policy
from proctorhub.domain.incident_terms import Detector
from proctorhub.domain.incidents import Kind
from proctorhub.domain.media_settings import MediaSettings
from proctorhub.domain.screen import signs
from proctorhub.frames import planes
from proctorhub.vision import screen
from proctorhub.vision.memory import Memory
from proctorhub.vision.pictures import Decoder
from tests.vision_faces import Picture

EVERY_MS, BURST_MS, BURST = 10_000, 250, 3
#: Looks before something happens and while it goes on.
BEFORE, DURING = 2, 4
#: What is sent of a desktop: an exam's default, and as many pixels as a large monitor has.
_DEFAULT = MediaSettings().screen
SENT = {"720p": (1280, 720, _DEFAULT.kbit), "1080p": (1920, 1080, 2 * _DEFAULT.kbit)}
#: Desktops by (size, letters in pixels) and what is sent of them.
SIZES = {
    "720p, 15 px": ((1280, 720), 15, "720p"),
    "720p, 12 px": ((1280, 720), 12, "720p"),
    "1080p, 20 px": ((1920, 1080), 20, "720p"),
    "1080p, 15 px": ((1920, 1080), 15, "720p"),
    "1080p, 12 px": ((1920, 1080), 12, "720p"),
    "1080p sent whole, 15 px": ((1920, 1080), 15, "1080p"),
    "1080p sent whole, 12 px": ((1920, 1080), 12, "1080p"),
}
#: How a desktop looks and in which language it speaks; each with every size.
LOOKS = (("light", "en"), ("dark", "de"), ("light", "ru"))
#: What happens → which detector should say so.
EVENTS = {
    "in the task bar": Detector.FORBIDDEN_APPLICATION,
    "a tab of the browser": Detector.FORBIDDEN_APPLICATION,
    "fills the screen": Detector.FORBIDDEN_APPLICATION,
    "a new window": Detector.FORBIDDEN_APPLICATION,
    "another page": Detector.EXAM_NOT_SHOWN,
}


@dataclass
class Read(Course):
    """A session of which the screen was read: on which desktop."""

    desktop: str
    theme: str
    language: str


def measure(folder: Path, minutes: float, repeats: int, seed: int) -> dict[str, Any]:
    """Return recall by event and desktop, and false flags, with intervals.

    Each event happens `repeats` times on each desktop (size; theme and language), and on each an
    exam is taken for `minutes`.
    """
    desktops = [(size, *seen_as) for size, seen_as in product(SIZES, LOOKS)]
    plans = [(*one, kind, nth) for one in desktops for kind in EVENTS for nth in range(repeats)]
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), get_context("spawn")) as pool:
        eventful = list(pool.map(partial(_event, folder, seed), plans, chunksize=4))
        quiet = list(pool.map(partial(_quiet, folder, seed, minutes), desktops))
    found, innocent = report(eventful), report(quiet)
    return {
        "innocent_hours": innocent["hours"],
        "false_incidents_per_hour": innocent["false_flags"]["per_hour"],
        "false_incidents_interval_95": innocent["false_flags"]["interval_95"],
        "false_incidents": {
            f"{one.desktop}, {one.theme}, {one.language}": [flag.detector for flag in one.flags]
            for one in quiet
            if one.flags
        },
        "recall": {name: one["recall"] for name, one in found["detectors"].items()},
        "events": {
            what: {
                name: report([one for one in eventful if getattr(one, what) == name])["recall"]
                for name in dict.fromkeys(getattr(one, what) for one in eventful)
            }
            for what in ("kind", "desktop", "language")
        },
        "events_by_desktop": {
            f"{kind}; {desktop}": report(
                [one for one in eventful if (one.kind, one.desktop) == (kind, desktop)]
            )["recall"]
            for kind, desktop in product(EVENTS, SIZES)
        },
    }


class Reading:
    """One session whose screen is read."""

    def __init__(self, folder: Path, desktop: Desktop, sent: str) -> None:
        self.at_ms = START_MS
        self.flags: list[tuple[Detector, int]] = []
        self._backends = backends(folder)
        self._decoder, self._memory = Decoder(), Memory()
        self._state, self._policy = incidents.State(), Policy()
        self._signs = signs(desktop.texts.exam, f"https://{HOST}/quiz")
        self._sent = sent

    def look(self, drawn: Picture) -> None:
        """Take the next look in turn, and a burst of what stays there if it is suspicious."""
        if self._look(drawn, burst=False):
            for _ in range(BURST):
                self.at_ms += BURST_MS
                self._look(drawn, burst=True)
            self.at_ms -= BURST * BURST_MS
        self.at_ms += EVERY_MS

    def _look(self, drawn: Picture, *, burst: bool) -> bool:
        data = seen(drawn, self._sent)
        one = screen.ScreenLook(
            picture=self._decoder.decode(data),
            at_ms=self.at_ms,
            segment_id="bench-000000",
            frame_sha256=hashlib.sha256(data).hexdigest(),
            burst=burst,
            memory=self._memory,
            forbidden=FORBIDDEN,
            signs=self._signs,
        )
        observation, self._memory = screen.look(self._backends, one)
        self._state, changes = incidents.step(self._state, observation, self._policy)
        opened = [change.detector for change in changes if change.kind is Kind.OPENED]
        self.flags += [(detector, self.at_ms) for detector in opened]
        return incidents.suspect(self._state, observation, self._policy)


def _desktop(size: str, theme: str, language: str) -> Desktop:
    pixels, letters, _ = SIZES[size]
    return Desktop(pixels, letters, theme == "dark", language)


def _event(folder: Path, seed: int, plan: tuple[str, str, str, str, int]) -> Read:
    size, theme, language, kind, _ = plan
    which = " ".join(map(str, plan))
    random = np.random.default_rng(zlib.crc32(f"{seed} {which}".encode()))
    desktop = _desktop(size, theme, language)
    reading = Reading(folder, desktop, SIZES[size][2])
    calm = _innocent(desktop, random)
    for _ in range(BEFORE):
        reading.look(next(calm)())
    began_ms, detector = reading.at_ms, EVENTS[kind]
    name, tasks = str(random.choice(FORBIDDEN)), list(desktop.texts.tasks[:2])
    more: dict[str, Any] = {
        "in the task bar": {"tasks": [*tasks, name]},
        "a tab of the browser": {"tabs": [f"{name} Web"]},
        "fills the screen": {"title": f"{name} (3)", "browser": False},
        "a new window": {"window": name},
        "another page": {"title": desktop.texts.other_page},
    }[kind]
    for _ in range(DURING):
        reading.look(desktop.draw(**{"tasks": tasks, **more}))
    note = Stretch(which, detector.value, began_ms, reading.at_ms)
    # a hidden exam is a flag of its own where an application covers it
    flags = [Stretch(which, d.value, at, at) for d, at in reading.flags if d is detector]
    return Read(kind, LabelledSession(which, 0.0), note, flags, size, theme, language)


def _quiet(folder: Path, seed: int, minutes: float, which: tuple[str, str, str]) -> Read:
    size, theme, language = which
    random = np.random.default_rng(zlib.crc32(f"{seed} {which}".encode()))
    desktop = _desktop(size, theme, language)
    reading = Reading(folder, desktop, SIZES[size][2])
    calm = _innocent(desktop, random)
    for _ in range(round(minutes * 60_000 / EVERY_MS)):
        reading.look(next(calm)())
    name = " ".join(which)
    flags = [Stretch(name, detector.value, at, at) for detector, at in reading.flags]
    hours = (reading.at_ms - START_MS) / 3_600_000
    return Read("quiet", LabelledSession(name, hours), None, flags, size, theme, language)


def _innocent(desktop: Desktop, random: np.random.Generator) -> Iterator[Callable[[], Picture]]:
    """Yield an exam that is scrolled, with allowed windows and tabs that come and go."""
    texts, scrolled = desktop.texts, 0
    tasks: list[str] = list(texts.tasks[:2])
    tabs: list[str] = []
    window: str | None = None
    while True:
        if random.random() < 0.5:
            scrolled += int(random.integers(1, 12))
        if random.random() < 0.2:
            tasks = [str(x) for x in random.permutation(texts.tasks)[: random.integers(1, 4)]]
        if random.random() < 0.2:
            tabs = [str(x) for x in random.permutation(texts.near_misses)[: random.integers(0, 3)]]
        if random.random() < 0.2:
            window = texts.tool if window is None else None
        yield partial(desktop.draw, tabs=tabs, tasks=tasks, window=window, scrolled=scrolled)


def seen(drawn: Picture, sent: str) -> bytes:
    """Return a desktop as a node on the same machine hands it to a worker: a keyframe's planes."""
    width, height, kbit = SENT[sent]
    if drawn.shape[1] != width:
        drawn = cv2.resize(drawn, (width, height), interpolation=cv2.INTER_AREA)
    encoder: Any = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.bit_rate, encoder.framerate = kbit * 1000, _DEFAULT.frame_rate
    encoder.time_base = fractions.Fraction(1, _DEFAULT.frame_rate)
    encoder.options = {
        "deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "max-intra-rate": "300"
    }  # fmt: skip
    packets = []
    for number in range(4):
        frame = av.VideoFrame.from_ndarray(drawn, format="bgr24").reformat(format="yuv420p")
        frame.pts, frame.time_base = number, encoder.time_base
        # the picture that is looked at is a keyframe asked for, after those it had to wait for
        frame.pict_type = PictureType.I if number == 3 else PictureType.NONE
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    decoder: Any = av.CodecContext.create("vp8", "r")
    *_, last = [frame for packet in packets for frame in decoder.decode(packet)]
    found = planes.planes(last)
    assert found is not None
    return found
