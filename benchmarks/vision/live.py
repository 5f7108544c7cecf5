"""From the frame that shows it to the push in the proctor's hands, through everything there is.

Synthetic candidates send real encoded video over WebRTC, one for each thing that a camera can show:
it happens again and again, after a calm that lets the last flag close. A proctor's socket notes
when the flag comes. They send as a browser does: three temporal layers, and keyframes seldom.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import statistics
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2

from benchmarks.sending import Reel, ReelSender, layered, read_reel, sending
from benchmarks.vision.behaviour import DARK
from proctorhub.cli.rehearsal import house
from proctorhub.cli.rehearsal.person import Person
from proctorhub.domain.incident_rules import RULES
from proctorhub.domain.incident_terms import Detector
from tests import admission, vision_video
from tests.vision_faces import Picture, person, with_visitor
from tests.vision_movement import posed

PASSWORD = "correct horse battery"
RATE = vision_video.RATE
BIT_RATE = 500_000
#: A file cannot give a keyframe when one is asked for. Recorders ask after four seconds; here it
#: comes a quarter of a second after that, at a frame of layer 0.
KEY_EVERY = 64
#: Of a browser's encoder: its speed (a negative one is fixed) and its constant rate.
BROWSER = {
    **layered(BIT_RATE),
    "cpu-used": "-6",
    "static-thresh": "1",
    "minrate": str(BIT_RATE),
    "maxrate": str(BIT_RATE),
    "bufsize": str(BIT_RATE),
}
#: The pieces that loops repeat in turn, seconds.
LOOPS_S = (4.3, 9.7)
#: A flag that comes so long after the event has ended is still one of it.
LATE_S = 1.0


@dataclass(frozen=True)
class Course:
    """What one candidate's camera shows: calm, what happens, and so on.

    What happens before `from_s` does not count; `owed_s` is how long it must go on by its
    definition, and is taken off.
    """

    detector: Detector
    event_s: float = 6.2
    from_s: float = 0.0
    owed_s: float = 0.0

    @property
    def calm(self) -> int:
        """Frames between two events: so many that the last flag has closed."""
        return round((RULES[self.detector].merge_ms / 1000 + 5.1) * RATE)

    @property
    def event(self) -> int:
        """Frames of an event.

        Together with the calm they have no factor in common with the frames from look to look (12)
        and from keyframe to keyframe (64), so that events begin at every phase of both.
        """
        return round(self.event_s * RATE)

    def onsets(self, frames: int) -> Sequence[int]:
        """Return the first frame of each event that is over when so many have been sent."""
        return range(self.calm, frames - self.event, self.calm + self.event)

    def event_of(self, detector: str, at_s: float, onsets: Sequence[float]) -> int | None:
        """Return which of its events, that began at `onsets`, a flag tells of; None for none."""
        if detector != self.detector:
            return None
        within = (n for n, on in enumerate(onsets) if 0 <= at_s - on < self.event_s + LATE_S)
        return next(within, None)


COURSES = {
    "face gone": Course(Detector.NO_FACE),
    "second face": Course(Detector.SECOND_FACE),
    "covered": Course(Detector.CAMERA_COVERED),
    "other person": Course(Detector.OTHER_PERSON),
    "too dark": Course(Detector.TOO_DARK),
    "frozen": Course(Detector.CAMERA_FROZEN),
    # from the first frame that comes again; by three seconds of them a loop is known
    "loop": Course(Detector.CAMERA_FROZEN, event_s=16.2, owed_s=3.0),
    # the rest of a candidate is known after a minute
    "looking away": Course(Detector.LOOKING_AWAY, from_s=64.0, owed_s=3.0),
}


def measure(folder: Path, seconds: float, videos_in: Path | None = None) -> dict[str, Any]:
    """Return how long flags took, s, for each event and for all, and what was flagged besides.

    Videos are taken from `videos_in` where they are there, and kept there.
    """
    kept = videos_in or folder / "videos"
    kept.mkdir(parents=True, exist_ok=True)
    cores = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        paths = list(pool.map(partial(_video, kept, round(seconds * RATE)), COURSES))
    videos = {n: read_reel(path, seconds) for n, path in zip(COURSES, paths, strict=True)}
    with house.started(folder / "house") as running:
        took, besides = asyncio.run(_play(running, videos))
    everything = [x for times in took.values() for x in times]
    return {
        **_summary(everything),
        "all_but_loop": _summary([x for name in took if name != "loop" for x in took[name]]),
        "besides": besides,
        "by_event": {
            name: {**_summary(times), "took_s": [x and round(x, 2) for x in times]}
            for name, times in took.items()
        },
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


def _video(folder: Path, frames: int, name: str) -> Path:
    path = folder / f"{name.replace(' ', '-')}-{frames}.webm"
    if not path.exists():
        made = folder / f"making-{path.name}"
        pictures = itertools.islice(_pictures(name, frames), frames)
        vision_video.write(made, pictures, key_every=KEY_EVERY, bit_rate=BIT_RATE, options=BROWSER)
        made.rename(path)
    return path


def _pictures(name: str, frames: int) -> Iterator[Picture]:
    """Yield calm and events in turn; a loop's first pass is the end of the calm before it."""
    course, someone, seeds = COURSES[name], person("hopper"), itertools.count(len(name))
    loops = itertools.cycle(round(length_s * RATE) for length_s in LOOPS_S)
    shown = 0
    for onset in (*course.onsets(frames), frames):
        calm = deque[Picture](maxlen=next(loops))
        for picture in vision_video.alive(someone.picture, (onset - shown) / RATE, next(seeds)):
            calm.append(picture)
            yield picture
        yield from itertools.islice(_event(name, calm, next(seeds)), course.event)
        shown = onset + course.event


def _event(name: str, before: Sequence[Picture], seed: int) -> Iterator[Picture]:
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
    running: house.House, videos: dict[str, Reel]
) -> tuple[dict[str, list[float | None]], list[tuple[str, str, float]]]:
    admin, proctor = Person(running.url, running.token), _Proctor(running.url)
    await _account(admin, "proctor", "bench-proctor")
    await proctor.sign_in("bench-proctor", PASSWORD)
    exam = await admin.call("POST", "/exams", admission.open_exam("Bench", 60))
    candidates = [Person(running.url) for _ in videos]
    seen = await asyncio.gather(
        *(
            _sit(admin, proctor, candidate, exam["id"], name, videos[name])
            for candidate, name in zip(candidates, videos, strict=True)
        )
    )
    await asyncio.sleep(LATE_S)
    took: dict[str, list[float | None]] = {}
    besides: list[tuple[str, str, float]] = []
    for name, (session_id, onsets) in zip(videos, seen, strict=True):
        course = COURSES[name]
        took[name] = [None] * len(onsets)
        for detector, at in [(d, at) for s, d, at in proctor.flags if s == session_id]:
            event = course.event_of(detector, at, onsets)
            if event is None:
                besides.append((name, detector, round(at - onsets[0], 1)))
            elif took[name][event] is None:
                took[name][event] = at - onsets[event] - course.owed_s
    for somebody in (admin, proctor, *candidates):
        await somebody.__aexit__(None, None, None)
    return took, besides


async def _account(admin: Person, role: str, login: str) -> None:
    body = {"login": login, "name": login, "roles": [role], "password": PASSWORD}
    await admin.call("POST", "/users", body)


async def _sit(
    admin: Person,
    proctor: Person,
    candidate: Person,
    exam_id: str,
    name: str,
    reel: Reel,
) -> tuple[str, list[float]]:
    """Let one candidate sit; return the session, and when what happens was first shown."""
    login = f"bench-{name.replace(' ', '-')}"
    await _account(admin, "candidate", login)
    await candidate.sign_in(login, PASSWORD)
    sid = await admission.start(candidate, proctor, exam_id)
    await proctor.watch("watch_session", {"session_id": sid})
    wanted = {"source": "camera", "direction": "send"}
    ticket = await candidate.call("POST", f"/sessions/{sid}/tickets", wanted)
    sender = ReelSender(reel, skips=False)
    shown = _Shown(COURSES[name], reel)
    sender.on_picture = shown.picture
    async with sending(sender, ticket["url"], ticket["ticket"]):
        await shown.over.wait()
    return sid, shown.onsets


class _Shown:
    """Notes when the first frame of each event was sent, and when the last event is over."""

    def __init__(self, course: Course, reel: Reel) -> None:
        frames = round(reel.duration_s * RATE)
        self._course = course
        self._first = course.onsets(frames)
        self._end = self._first[-1] + course.event
        self.onsets: list[float] = []
        self.over = asyncio.Event()

    def picture(self, at_s: float) -> None:
        """Take in the place of a picture that has just been sent."""
        now, frame = time.time(), round(at_s * RATE)
        if frame in self._first and at_s >= self._course.from_s:
            self.onsets.append(now)
        if frame >= self._end:
            self.over.set()
