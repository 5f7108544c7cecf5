"""What each vision backend does on one core, and what it finds.

Run it with `python -m benchmarks.vision.backends` from the root of the repository.

Pictures are the webcam-like frames of eight people that the tests use. One JSON line comes out.
InsightFace is measured when a pack is installed in `--data`; with `--toy` its pipeline runs on toy
models instead, which says what the code around the networks costs and nothing about a real pack.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2

from benchmarks.vision import strangers
from proctorhub.plugins import Capability, PluginError, VisionBackend, load
from tests import vision_faces, voice
from tests.contracts.vision import toy_pack

SECOND_FACE = 0.65  # score
SECONDS = 3.0  # for each kind of look
REACH_OF_SAME = 0.25  # intersection over union at which a box is the face's


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("var"), help="the data folder")
    parser.add_argument("--toy", action="store_true", help="run InsightFace on toy models too")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for each kind of look")
    args = parser.parse_args()
    one_core()
    result: dict[str, Any] = {"processor": platform.processor() or platform.machine()}
    for name in ("mediapipe", "insightface"):
        try:
            backend = load("vision", name)({}, args.data / "vision")
        except PluginError as error:
            result[name] = {"not_measured": str(error)}
        else:
            result[name] = {
                **speed(backend, args.seconds),
                **accuracy(backend),
                "strangers": strangers.measure(backend),
            }
    if args.toy:
        with tempfile.TemporaryDirectory() as folder:
            backend = with_toy_models(Path(folder))
            pictures = [toy_pack.picture(person) for person in range(8)]
            result["insightface_toy_models"] = speed(backend, args.seconds, pictures)
    print(json.dumps(result))


def one_core() -> None:
    """Keep this process, and the threads that the libraries start, on one core."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)


def speed(
    backend: VisionBackend, seconds: float, pictures: Sequence[vision_faces.Picture] = ()
) -> dict[str, Any]:
    """Return how many looks a second one core does, by kind, and the milliseconds of each."""
    pictures = pictures or [someone.picture for someone in vision_faces.people()]
    files = [vision_faces.jpeg(picture) for picture in pictures]
    faces = [found[0] for found in backend.detect(pictures)]
    places = range(len(pictures))
    sound = voice.speech(1.0)
    kinds: dict[Capability | str, Callable[[int], object]] = {
        Capability.DETECT: lambda i: backend.detect([pictures[i]]),
        Capability.POSE: lambda i: backend.geometry(pictures[i], faces[i]),
        Capability.EMBED: lambda i: backend.embed(pictures[i], faces[i]),
        Capability.SPEECH: lambda _: backend.speech_seconds(sound),
        Capability.OCR: lambda _: backend.read_text(screen()),
    }
    looks = {
        kind: per_look(look, places, seconds)
        for kind, look in kinds.items()
        if kind in backend.capabilities
    }

    def whole_look(place: int) -> None:
        picture = cv2.imdecode(files[place], cv2.IMREAD_COLOR)
        for face in backend.detect([picture])[0][:1]:
            backend.geometry(picture, face)

    frame = per_look(whole_look, places, seconds)
    return {
        "frames_per_s": round(1000 / frame["ms"], 1),
        "frame_ms": frame,
        **{f"{kind}_ms": value for kind, value in looks.items()},
    }


def per_look(
    look: Callable[[int], object], places: Sequence[int], seconds: float
) -> dict[str, Any]:
    """Return mean and 95th percentile in milliseconds of repeated looks."""
    look(places[0])
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 2:
        start = time.perf_counter()
        look(places[len(times) % len(places)])
        times.append((time.perf_counter() - start) * 1000)
    return {
        "ms": round(statistics.fmean(times), 2),
        "p95_ms": round(statistics.quantiles(times, n=20)[-1], 2),
        "looks": len(times),
    }


def screen() -> vision_faces.Picture:
    """Return a screen with printed text on it."""
    page = vision_faces.photograph("skimage", "data/page.png")
    return cv2.copyMakeBorder(page, 300, 300, 400, 400, cv2.BORDER_CONSTANT, value=(240, 240, 240))


def accuracy(backend: VisionBackend) -> dict[str, Any]:
    """Return what is found under each change, and how far faces lie apart.

    Counts, not rates: eight people and one photograph of each prove no error rate.
    """
    people = vision_faces.people()
    clean = {someone.name: strangers.embedded(backend, someone.picture) for someone in people}
    rows: dict[str, Any] = {}
    for name, change in vision_faces.CHANGES.items():
        found, sure, extra = 0, 0, 0
        same: list[float] = []
        others: list[float] = []
        for someone in people:
            picture, box = change(someone.picture, someone.box)
            seen = backend.detect([picture])[0]
            here = [f for f in seen if vision_faces.overlap(f.box, box) > REACH_OF_SAME]
            found += bool(here)
            sure += any(face.score >= SECOND_FACE for face in here)
            extra += sum(face.score >= SECOND_FACE for face in seen) > 1
            embedding = backend.embed(picture, here[0]) if here else None
            if embedding is not None:
                same.append(backend.distance(embedding, clean[someone.name]))
                others += [
                    backend.distance(embedding, other)
                    for name, other in clean.items()
                    if name != someone.name and other is not None
                ]
        rows[name] = {
            "found": found,
            "found_sure": sure,
            "extra_faces": extra,
            "embedded": len(same),
            "same_max": round(max(same, default=0), 2),
            "others_min": round(min(others, default=0), 2),
        }
    return {
        "people": len(people),
        "by_change": rows,
        "second_face_found": second_faces(backend),
        "false_faces": [name for name, p in vision_faces.nobody() if backend.detect([p])[0]],
        "pictures_of_nobody": sum(1 for _ in vision_faces.nobody()),
    }


def second_faces(backend: VisionBackend) -> dict[str, str]:
    """Return in how many pairs a second face of so many pixels is found."""
    people = vision_faces.people()
    pairs = [(one, other) for one in people for other in people if one is not other]
    found = {}
    for face_px in (120, 91, 73, 55, 40):
        count = 0
        for main_person, visitor in pairs:
            picture = vision_faces.with_visitor(main_person, visitor, face_px)
            sure = [f for f in backend.detect([picture])[0] if f.score >= SECOND_FACE]
            count += len(sure) >= 2
        found[str(face_px)] = f"{count}/{len(pairs)}"
    return found


def with_toy_models(folder: Path) -> VisionBackend:
    from proctorhub.services import models

    pack = toy_pack.make(folder / "downloaded")
    models.install(
        models.recognise(folder / "downloaded", {"insightface": [pack]}), folder, "bench"
    )
    plugin = type("WithToyModels", (load("vision", "insightface"),), {"known": [pack]})
    backend: VisionBackend = plugin({"pack": "toy"}, folder)
    return backend


if __name__ == "__main__":
    main()
