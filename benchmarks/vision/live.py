"""From the frame that shows it to the push in the proctor's hands, through everything there is.

Synthetic candidates send real encoded video over WebRTC; their faces vanish, are joined by another,
or the camera is covered, once in every round of the video. A proctor's socket notes when the flag
comes.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from proctorhub.cli.rehearsal import house
from proctorhub.cli.rehearsal.person import Person
from proctorhub.media.material import Material, read_media
from proctorhub.media.synthetic import WhipSender
from tests import admission, vision_video
from tests.vision_faces import Picture, person, with_visitor

PASSWORD = "correct horse battery"
#: Seconds of calm before it happens, and of what happens; together an odd length, so that it comes
#: at every phase of the second.
CALM_S, EVENT_S = 7.2, 6.1
DETECTORS = ("no_face", "second_face", "camera_covered")
POLL_S = 0.004


def measure(folder: Path, seconds: float) -> dict[str, Any]:
    """Return how long flags took, s, for each detector and for all."""
    videos = {name: _video(folder, name) for name in DETECTORS}
    with house.started(folder / "house") as running:
        took, onsets = asyncio.run(_play(running, videos, seconds))
    everything = [x for times in took.values() for x in times]
    return {
        "flags": len(everything),
        "onsets": onsets,
        "p50_s": round(statistics.median(everything), 2),
        "p95_s": round(_quantile(everything, 0.95), 2),
        "max_s": round(max(everything), 2),
        "by_detector": {
            name: {"flags": len(x), "p50_s": round(statistics.median(x), 2), "max_s": max(x)}
            for name, x in took.items()
            if x
        },
    }


def _quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _video(folder: Path, detector: str) -> Material:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{detector}.webm"
    vision_video.write(path, _frames(detector))
    return read_media(path)


def _frames(detector: str) -> Iterator[Picture]:
    someone, seed = person("hopper"), len(detector)
    yield from vision_video.alive(someone.picture, CALM_S, seed)
    if detector == "no_face":
        yield from vision_video.empty(EVENT_S, seed)
    elif detector == "second_face":
        pair = with_visitor(someone, person("astronaut"), 130)
        yield from vision_video.alive(pair, EVENT_S, seed)
    else:
        yield from vision_video.covered(EVENT_S, seed)


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
) -> tuple[dict[str, list[float]], int]:
    admin, proctor = Person(running.url, running.token), _Proctor(running.url)
    await _account(admin, "proctor", "bench-proctor")
    await proctor.sign_in("bench-proctor", PASSWORD)
    exam = await admin.call("POST", "/exams", admission.open_exam("Bench", 60))
    took: dict[str, list[float]] = {name: [] for name in DETECTORS}
    candidates = [Person(running.url) for _ in DETECTORS]
    seen = await asyncio.gather(
        *(
            _sit(admin, proctor, candidate, exam["id"], name, videos[name], seconds)
            for candidate, name in zip(candidates, DETECTORS, strict=True)
        )
    )
    for name, (session_id, onsets) in zip(DETECTORS, seen, strict=True):
        pushed = [at for s, d, at in proctor.flags if (s, d) == (session_id, name)]
        for onset in onsets:
            late = [at - onset for at in pushed if 0 <= at - onset < CALM_S]
            took[name] += [round(min(late), 3)] if late else []
    for somebody in (admin, proctor, *candidates):
        await somebody.__aexit__(None, None, None)
    return took, sum(len(onsets) for _, onsets in seen)


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
    login = f"bench-{name.replace('_', '-')}"
    await _account(admin, "candidate", login)
    await candidate.sign_in(login, PASSWORD)
    sid = await admission.start(candidate, proctor, exam_id)
    await proctor.watch("watch_session", {"session_id": sid})
    wanted = {"source": "camera", "direction": "send"}
    ticket = await candidate.call("POST", f"/sessions/{sid}/tickets", wanted)
    sender = WhipSender(ticket["url"], ticket["ticket"], Path("bench"), material=material)
    async with sender:
        onsets = await _onsets(sender, material.duration_s, time.monotonic() + seconds)
    return sid, onsets


async def _onsets(sender: WhipSender, length_s: float, until: float) -> list[float]:
    """Return the times at which the sender came to what happens, while it still goes on."""
    head = sender._sender._head
    rounds = itertools.count(1)
    # The first round is for everybody to get going.
    onset = next(rounds) * length_s + CALM_S
    found = []
    while time.monotonic() < until:
        if head.position_s() >= onset:
            found.append(time.time())
            onset = next(rounds) * length_s + CALM_S
        await asyncio.sleep(POLL_S)
    return found[:-1]
