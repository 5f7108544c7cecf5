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
from tests.e2e.recorded import chains, missing_between
from tests.e2e.steps import looks_like, playing, share_again, state, waiting
from tests.waiting import wait_for

pytestmark = pytest.mark.e2e


def segments(server: Server, session_id: str, source: str) -> list[dict]:
    tracks = server.api("GET", f"/sessions/{session_id}/media")["tracks"]
    return next((t["segments"] for t in tracks if t["source"] == source), [])


def wait_for_chains(server: Server, session_id: str, source: str, count: int) -> list[dict]:
    def chains() -> list[dict]:
        found = segments(server, session_id, source)
        return found if len({s["chain"] for s in found}) >= count else []

    found: list[dict] = wait_for(chains, f"{count} chains of {source}")
    return found


def test_kill_9_of_the_media_node(
    server: Server, browser_with: Callable[[str], Browser], sign_in: Callable[..., Page]
) -> None:
    sit, console, session_id = waiting(server, browser_with, sign_in)
    wait_for_chains(server, session_id, "camera", 1)
    (node,) = processes.of(server.data_dir, "media")
    killed_at = time.time()
    os.kill(node, signal.SIGKILL)
    camera = wait_for_chains(server, session_id, "camera", 2)
    wait_for_chains(server, session_id, "screen", 2)
    looks_like(console, "camera-video", "astronaut")
    expect(sit.get_by_test_id("camera-state")).to_have_attribute("data-state", "live")
    assert {s["video_codec"] for s in camera} == {"VP8"}
    for track in server.api("GET", f"/sessions/{session_id}/media")["tracks"]:
        # the candidate's page may have filled all or part of it by now
        missing = missing_between(track, killed_at, chains(track)[1])
        assert {gap["cause"] for gap in missing} == {"node"}, missing
        assert all(b["started_at"] == a["ended_at"] for a, b in pairwise(missing)), missing


def test_reloading_resumes_the_session(
    server: Server, browser_with: Callable[[str], Browser], sign_in: Callable[..., Page]
) -> None:
    sit, console, session_id = waiting(server, browser_with, sign_in)
    sit.reload()
    state(sit, "sit", "waiting")
    share_again(sit)
    wait_for_chains(server, session_id, "screen", 2)
    playing(console, "camera-video")
    playing(console, "screen-video")
    expect(sit.get_by_test_id("screen-state")).to_have_attribute("data-state", "live")
