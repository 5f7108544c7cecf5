"""The proctor watches several candidates at once, and speaks to one of them."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Response, expect

from tests.e2e.conftest import Account, Server, picture
from tests.e2e.pages import audit
from tests.e2e.pixels import likeness
from tests.e2e.steps import ALIKE, arrive, new_exam, state, switch_on, waiting
from tests.waiting import PATIENCE_S, wait_for

pytestmark = pytest.mark.e2e

#: So many further stills show that each camera's is renewed by itself.
RENEWED = 3
#: 5 % of four seconds of the 1 Mbit/s that a camera sends at most.
LARGEST_STILL = 25_000
#: Louder than silence, softer than the tone of the proctor's microphone.
HEARD = 0.03

_SHOWN = """img => {
  const canvas = document.createElement("canvas");
  canvas.width = img.naturalWidth; canvas.height = img.naturalHeight;
  canvas.getContext("2d").drawImage(img, 0, 0);
  return canvas.toDataURL("image/png").split(",")[1];
}"""
_LOUDEST = """async () => {
  const { srcObject: stream, muted } = document.querySelector("[data-testid=proctor-video]");
  if (muted || !stream?.getAudioTracks().length) return 0;
  if (window.heardFrom !== stream) {
    const context = new AudioContext();
    window.heardFrom = stream;
    window.heard = context.createAnalyser();
    context.createMediaStreamSource(stream).connect(window.heard);
  }
  const wave = new Float32Array(window.heard.fftSize);
  window.heard.getFloatTimeDomainData(wave);
  return Math.max(...wave);
}"""


def sit(server: Server, page: Page) -> str:
    """Bring a candidate as far as waiting; return the session's id."""
    arrive(page)
    switch_on(page)
    state(page, "sit", "waiting")
    return str(page.get_by_test_id("sit").get_attribute("data-session-id"))


def tile(page: Page, session_id: str) -> Locator:
    return page.locator(f".cam[data-id='{session_id}']")


def shows(page: Page, session_id: str, photograph: str) -> None:
    image = tile(page, session_id).locator("img")
    expect(image).to_be_visible()
    shown = Image.open(io.BytesIO(base64.b64decode(image.evaluate(_SHOWN)))).convert("RGB")
    assert likeness(np.asarray(shown), picture(photograph)) >= ALIKE


class Stills:
    """What the grid fetches, and how large it is. How often: `benchmarks/live`."""

    def __init__(self, page: Page) -> None:
        self.sizes: dict[str, list[int]] = {}
        page.on("response", self._seen)

    def _seen(self, response: Response) -> None:
        if "/still/" not in response.url or response.status != 200:
            return
        session_id = response.url.split("/still/")[1].split("/")[0]
        size = int(response.headers["content-length"])
        self.sizes.setdefault(session_id, []).append(size)

    def come(self, page: Page, session_ids: list[str], more: int) -> None:
        """Wait until so many more were fetched for each of the sessions."""
        seen = [self.sizes.setdefault(session_id, []) for session_id in session_ids]
        wanted = [len(sizes) + more for sizes in seen]
        deadline = time.monotonic() + PATIENCE_S
        while any(len(sizes) < count for sizes, count in zip(seen, wanted, strict=True)):
            assert time.monotonic() < deadline, "no more stills come"
            page.wait_for_timeout(200)


def exam_for(server: Server, proctor: Account) -> Account:
    candidate = server.new_user("candidate")
    new_exam(server, proctor, candidate)
    return candidate


def test_watching_two_candidates(
    server: Server, browser_with: Callable[[str], Browser], sign_in: Callable[..., Page]
) -> None:
    proctor = server.new_user("proctor")
    first, second = browser_with("astronaut"), browser_with("coffee")
    pages, ids, photographs = [], [], ["astronaut", "coffee"]
    for browser in (first, second):
        pages.append(sign_in(browser, exam_for(server, proctor)))
        ids.append(sit(server, pages[-1]))
    grid = sign_in(second, proctor)
    complaints = audit.Complaints(grid)
    grid.goto(f"{server.url}/desk/grid")
    expect(grid.locator("#empty")).to_be_visible()
    for session_id in ids:
        grid.goto(f"{server.url}/desk/{session_id}")
        grid.get_by_test_id("take").click()
        expect(grid.get_by_test_id("identify")).to_be_visible()
    stills = Stills(grid)
    grid.goto(f"{server.url}/desk")
    grid.get_by_test_id("view-grid").click()
    grid.wait_for_url("**/desk/grid")
    for session_id, photograph in zip(ids, photographs, strict=True):
        shows(grid, session_id, photograph)
        expect(tile(grid, session_id).locator(".cam-flags .tone-bad")).to_have_text([])
    stills.come(grid, ids, RENEWED)
    for session_id in ids:
        assert tile(grid, session_id).get_attribute("data-segment")
        # small pictures: what a still of this size costs does not depend on the machine's speed
        assert max(stills.sizes[session_id]) <= LARGEST_STILL

    pages[0].get_by_test_id("chat-toggle").click()
    pages[0].get_by_test_id("chat-text").fill("May I drink?")
    pages[0].get_by_test_id("chat-send").click()
    expect(tile(grid, ids[0])).to_contain_text("May I drink?")
    pages[1].close()
    expect(tile(grid, ids[1])).to_have_attribute("data-flag", "bad")
    lost = grid.get_by_test_id("flagged").locator(".btn-bad")
    expect(lost).to_have_count(1)
    assert [c.get_attribute("data-id") for c in grid.locator(".cam").all()] == ids
    assert audit.faults(grid) == []
    assert complaints.heard == []
    grid.get_by_test_id("flagged-first").check()
    assert [c.get_attribute("data-id") for c in grid.locator(".cam").all()] == ids[::-1]
    lost.click()
    grid.keyboard.press("ArrowRight")
    grid.keyboard.press("Enter")
    grid.wait_for_url(f"**/desk/{ids[0]}")


def loud(page: Page, wanted: bool) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while (page.evaluate(_LOUDEST) > HEARD) is not wanted:
        assert time.monotonic() < deadline, f"heard: {not wanted}"
        page.wait_for_timeout(100)


def stored_still(server: Server, session_id: str) -> dict[str, Any] | None:
    """The only still, once the segment that it comes from is stored."""
    (still,) = server.api("GET", f"/sessions/{session_id}/stills")["items"]
    return still if still["segment_sha256"] is not None else None


def test_speaking_to_a_candidate(
    server: Server, browser_with: Callable[[str], Browser], sign_in: Callable[..., Page]
) -> None:
    sit_page, console, session_id = waiting(server, browser_with, sign_in)
    console.locator("body").click(position={"x": 2, "y": 300})
    console.keyboard.down("Space")
    expect(console.get_by_test_id("own-chip")).to_have_attribute("data-state", "live")
    loud(sit_page, True)
    console.keyboard.up("Space")
    loud(sit_page, False)
    console.keyboard.down("Space")
    loud(sit_page, True)
    console.keyboard.up("Space")
    loud(sit_page, False)
    console.get_by_test_id("own-mic").click()
    loud(sit_page, True)
    console.get_by_test_id("own-mic").click()
    loud(sit_page, False)

    console.get_by_test_id("sound").click()
    console.reload()
    expect(console.get_by_test_id("sound")).to_have_attribute("aria-pressed", "true")

    console.get_by_test_id("still-camera").click()
    expect(console.locator("#stills li")).to_have_count(1)
    (still,) = server.api("GET", f"/sessions/{session_id}/stills")["items"]
    assert still["frame_at"] is not None
    still = wait_for(lambda: stored_still(server, session_id), "the still's segment")
    segments = server.api("GET", f"/sessions/{session_id}/media")["tracks"]
    stored = {s["id"]: s["sha256"] for track in segments for s in track["segments"]}
    assert stored[still["segment_id"]] == still["segment_sha256"]
