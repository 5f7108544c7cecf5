"""From the frame that shows it to the push in the proctor's hands, through everything there is.

Synthetic candidates send real encoded video over WebRTC, one for each thing that a camera can show:
it happens again and again, after a calm that lets the last flag close. A proctor's socket notes
when the flag comes.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2

from benchmarks.vision.behaviour import DARK
from proctorhub.cli.rehearsal import house
from proctorhub.cli.rehearsal.person import Person
from proctorhub.domain.incident_rules import RULES
from proctorhub.domain.incident_terms import Detector
from proctorhub.media.material import Material, read_media
from proctorhub.media.synthetic import WhipSender
from tests import admission, vision_video
from tests.vision_faces import Picture, person, with_visitor
from tests.vision_movement import posed

PASSWORD = "correct horse battery"
POLL_S = 0.004
#: The piece that a loop repeats, seconds.
LOOP_S = 4.3


@dataclass(frozen=True)
class Course:
    """What one candidate's camera shows: calm, what happens, and so on, seconds.

    Calm and event are together no whole number, so that it comes at every phase of the looks.
    What happens before `from_s` does not count; `owed_s` is how long it must go on by its
    definition, and is taken off. `once`: the video is as long as the measurement, so that nothing
    in it comes again; otherwise it is one calm and one event, sent again and again.
    """

    detector: Detector
    event_s: float = 6.1
    from_s: float = 5.0
    owed_s: float = 0.0
    once: bool = False

    @property
    def calm_s(self) -> float:
        """So long that the last flag has closed."""
        return RULES[self.detector].merge_ms / 1000 + 5.1

    def onsets(self, seconds: float) -> Iterator[float]:
        """Yield the places in the video where it first shows, for all that is over by the end."""
        at = self.calm_s
        while at + self.event_s < seconds:
            yield at
            at += self.event_s + self.calm_s

    def length_s(self, seconds: float) -> float:
        """Return how long the video is."""
        return seconds if self.once else self.calm_s + self.event_s + 1 / vision_video.RATE


COURSES = {
    "face gone": Course(Detector.NO_FACE),
    "second face": Course(Detector.SECOND_FACE),
    "covered": Course(Detector.CAMERA_COVERED),
    "other person": Course(Detector.OTHER_PERSON),
    "too dark": Course(Detector.TOO_DARK),
    "frozen": Course(Detector.CAMERA_FROZEN, once=True),
    # from the first frame that comes again
    "loop": Course(Detector.CAMERA_FROZEN, event_s=36.3, once=True),
    # the rest of a candidate is known after a minute
    "looking away": Course(Detector.LOOKING_AWAY, from_s=64.0, owed_s=3.0),
}


def measure(folder: Path, seconds: float) -> dict[str, Any]:
    """Return how long flags took, s, for each event and for all."""
    folder.mkdir(parents=True, exist_ok=True)
    cores = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        paths = list(pool.map(partial(_video, folder, seconds), COURSES))
    videos = dict(zip(COURSES, map(read_media, paths), strict=True))
    with house.started(folder / "house") as running:
        took = asyncio.run(_play(running, videos, seconds))
    everything = [x for times in took.values() for x in times]
    return {
        **_summary(everything),
        "all_but_loop": _summary([x for name in took if name != "loop" for x in took[name]]),
        "by_event": {name: _summary(times) for name, times in took.items()},
    }


def _summary(took: list[float | None]) -> dict[str, Any]:
    """Return p50, p95 and the slowest of those that were flagged, and how many were not."""
    found = sorted(x for x in took if x is not None)
    return {
        "events": len(took),
        "flags": len(found),
        "p50_s": round(statistics.median(found), 2) if found else None,
        "p95_s": round(_quantile(found, 0.95), 2) if found else None,
        "max_s": round(found[-1], 2) if found else None,
    }


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _video(folder: Path, seconds: float, name: str) -> Path:
    path = folder / f"{name.replace(' ', '-')}.webm"
    vision_video.write(path, _frames(name, COURSES[name].length_s(seconds)))
    return path


def _frames(name: str, seconds: float) -> Iterator[Picture]:
    """Yield calm and events in turn; a loop's first pass is the end of the calm before it."""
    course, someone, seeds = COURSES[name], person("hopper"), itertools.count(len(name))
    shown = 0.0
    for onset in (*course.onsets(seconds), seconds):
        piece: list[Picture] = []
        for picture in vision_video.alive(someone.picture, onset - shown, next(seeds)):
            piece = [*piece[1 - round(LOOP_S * vision_video.RATE) :], picture]
            yield picture
        if onset < seconds:
            frames = round(course.event_s * vision_video.RATE)
            yield from itertools.islice(_event(name, piece, next(seeds)), frames)
        shown = onset + course.event_s


def _event(name: str, before: list[Picture], seed: int) -> Iterator[Picture]:
    someone, seconds = person("hopper"), COURSES[name].event_s
    if name == "face gone":
        return vision_video.empty(seconds, seed)
    if name == "covered":
        return vision_video.covered(seconds, seed)
    if name == "frozen":
        return itertools.repeat(before[-1])
    if name == "loop":
        return itertools.cycle(before)
    still = {
        "second face": lambda: with_visitor(someone, person("astronaut"), 130),
        "other person": lambda: person("astronaut").picture,
        "too dark": lambda: cv2.convertScaleAbs(
            someone.picture, alpha=DARK / float(someone.picture.mean())
        ),
        "looking away": lambda: posed("hopper", 39, 0, False, 0.0),
    }[name]()
    return vision_video.alive(still, seconds, seed)


class _Proctor(Person):
    """Notes when each flag is pushed."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.flags: list[tuple[str, str, float]] = []

    async def _on_entry(self, entry: dict[str, Any]) -> None:
        if entry["kind"] == "incident.opened":
            self.flags.append((entry["session_id"], entry["data"]["detector"], time.time()))
        await super()._on_entry(entry)


async def _play(
    running: house.House, videos: dict[str, Material], seconds: float
) -> dict[str, list[float | None]]:
    admin, proctor = Person(running.url, running.token), _Proctor(running.url)
    await _account(admin, "proctor", "bench-proctor")
    await proctor.sign_in("bench-proctor", PASSWORD)
    exam = await admin.call("POST", "/exams", admission.open_exam("Bench", 60))
    candidates = [Person(running.url) for _ in videos]
    seen = await asyncio.gather(
        *(
            _sit(admin, proctor, candidate, exam["id"], name, videos[name], seconds)
            for candidate, name in zip(candidates, videos, strict=True)
        )
    )
    took: dict[str, list[float | None]] = {}
    for name, (session_id, onsets) in zip(videos, seen, strict=True):
        course = COURSES[name]
        pushed = [at for s, d, at in proctor.flags if (s, d) == (session_id, course.detector)]
        took[name] = []
        for onset in onsets:
            late = [at - onset for at in pushed if 0 <= at - onset < course.event_s + 1]
            took[name].append(min(late) - course.owed_s if late else None)
    for somebody in (admin, proctor, *candidates):
        await somebody.__aexit__(None, None, None)
    return took


async def _account(admin: Person, role: str, login: str) -> None:
    body = {"login": login, "name": login, "roles": [role], "password": PASSWORD}
    await admin.call("POST", "/users", body)


async def _sit(
    admin: Person,
    proctor: Person,
    candidate: Person,
    exam_id: str,
    name: str,
    material: Material,
    seconds: float,
) -> tuple[str, list[float]]:
    """Let one candidate sit; return the session, and when what happens was first shown."""
    login = f"bench-{name.replace(' ', '-')}"
    await _account(admin, "candidate", login)
    await candidate.sign_in(login, PASSWORD)
    sid = await admission.start(candidate, proctor, exam_id)
    await proctor.watch("watch_session", {"session_id": sid})
    wanted = {"source": "camera", "direction": "send"}
    ticket = await candidate.call("POST", f"/sessions/{sid}/tickets", wanted)
    sender = WhipSender(ticket["url"], ticket["ticket"], Path("bench"), material=material)
    async with sender:
        onsets = await _onsets(sender, COURSES[name], material.duration_s, seconds)
    return sid, onsets


async def _onsets(
    sender: WhipSender, course: Course, length_s: float, seconds: float
) -> list[float]:
    """Return the times at which the sender came to what happens, when it is over."""
    head = sender._sender._head
    places = list(course.onsets(length_s))
    found = []
    for rounds in itertools.count():
        for place in places:
            at = rounds * length_s + place
            if at + course.event_s >= seconds:
                return found
            while head.position_s() < at:
                await asyncio.sleep(POLL_S)
            if at >= course.from_s:
                found.append(time.time())
            while head.position_s() < at + course.event_s:
                await asyncio.sleep(POLL_S)
    raise AssertionError("unreachable")
