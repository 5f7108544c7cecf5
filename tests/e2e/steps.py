"""What people do in the pages, step by step."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Account, Server, picture
from tests.e2e.pixels import likeness, shown_by
from tests.waiting import PATIENCE_S

ALIKE = 0.9
EXAM_URL = "https://lms.example/exam/1"
_CHECKS = ("browser", "camera", "microphone", "screen", "round_trip", "uplink", "connection")


def text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds(moment: str) -> float:
    """Return UTC seconds of a time that the API tells."""
    return datetime.fromisoformat(moment).timestamp()


def new_exam(server: Server, proctor: Account, candidate: Account) -> dict[str, Any]:
    """Make an open exam. That the camera of these browsers is a made-up one is no news here."""
    now = datetime.now(UTC)
    exam: dict[str, Any] = server.api(
        "POST",
        "/exams",
        {
            "title": "History of flight",
            "opens_at": text(now - timedelta(hours=1)),
            "closes_at": text(now + timedelta(hours=5)),
            "duration_min": 30,
            "tier": "ai_human",
            "open": True,
            "url": EXAM_URL,
            "candidates": [candidate.id],
            "proctors": [proctor.id],
            "rules": {"allowed": ["a ruler"], "forbidden": ["a phone"]},
        },
    )
    server.api("PUT", f"/exams/{exam['id']}/monitoring", {"off": ["virtual_camera"]})
    return exam


def wait_until(page: Page, condition: Callable[[], bool], what: str) -> None:
    """Wait for something that is not to be seen in the page, while the page goes on."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, what
        page.wait_for_timeout(100)


def playing(page: Page, test_id: str) -> None:
    """Wait until a video shows frames that move on."""
    page.wait_for_function(
        """id => { const v = document.querySelector(`[data-testid=${id}]`);
             return v && v.videoWidth > 0 && !v.paused && v.currentTime > 0.3; }""",
        arg=test_id,
    )


def looks_like(page: Page, test_id: str, photograph: str) -> None:
    """Assert that a video shows a photograph, giving it some seconds to sharpen."""
    playing(page, test_id)
    wanted, best, shown = picture(photograph), 0.0, None
    deadline = time.monotonic() + PATIENCE_S
    while best < ALIKE and time.monotonic() < deadline:
        shown = shown_by(page.get_by_test_id(test_id))
        best = max(best, likeness(shown, wanted) if shown is not None else 0.0)
        page.wait_for_timeout(200)
    if best < ALIKE:
        last = (
            "nothing" if shown is None else f"mean {shown.mean():.0f}, deviation {shown.std():.0f}"
        )
        played = page.get_by_test_id(test_id).evaluate(
            "v => [v.readyState, v.currentTime, v.getVideoPlaybackQuality().totalVideoFrames]"
        )
        pytest.fail(f"{test_id} shows no {photograph}: {best:.2f}; {last}; played {played}")


def state(page: Page, root: str, wanted: str) -> None:
    expect(page.get_by_test_id(root)).to_have_attribute("data-state", wanted)


def arrive(page: Page) -> None:
    """Consent, equipment check, check-in."""
    checked(page)
    go_on(page)


def checked(page: Page, **results: str) -> None:
    """Consent and equipment check; `results` are those that are not to pass."""
    page.get_by_test_id("join").click()
    page.get_by_test_id("consent-agree").check()
    page.get_by_test_id("consent-submit").click()
    page.get_by_test_id("equipment-start").click()
    page.get_by_test_id("share-screen").click()
    for check in _CHECKS:
        expect(page.get_by_test_id(f"check-{check}")).to_have_attribute(
            "data-state", results.get(check, "pass")
        )


def go_on(page: Page) -> None:
    """From the equipment check to the check-in."""
    page.get_by_test_id("equipment-done").click()
    page.get_by_test_id("check-in").click()


# Asking and pressing in one go: between the two the page may find that the camera is on by itself.
_PRESS_IF_SHOWN = "button => { if (button.offsetParent) button.click(); }"


def switch_on(page: Page) -> None:
    """Switch camera and screen on where the page asks for it, then say ready."""
    for source in ("setup-camera", "setup-screen"):
        page.get_by_test_id(source).evaluate(_PRESS_IF_SHOWN)
    page.get_by_test_id("ready").click()


def share_again(page: Page) -> None:
    """Share the screen after the page was reloaded, which the browser lets nobody do unasked."""
    share = page.get_by_test_id("media-problem").get_by_role("button")
    expect(share).to_have_attribute("data-source", "screen")
    share.click()


def waiting(
    server: Server,
    browser_with: Callable[[str], Browser],
    sign_in: Callable[..., Page],
    media: dict[str, Any] | None = None,
    script: str = "",
) -> tuple[Page, Page, str]:
    """Bring a candidate to the proctor's console; return both pages and the session's id.

    `media` are settings of the exam, `script` runs before those of the candidate's page.
    """
    candidate, proctor = server.new_user("candidate"), server.new_user("proctor")
    exam = new_exam(server, proctor, candidate)
    if media:
        server.api("PATCH", f"/exams/{exam['id']}", {"media": media})
    sit = sign_in(browser_with("astronaut"), candidate)
    if script:
        sit.add_init_script(script)
    arrive(sit)
    switch_on(sit)
    state(sit, "sit", "waiting")
    session_id = str(sit.get_by_test_id("sit").get_attribute("data-session-id"))
    console = sign_in(browser_with("coffee"), proctor)
    console.goto(f"{server.url}/desk/{session_id}")
    console.get_by_test_id("take").click()
    looks_like(console, "camera-video", "astronaut")
    return sit, console, session_id


def let_in(console: Page) -> None:
    """Identify the candidate and open the exam."""
    console.get_by_test_id("identify").click()
    console.get_by_test_id("take-document").click()
    console.get_by_test_id("take-face").click()
    console.get_by_test_id("approve").click()
    state(console, "console", "admitted")


def begun(
    server: Server, browser_with: Callable[[str], Browser], sign_in: Callable[..., Page]
) -> tuple[Page, Page, str]:
    """Bring a candidate into the running exam; return both pages and the session's id."""
    sit, console, session_id = waiting(server, browser_with, sign_in)
    let_in(console)
    sit.get_by_test_id("start").click()
    state(console, "console", "running")
    return sit, console, session_id
