"""H.264 from end to end: sent by the page, recorded as it came, played as one recording."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.conftest import Server
from tests.e2e.steps import arrive, looks_like, new_exam, state, switch_on
from tests.waiting import wait_for

pytestmark = pytest.mark.e2e

_PLAY = """async (address) => {
  const video = document.createElement("video");
  video.muted = true;
  const sizes = new Set();
  video.onresize = () => sizes.add(video.videoWidth);
  const ended = new Promise((resolve) => {
    video.onended = () => resolve("ended");
    video.onerror = () => resolve(`error ${video.error.code}: ${video.error.message}`);
  });
  video.src = address;
  document.body.append(video);
  video.playbackRate = 2;
  await video.play();
  const how = await ended;
  const shown = { how, sizes: [...sizes], seconds: video.currentTime };
  video.currentTime = 1;
  await new Promise((resolve) => (video.onseeked = resolve));
  return { ...shown, back: video.videoWidth };
}"""


def segments(server: Server, session_id: str) -> list[dict[str, Any]]:
    tracks = server.api("GET", f"/sessions/{session_id}/media")["tracks"]
    return next((t["segments"] for t in tracks if t["source"] == "camera"), [])


def more_segments(server: Server, session_id: str, count: int) -> None:
    """Wait until so many more are stored."""
    wanted = len(segments(server, session_id)) + count
    wait_for(lambda: len(segments(server, session_id)) >= wanted, f"{wanted} segments")


def test_h264_is_recorded_and_played_also_where_its_size_changes(
    server: Server, browser_with: Callable[..., Browser], sign_in: Callable[..., Page]
) -> None:
    candidate, proctor = server.new_user("candidate"), server.new_user("proctor")
    exam = new_exam(server, proctor, candidate)
    video = {"width": 640, "height": 480, "codec": "h264"}
    media = {"camera": video, "screen": {"codec": "h264"}}
    server.api("PATCH", f"/exams/{exam['id']}", {"media": media})
    browser = browser_with("astronaut")
    sit = sign_in(browser, candidate)
    arrive(sit)
    switch_on(sit)
    state(sit, "sit", "waiting")
    session_id = str(sit.get_by_test_id("sit").get_attribute("data-session-id"))
    console = sign_in(browser, proctor)
    console.goto(f"{server.url}/desk/{session_id}")
    console.get_by_test_id("take").click()
    looks_like(console, "camera-video", "astronaut")
    more_segments(server, session_id, 1)
    console.get_by_test_id("low-bandwidth").click()
    more_segments(server, session_id, 2)
    console.get_by_test_id("interrupt").click()
    console.get_by_test_id("interrupt-reason").fill("Enough seen.")
    console.get_by_test_id("confirm-interrupt").click()
    state(console, "console", "interrupted")
    assert {s["video_codec"] for s in segments(server, session_id)} == {"H264"}

    found = console.evaluate(
        "id => fetch(`/api/v1/sessions/${id}/report`).then((r) => r.json())", session_id
    )
    for recording in found["sources"]:
        played = console.evaluate(_PLAY, recording["url"])
        assert played["how"] == "ended", (recording["source"], played)
        assert played["seconds"] >= recording["duration_s"] - 0.5
    (camera,) = [r for r in found["sources"] if r["source"] == "camera"]
    played = console.evaluate(_PLAY, camera["url"])
    assert played["back"] == 640
    assert 360 in played["sizes"], played
