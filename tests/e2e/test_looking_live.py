"""Vision through real processes: a camera whose face goes away becomes a flag with its reason."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from proctorhub.cli.rehearsal.person import Person
from proctorhub.media.synthetic import WhipSender
from tests import admission, vision_video
from tests.e2e import processes
from tests.e2e.conftest import Server, serving
from tests.vision_faces import person
from tests.waiting import PATIENCE_S, wait_for

pytestmark = pytest.mark.e2e

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An installation that looks."""
    with serving(tmp_path_factory.mktemp("looking"), vision="mediapipe") as running:
        yield running


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody sits there for a few seconds, and is gone for a few."""
    path = tmp_path_factory.mktemp("video") / "leaves.webm"
    there = vision_video.alive(person("hopper").picture, 6, 1)
    vision_video.write(path, itertools.chain(there, vision_video.empty(8, 2)))
    return path


class Sitting:
    """A candidate who sits an exam, and the proctor who let them in."""

    def __init__(self, server: Server, candidate: Person, proctor: Person, session_id: str) -> None:
        self.server, self.candidate, self.proctor, self.id = server, candidate, proctor, session_id

    async def sender(self, path: Path) -> WhipSender:
        wanted = {"source": "camera", "direction": "send"}
        ticket = await self.candidate.call("POST", f"/sessions/{self.id}/tickets", wanted)
        return WhipSender(ticket["url"], ticket["ticket"], path)

    async def until(self, kind: str, **data: Any) -> dict[str, Any]:
        """Wait for an entry of the log whose data has these values."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                path = f"/sessions/{self.id}/log?after=-1"
                for entry in (await self.proctor.call("GET", path))["items"]:
                    if entry["kind"] == kind and data.items() <= entry["data"].items():
                        return dict(entry)
                await asyncio.sleep(0.2)


async def running(server: Server, name: str) -> Sitting:
    """Bring a session to where the exam runs."""
    people = {}
    for role in ("candidate", "proctor"):
        account = server.new_user(role)
        people[role] = Person(server.url)
        await people[role].sign_in(account.login, account.password)
    candidate, proctor = people["candidate"], people["proctor"]
    exam = server.api("POST", "/exams", admission.open_exam(f"Seen {name}", 10))
    sid = await admission.start(candidate, proctor, exam["id"])
    return Sitting(server, candidate, proctor, sid)


async def leave(sitting: Sitting) -> None:
    for somebody in (sitting.candidate, sitting.proctor):
        await somebody.__aexit__(None, None, None)


def reanalyse(
    server: Server, session_id: str, *more: str, change: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run `proctorhub reanalyse`, if wanted with some code that changes the rules before."""
    code = f"{change}\nfrom proctorhub.cli.main import main\nmain()"
    return subprocess.run(
        [sys.executable, "-c", code, "reanalyse", session_id, *more],
        env=server.environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


STRICTER = """
import dataclasses
from proctorhub.domain import incident_rules as r
rule = r.RULES[r.Detector.NO_FACE]
r.RULES[r.Detector.NO_FACE] = dataclasses.replace(rule, looks=9, min_ms=5000)
"""


def test_a_face_that_goes_away_is_flagged_with_its_reason(server: Server, video: Path) -> None:
    async def play() -> tuple[str, dict[str, Any], list[dict[str, Any]]]:
        sitting = await running(server, "leaving")
        async with await sitting.sender(video):
            flagged = await sitting.until("incident.opened", detector="no_face")
            await sitting.until("incident.closed", detector="no_face")
        path = f"/sessions/{sitting.id}/incidents"
        await sitting.candidate.call("POST", f"/sessions/{sitting.id}/finish", {})
        await sitting.until("source.closed", source="camera")
        await asyncio.to_thread(finished, server, sitting.id)
        items = (await sitting.proctor.call("GET", path))["items"]
        await leave(sitting)
        return sitting.id, flagged, items

    session_id, flagged, items = asyncio.run(play())
    (incident,) = [i for i in items if i["id"] == flagged["data"]["incident_id"]]
    assert incident["detector"] == "no_face" and incident["ended_at"]
    why = incident["explanation"]
    looks = why["looks"]
    assert len(looks) >= 4 and all(look["frame_sha256"] for look in looks)
    assert all(look["values"]["face"] < 0.5 for look in looks[:4])
    assert why["models"]["detect"]
    # The file is played in a loop, and may be found out.
    happened = {i["detector"] for i in items} - {"camera_frozen"}
    assert happened == {"no_face"}, "nothing else"

    again = reanalyse(server, session_id, "--json")
    assert again.returncode == 0, again.stdout + again.stderr
    found = json.loads(again.stdout)
    assert found["rules"]["incidents"] == len(items) and found["rules"]["differences"] == []
    assert found["looks"]["looks"] > 15 and found["looks"]["differences"] == []
    assert found["looks"]["missing"] == 0

    changed = reanalyse(server, session_id, "--rules-only", change=STRICTER)
    assert changed.returncode == 1, changed.stdout + changed.stderr
    assert f"no_face from {why['started_at_ms']}" in changed.stdout
    assert "there are differences" in changed.stdout
    assert reanalyse(server, "nobody").returncode == 2


def finished(server: Server, session_id: str) -> None:
    """Wait until nothing of a session is open: its segments are stored, its incidents closed."""
    spool = server.data_dir / "spool" / session_id
    wait_for(lambda: not spool.exists(), "the last segments to be stored")
    wait_for(lambda: all_closed(server, session_id), "the end of all incidents")


def all_closed(server: Server, session_id: str) -> bool:
    items = server.api("GET", f"/sessions/{session_id}/incidents")["items"]
    return all(item["ended_at"] for item in items)


def test_a_killed_worker_shows_red_and_comes_back(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "sits.webm"
    vision_video.write(path, vision_video.alive(person("hopper").picture, 8, 3))

    async def play() -> tuple[dict[str, Any], dict[str, Any], float, float]:
        began_ms = datetime.now(UTC).timestamp() * 1000
        sitting = await running(server, "watcher")
        async with await sitting.sender(path):
            (victim,) = wait_for(lambda: processes.of(server.data_dir, "vision"), "a vision worker")
            await looked_at(sitting)
            # Stopped for good until red is seen, so that the keeper is not quicker than the watch.
            keeper = processes.parent(victim)
            os.kill(keeper, signal.SIGSTOP)
            os.kill(victim, signal.SIGKILL)
            killed_ms = datetime.now(UTC).timestamp() * 1000
            try:
                silent = await sitting.until("monitoring.silent", source="camera")
            finally:
                os.kill(keeper, signal.SIGCONT)
            live = await sitting.until("monitoring.live", source="camera")
        await leave(sitting)
        return silent, live, began_ms, killed_ms

    silent, live, began_ms, killed_ms = asyncio.run(play())
    assert "no_face" in silent["data"]["detectors"]
    told_ms = datetime.fromisoformat(silent["at"]).timestamp() * 1000
    assert began_ms < silent["data"]["since"] < told_ms
    print(f"red after {(told_ms - killed_ms) / 1000:.1f} s")
    assert set(live["data"]["detectors"]) == set(silent["data"]["detectors"])


async def looked_at(sitting: Sitting) -> None:
    """Wait until the camera is being looked at."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            path = f"/sessions/{sitting.id}/monitoring"
            found = (await sitting.proctor.call("GET", path))["detectors"]
            if any(d["detector"] == "no_face" and d["state"] == "live" for d in found):
                return
            await asyncio.sleep(0.2)
