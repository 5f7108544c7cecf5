"""Two workers on one Redis look at an H.264 camera; one is killed, and nothing is lost."""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
import requests
from prometheus_client.parser import text_string_to_metric_families

from proctorhub.cli.rehearsal.house import free_ports
from proctorhub.frames.redis_streams import GROUP, STREAM
from tests import redis_server, vision_video
from tests.e2e.conftest import Server, serving
from tests.e2e.test_looking_live import finished, leave, looked_at, reanalyse, running
from tests.vision_faces import person
from tests.waiting import PATIENCE_S, wait_for

pytestmark = pytest.mark.e2e


@contextmanager
def worker(server: Server) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A vision worker of an installation, and where it tells its numbers."""
    (port,) = free_ports(1)
    process = subprocess.Popen(
        [sys.executable, "-m", "proctorhub", "vision"],
        env={**server.environment, "PROCTORHUB_VISION_PORT": str(port)},
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: _ready(url), "a worker")
        yield process, url
    finally:
        process.kill()
        process.wait(PATIENCE_S)


def _ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/readyz", timeout=2).ok
    except requests.RequestException:
        return False


def numbers(url: str) -> dict[str, float]:
    """Return the metrics of a process, those of all labels added up."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(requests.get(f"{url}/metrics", timeout=5).text):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0.0) + sample.value
    return found


def looks(server: Server, session_id: str, *more: str) -> dict[str, Any]:
    """Return what `reanalyse` tells."""
    done = reanalyse(server, session_id, "--json", *more)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return dict(json.loads(done.stdout))


def test_one_of_two_workers_is_killed_and_every_look_is_kept(tmp_path: Path) -> None:
    video = tmp_path / "leaves.mp4"
    there = vision_video.alive(person("hopper").picture, 6, 1)
    away = vision_video.empty(6, 2)
    vision_video.write(video, itertools.chain(there, away), codec="libx264")

    async def play(
        server: Server, bus: redis.Redis, workers: list[tuple[subprocess.Popen[bytes], str]]
    ) -> tuple[str, float]:
        sitting = await running(server, "together")
        sender = await sitting.sender(video)
        async with sender:
            await looked_at(sitting)
            await sitting.until("incident.closed", detector="no_face")
            assert all(numbers(url)["proctorhub_vision_looks_total"] for _, url in workers)
            workers[0][0].kill()
            first = await sitting.until("incident.opened", detector="no_face")
            path = f"/sessions/{sitting.id}/incidents"

            async def again() -> bool:
                items = (await sitting.proctor.call("GET", path))["items"]
                return len(items) > 1 and items[-1]["id"] != first["data"]["incident_id"]

            async with asyncio.timeout(PATIENCE_S):
                while not await again():
                    await asyncio.sleep(0.2)
            assert sender.resource is not None
            node = f"http://{urlsplit(sender.resource).netloc}"
        await sitting.until("source.closed", source="camera")
        await asyncio.to_thread(
            wait_for, lambda: not bus.xlen(STREAM), "the last look of the dead worker"
        )
        assert bus.xpending(STREAM, GROUP)["pending"] == 0
        published = numbers(node)["proctorhub_media_sampled_sent_total"]
        given_way = numbers(node)["proctorhub_media_sampled_outdated_total"]
        given_way += numbers(workers[1][1])["proctorhub_vision_samples_dropped_total"]
        assert given_way == 0, "so small a load makes nothing give way"
        await sitting.candidate.call("POST", f"/sessions/{sitting.id}/finish", {})
        await asyncio.to_thread(finished, server, sitting.id)
        await leave(sitting)
        return sitting.id, published

    with ExitStack() as stack:
        url = stack.enter_context(redis_server.running())
        bus = redis.Redis.from_url(url)
        house = serving(tmp_path / "house", vision="mediapipe", frame_bus=url)
        server = stack.enter_context(house)
        workers = [stack.enter_context(worker(server)) for _ in range(2)]
        session_id, published = asyncio.run(play(server, bus, workers))
        found = looks(server, session_id)
        bus.close()
    assert found["rules"]["looks"] == published
    assert found["rules"]["incidents"] >= 2 and found["rules"]["differences"] == []
    assert found["looks"]["looks"] > 20 and found["looks"]["differences"] == []
    assert found["looks"]["missing"] == 0
