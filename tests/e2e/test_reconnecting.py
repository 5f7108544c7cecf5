"""Pages that lose the media node, or are reloaded, come back by themselves."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from itertools import pairwise

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e import processes
from tests.e2e.conftest import Server
from tests.e2e.steps import looks_like, playing, state, waiting

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


def segments(server: Server, session_id: str, source: str) -> list[dict]:
    tracks = server.api("GET", f"/sessions/{session_id}/media")["tracks"]
    return next((t["segments"] for t in tracks if t["source"] == source), [])


def wait_for_chains(server: Server, session_id: str, source: str, count: int) -> list[dict]:
    deadline = time.monotonic() + 60
    while True:
        found = segments(server, session_id, source)
        if len({s["chain"] for s in found}) >= count:
            return found
        assert time.monotonic() < deadline, f"{source}: no new chain of segments"
        time.sleep(0.2)


def test_kill_9_of_the_media_node(
    server: Server, browser_with: Callable[[str], Browser], sign_in: Callable[..., Page]
) -> None:
    sit, console, session_id = waiting(server, browser_with, sign_in)
    wait_for_chains(server, session_id, "camera", 1)
    (node,) = processes.of(server.data_dir, "media")
    os.kill(node, signal.SIGKILL)
    killed_at = time.time()
    camera = wait_for_chains(server, session_id, "camera", 2)
    wait_for_chains(server, session_id, "screen", 2)
    looks_like(console, "camera-video", "astronaut")
    expect(sit.get_by_test_id("camera-state")).to_have_attribute("data-state", "live")
    assert {s["video_codec"] for s in camera} == {"VP8"}
    for track in server.api("GET", f"/sessions/{session_id}/media")["tracks"]:
        # the candidate's page may have filled all or part of it by now
        missing = sorted(track["gaps"] + track["healed"], key=lambda gap: gap["started_at"])
        assert {gap["cause"] for gap in missing} == {"node"}, missing
        assert all(b["started_at"] == a["ended_at"] for a, b in pairwise(missing)), missing
    assert time.time() - killed_at < 60


def test_reloading_resumes_the_session(
    server: Server, browser_with: Callable[[str], Browser], sign_in: Callable[..., Page]
) -> None:
    sit, console, session_id = waiting(server, browser_with, sign_in)
    sit.reload()
    resume = sit.get_by_test_id("media-problem").get_by_role("button")
    state(sit, "sit", "waiting")
    deadline = time.monotonic() + 60
    while len({s["chain"] for s in segments(server, session_id, "screen")}) < 2:
        if resume.is_visible():
            resume.click()
        assert time.monotonic() < deadline
        sit.wait_for_timeout(200)
    playing(console, "camera-video")
    playing(console, "screen-video")
    expect(sit.get_by_test_id("screen-state")).to_have_attribute("data-state", "live")
