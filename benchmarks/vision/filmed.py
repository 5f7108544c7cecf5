"""People who were filmed before a camera: real movement, which drawn people only resemble.

Each film is coded as a browser does and put through looking and rules three times: as it is, with
its picture frozen again and again, and with pieces of it played in loops.
"""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import av
import cv2

from benchmarks.sending import LAYERS
from benchmarks.vision.behaviour import TICK_MS, Shot
from benchmarks.vision.courses import START_MS, how_soon
from benchmarks.vision.live import BIT_RATE, BROWSER, COURSES, KEY_EVERY, LOOPS_S, RATE, Course
from benchmarks.vision.watching import Run, Watcher
from proctorhub.domain.incident_terms import Detector
from proctorhub.frames.decoding import decoder_for_looks
from proctorhub.media.material import read_media
from tests import vision_video
from tests.vision_faces import HEIGHT, WIDTH, Picture

ENDINGS = ("*.mp4", "*.webm", "*.mov", "*.mkv")
FROZEN, LOOP = "frozen", "loop"


def measure(folder: Path, films: Path) -> dict[str, Any]:
    """Return what is flagged in films as they are, and how long freezes and loops take, s.

    `films` is a folder of videos, each of one person before a camera who does nothing wrong.
    """
    paths = sorted(path for ending in ENDINGS for path in films.glob(ending))
    asked = list(itertools.product(paths, (None, FROZEN, LOOP)))
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), get_context("spawn")) as pool:
        watched = list(pool.map(partial(_watch, folder), *zip(*asked, strict=True)))
    found: dict[str, Any] = {"seconds": {}, "flags": []}
    took: dict[str, list[float | None]] = {FROZEN: [], LOOP: []}
    for (path, kind), (seconds, flags, times) in zip(asked, watched, strict=True):
        if kind is None:
            found["seconds"][path.name] = round(seconds, 1)
            found["flags"] += [(path.name, name, at) for name, at in flags]
        else:
            took[kind] += times
    return {**found, **{kind: how_soon(times) for kind, times in took.items()}}


def _watch(
    folder: Path, path: Path, kind: str | None
) -> tuple[float, list[tuple[str, float]], list[float | None]]:
    """Return a film's length, all that was flagged and when, and how long each event took, s."""
    coded = folder / f"{path.stem}-{kind}.webm"
    pictures, onsets = _pictures(path), []
    if kind is not None:
        pictures = _eventful(pictures, kind, COURSES[kind], onsets)
    vision_video.write(
        coded, pictures, sound=False, key_every=KEY_EVERY, bit_rate=BIT_RATE, options=BROWSER
    )
    watcher = Watcher(folder)
    seen = list(_looked_at(coded))
    run = Run(watcher.reference_in(seen[0]()))
    watcher.watch(run, iter(seen), len(seen))
    flags = [(one, at - START_MS) for one, _, at in run.flags]
    frozen = [at / 1000 for one, at in flags if one is Detector.CAMERA_FROZEN]
    lasted = COURSES[kind].event_s if kind else 0.0
    return (
        len(seen) * TICK_MS / 1000,
        [(one.value, at / 1000) for one, at in flags],
        [min((at - on for at in frozen if 0 <= at - on <= lasted), default=None) for on in onsets],
    )


def _pictures(path: Path) -> Iterator[Picture]:
    """Yield a film's pictures at the camera's rate and size."""
    due = 0.0
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            while float(frame.time or 0) >= due:
                image = frame.to_ndarray(format="bgr24")
                yield cv2.resize(image, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
                due += 1 / RATE


def _eventful(
    pictures: Iterable[Picture], kind: str, course: Course, onsets: list[float]
) -> Iterator[Picture]:
    """Yield them with what happens after each calm; `onsets` are its first frames' times, s."""
    lengths = itertools.cycle([1] if kind == FROZEN else [round(s * RATE) for s in LOOPS_S])
    last: deque[Picture] = deque(maxlen=round(max(LOOPS_S) * RATE))
    shown = 0
    for number, picture in enumerate(pictures, 1):
        yield picture
        last.append(picture)
        shown += 1
        if number % course.calm == 0:
            onsets.append(shown / RATE)
            piece = list(last)[-next(lengths) :]
            yield from itertools.islice(itertools.cycle(piece), course.event)
            shown += course.event


def _looked_at(path: Path) -> Iterator[Shot]:
    """Yield the pictures of layer 0, decoded as for a look."""
    decoder = decoder_for_looks("vp8", None)
    for index, packet in enumerate(read_media(path).video):
        if packet.key or LAYERS[index % len(LAYERS)] == 0:
            picture = decoder.decode(av.Packet(packet.data))[-1].to_ndarray(format="bgr24")
            yield partial(_itself, picture)


def _itself(picture: Picture) -> Picture:
    return picture
