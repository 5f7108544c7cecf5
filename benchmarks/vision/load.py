"""What looking at one candidate costs a worker: everything on, at the pace of an exam.

A real worker process on one core takes samples of N candidates over the real bus and writes to the
real (embedded) database: each camera's pictures at the product's pace, with miniatures between
them, seconds of sound, a screen every ten seconds, the face compared every ten seconds.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.vision import house as ready
from benchmarks.vision.behaviour import TICK_MS, Behaviour, innocent
from benchmarks.vision.watching import sampled
from proctorhub.cli.keeper import die_with_parent
from proctorhub.cli.rehearsal import house
from proctorhub.config import Settings
from proctorhub.frames import bus, planes
from proctorhub.frames.envelope import Sample, SampledPicture, SampledSound
from proctorhub.frames.miniature import Miniatures
from proctorhub.media.ledger import RATES
from proctorhub.media.material import make_media, read_media
from tests.vision_faces import people

_RATES = {source: rate for source, _, rate in RATES}
WARM_S, START_S = 5.0, 60.0
#: What is published, every so many seconds: cameras and screens as media nodes sample them.
EVERY_S = {
    "camera": _RATES["camera"].every_ms / 1000,
    "sound": 1.0,
    "screen": _RATES["screen"].every_ms / 1000,
}
PICTURES = 24  # of each person, shown in turn
#: An image, and the miniatures of two that were decoded before it.
Shown = tuple[bytes, list[bytes]]


def measure(folder: Path, candidates: int, seconds: float) -> dict[str, Any]:
    """Return what a worker used while it looked at so many candidates."""
    with house.started(folder, vision=""), ready.connected(folder):
        return _measure(folder, ready.sessions(candidates), seconds)


def _measure(folder: Path, ids: list[str], seconds: float) -> dict[str, Any]:
    cameras = _cameras()
    screens = [_screen(title) for title in ("Files", "Terminal")]
    sounds = _sounds(folder)
    core = max(os.sched_getaffinity(0))
    log = (folder / "worker.log").open("wb")
    worker = subprocess.Popen(
        [sys.executable, "-m", "proctorhub", "vision"],
        env={**os.environ, "PROCTORHUB_DATA_DIR": str(folder), "PROCTORHUB_VISION_PORT": "8392"},
        stdout=log,
        stderr=log,
        preexec_fn=lambda: (die_with_parent(), os.sched_setaffinity(0, {core})),
    )
    sender = bus.sender(Settings(data_dir=folder), lambda wish: None)
    deadline = time.monotonic() + START_S
    while (
        not sender.connected or b"vision_worker_ready" not in (folder / "worker.log").read_bytes()
    ):
        if time.monotonic() > deadline or worker.poll() is not None:
            raise SystemExit("bench: the worker did not start")
        time.sleep(0.1)
    began, before, wall = time.monotonic(), 0.0, 0.0
    for due, kind, place, number in _plan(len(ids), WARM_S + seconds):
        time.sleep(max(0.0, began + due - time.monotonic()))
        if due >= WARM_S and not wall:
            before, wall = _cpu_s(worker.pid), time.monotonic()
        now = int(time.time() * 1000)
        sender.publish(_sample(kind, ids[place], place, number, now, cameras, screens, sounds))
    used, lasted = _cpu_s(worker.pid) - before, time.monotonic() - wall
    time.sleep(1.0)
    numbers = _metrics("http://127.0.0.1:8392/metrics")
    sender.close()
    worker.terminate()
    worker.wait(30)
    per = used / (lasted * len(ids))
    return {
        "candidates": len(ids),
        "seconds": round(lasted, 1),
        "worker_cpu_ms_per_candidate_second": round(per * 1000, 2),
        "candidates_per_core": round(1 / per, 1),
        "dropped": int(numbers["proctorhub_vision_samples_dropped_total"]),
        "camera_lag_s_mean": round(
            numbers["proctorhub_vision_lag_seconds_sum camera"]
            / numbers["proctorhub_vision_lag_seconds_count camera"],
            3,
        ),
        "looks": {
            source: int(numbers.get(f"proctorhub_vision_looks_total {source}", 0))
            for source in ("camera", "microphone", "screen")
        },
    }


def _plan(candidates: int, seconds: float) -> list[tuple[float, str, int, int]]:
    """Return what comes when: (second, kind, candidate, number), everybody out of step."""
    return sorted(
        (every * (number + place / candidates), kind, place, number)
        for kind, every in EVERY_S.items()
        for place in range(candidates)
        for number in range(int(seconds / every))
    )


def _sample(
    kind: str,
    session_id: str,
    place: int,
    number: int,
    now: int,
    cameras: list[list[Shown]],
    screens: list[bytes],
    sounds: tuple[tuple[int, bytes], ...],
) -> Sample:
    if kind == "sound":
        heard = tuple((now + offset, data) for offset, data in sounds)
        return SampledSound(session_id, "camera", "bench", number, now, heard)
    if kind == "screen":
        shown = screens[number % len(screens)]
        return SampledPicture(session_id, "screen", "bench", number, now, 1280, 720, shown)
    image, between = cameras[place % len(cameras)][(number + place) % PICTURES]
    before = ((now - 2 * TICK_MS, between[0]), (now - TICK_MS, between[1]))
    return SampledPicture(
        session_id, "camera", "bench", number, now, 640, 480, image, miniatures=before
    )


def _cameras() -> list[list[Shown]]:
    made = Miniatures()
    found = []
    for number, someone in enumerate(people()):
        shots = innocent(Behaviour(someone.name, number))
        shown = []
        for _ in range(PICTURES):
            *before, image = (sampled(next(shots)()) for _ in range(3))
            shown.append((image, [made.of(planes.picture(one)) for one in before]))
        found.append(shown)
    return found


def _screen(title: str) -> bytes:
    image = Image.new("RGB", (1280, 720), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 1280, 70), "lightgrey")
    draw.text((30, 6), "Linear algebra, final examination - Chromium", "black", font_size=20)
    draw.text((40, 38), "https://lms.example.edu/quiz/attempt", "black", font_size=20)
    draw.rectangle((0, 680, 1280, 720), "black")
    for place, name in enumerate(("Chromium", title)):
        draw.text((30 + 320 * place, 687), name, "white", font_size=20)
    for line in range(15):
        draw.text(
            (80, 100 + 36 * line), f"{line + 1}. Compute the determinant", "black", font_size=20
        )
    return sampled(np.asarray(image)[:, :, ::-1].copy())


def _sounds(folder: Path) -> tuple[tuple[int, bytes], ...]:
    make_media(folder / "sound.webm", 2)
    packets = read_media(folder / "sound.webm").audio[:50]
    return tuple((20 * number, packet.data) for number, packet in enumerate(packets))


def _cpu_s(pid: int) -> float:
    run_ns = 0
    for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        run_ns += int(path.read_text().split()[0])
    return run_ns / 1e9


def _metrics(url: str) -> dict[str, float]:
    import requests

    found = {}
    for family in text_string_to_metric_families(requests.get(url, timeout=10).text):
        for sample in family.samples:
            labels = " ".join(v for k, v in sample.labels.items() if k != "le")
            found[f"{sample.name} {labels}".strip()] = sample.value
    return found
