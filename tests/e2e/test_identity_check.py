"""The identity check in real browsers: what candidates do, what software finds, who decides.

Vision is real: RapidOCR reads the document, MediaPipe follows the moves, dlib compares the faces.
The person is a photograph that does not move.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e import steps
from tests.e2e.conftest import Account, Server, serving
from tests.e2e.live_camera import LiveCamera
from tests.e2e.pages import audit
from tests.vision_documents import Holder, held_up, passport
from tests.vision_faces import person

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

WHO = "astronaut"
HOLDER = Holder(face=WHO, surname="COLLINS", given_names="EILEEN MARIE")
NAME = "Eileen Marie Collins"
SOON_MS = 60_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An installation that looks."""
    with serving(tmp_path_factory.mktemp("identity"), vision="mediapipe") as running:
        yield running


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[LiveCamera]:
    """A camera before which somebody sits."""
    camera = LiveCamera(tmp_path / "camera.y4m", person(WHO).picture)
    yield camera
    camera.close()


def to_the_check(
    server: Server, sign_in: Callable[..., Page], browser: Browser, **exam: Any
) -> tuple[Page, Account]:
    """Bring a candidate to the page that waits for the proctor; return it and the proctor."""
    candidate, proctor = server.new_user("candidate", NAME), server.new_user("proctor")
    made = steps.new_exam(server, proctor, candidate)
    server.api("PATCH", f"/exams/{made['id']}", {"identity": {"software": True}})
    sit = sign_in(browser, candidate, **exam)
    steps.arrive(sit)
    steps.switch_on(sit)
    steps.state(sit, "sit", "waiting")
    return sit, proctor


def at(sit: Page, part: str, timeout: float = SOON_MS) -> None:
    expect(sit.get_by_test_id("identity-check")).to_have_attribute("data-at", part, timeout=timeout)


def good(sit: Page) -> None:
    """Wait until the page has nothing to advise."""
    expect(sit.get_by_test_id("identity-advice")).to_have_attribute(
        "data-state", "good", timeout=SOON_MS
    )


def asked_for(sit: Page) -> list[str]:
    """Start the moves and make none; return what the page asked for."""
    sit.get_by_test_id("identity-moves").click()
    at(sit, "moving")
    asked: list[str] = []
    while sit.get_by_test_id("identity-check").get_attribute("data-at") == "moving":
        words = sit.get_by_test_id("identity-ask").text_content() or ""
        if words and "straight" not in words and words not in asked:
            asked.append(words)
        sit.wait_for_timeout(50)
    return asked


def test_what_software_cannot_say_the_proctor_decides(
    server: Server,
    browser_with: Callable[..., Browser],
    sign_in: Callable[..., Page],
    camera: LiveCamera,
) -> None:
    wrong: dict[str, list[str]] = {}
    view = {**audit.VIEWS["phone dark"], "reduced_motion": "reduce"}
    sit, proctor = to_the_check(server, sign_in, browser_with(WHO, more=camera.arguments), **view)
    session_id = str(sit.get_by_test_id("sit").get_attribute("data-session-id"))

    def looked_at(part: str) -> None:
        at(sit, part)
        wrong[part] = audit.faults(sit)

    looked_at("intro")
    sit.get_by_test_id("identity-leave").press("Enter")
    looked_at("left")
    blurred = cv2.GaussianBlur(held_up(passport(HOLDER)), (0, 0), 4)
    camera.show(blurred)
    sit.get_by_test_id("identity-begin").press("Enter")
    looked_at("document")
    advice = sit.get_by_test_id("identity-advice")
    for _ in range(3):
        expect(advice).to_contain_text("Blurred")
        expect(sit.get_by_test_id("identity-anyway")).to_be_hidden()
        sit.get_by_test_id("identity-take").press("Enter")
        at(sit, "document-taken")
        expect(sit.get_by_test_id("identity-use")).to_be_hidden()
        if sit.get_by_test_id("identity-anyway").is_hidden():
            sit.get_by_test_id("identity-again").press("Enter")
    looked_at("document-taken")
    sit.get_by_test_id("identity-anyway").press("Enter")
    camera.show(person(WHO).picture)
    looked_at("face")
    good(sit)
    sit.get_by_test_id("identity-take").press("Enter")
    looked_at("face-taken")
    sit.get_by_test_id("identity-use").press("Enter")
    looked_at("moves")
    assert len(asked_for(sit)) == 3
    looked_at("needs_human_review")
    expect(sit.get_by_test_id("identity-reasons")).to_contain_text("moves")
    expect(sit.get_by_test_id("identity-left")).to_contain_text(re.compile(r"\d"))

    console = sign_in(browser_with("coffee"), proctor)
    console.goto(f"{server.url}/desk/{session_id}")
    console.get_by_test_id("take").click()
    panel = console.get_by_test_id("identity-panel")
    expect(panel).to_have_attribute("data-outcome", "needs_human_review", timeout=SOON_MS)
    expect(panel.get_by_test_id("findings-quality")).to_contain_text("blurred")
    wrong["console"] = audit.faults(console)
    assert not {where: what for where, what in wrong.items() if what}
    console.get_by_test_id("identify").click()
    console.get_by_test_id("approve").click()
    steps.state(sit, "sit", "admitted")
