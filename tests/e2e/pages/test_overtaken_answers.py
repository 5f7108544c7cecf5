"""Lists that are asked for as a whole and changed by live events lose none to a late answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.conftest import Account, Server
from tests.e2e.pages.line import Line
from tests.e2e.steps import new_exam, wait_until

pytestmark = pytest.mark.e2e


class Questions:
    """What the page asks at one address; the test answers when it wants to."""

    def __init__(self, page: Page, address: str) -> None:
        self._page = page
        self._asked: list[Route] = []
        page.route(address, lambda route: self._asked.append(route))

    def come(self, count: int) -> None:
        """Wait until the page has asked so often."""
        wait_until(self._page, lambda: len(self._asked) >= count, f"question {count}")

    def answer(self, number: int, *items: Any) -> None:
        """Answer one of the questions, and let the page take it in."""
        route = self._asked[number - 1]
        with self._page.expect_event("requestfinished", lambda done: done == route.request):
            route.fulfill(json={"items": items})
        # what the page does with it comes before the answer to a later question
        self._page.evaluate("fetch('/api/v1/time').then((answer) => answer.json())")


@pytest.fixture
def proctor(server: Server) -> Account:
    return server.new_user("proctor")


@pytest.fixture
def page(
    proctor: Account, browser_with: Callable[[str], Browser], sign_in: Callable[..., Page]
) -> Page:
    return sign_in(browser_with("astronaut"), proctor)


@pytest.fixture
def running(server: Server, proctor: Account) -> dict[str, Any]:
    """A session of this proctor's, as the server would show it while it runs."""
    candidate = server.new_user("candidate")
    exam = new_exam(server, proctor, candidate)
    wanted = {"exam_id": exam["id"], "student_id": candidate.id}
    session = server.api("POST", "/sessions", wanted)["session"]
    sources = {name: {"state": "live", "chain": "c", "at": None} for name in ("camera", "screen")}
    proctored = {"id": proctor.id, "name": proctor.name}
    return {**session, "state": "running", "proctor": proctored, "sources": sources}


def tile(session: dict[str, Any], *incidents: Any) -> dict[str, Any]:
    known = {"chat": None, "gaps": 0, "gap_ms": 0, "silent": []}
    return {**known, "session": session, "incidents": list(incidents)}


def incident(name: str, detector: str) -> dict[str, Any]:
    return {"id": name, "detector": detector, "severity": "high"}


def opened(session: dict[str, Any], name: str, detector: str) -> dict[str, Any]:
    """The live event of a new flag."""
    data = {"incident_id": name, "detector": detector, "severity": "high"}
    return {
        "session_id": session["id"],
        "kind": "incident.opened",
        "seq": 9,
        "id": f"e{name}",
        "at": session["server_now"],
        "actor": None,
        "data": data,
    }


def flags(page: Page, *wanted: str) -> None:
    expect(page.locator(".cam-flags .badge-state")).to_have_text(list(wanted))


def test_a_flag_that_comes_while_the_grid_is_asked_for_stays(
    server: Server, page: Page, running: dict[str, Any]
) -> None:
    line, questions = Line(page), Questions(page, "**/api/v1/proctoring/grid")
    page.goto(f"{server.url}/desk/grid")
    # one when the page begins, one when it hears of changes
    questions.come(2)
    questions.answer(1, tile(running))
    flags(page)
    line.tell("entry", opened(running, "1", "second_face"))
    flags(page, "Second face")
    questions.answer(2, tile({**running, "warnings": 1}))
    flags(page, "Second face", "Warnings: 1")
    expect(page.get_by_test_id("flagged").locator(".btn-bad")).to_have_count(1)


def test_an_older_answer_of_the_grid_does_not_win(
    server: Server, page: Page, running: dict[str, Any]
) -> None:
    line, questions = Line(page), Questions(page, "**/api/v1/proctoring/grid")
    page.goto(f"{server.url}/desk/grid")
    questions.come(2)
    questions.answer(2, tile(running, incident("1", "no_face")))
    flags(page, "No face")
    questions.answer(1, tile(running))
    line.tell("entry", opened(running, "2", "second_face"))
    flags(page, "No face", "Second face")


def test_a_tile_that_comes_by_an_event_gets_its_flags(
    server: Server, page: Page, running: dict[str, Any]
) -> None:
    line, questions = Line(page), Questions(page, "**/api/v1/proctoring/grid")
    page.goto(f"{server.url}/desk/grid")
    questions.come(2)
    questions.answer(1)
    line.tell("session", running)
    flags(page)
    questions.answer(2)
    flags(page)
    questions.come(3)
    questions.answer(3, tile(running, incident("1", "no_face")))
    flags(page, "No face")


def test_a_candidate_who_comes_while_the_desk_is_asked_for_stays(
    server: Server, page: Page, running: dict[str, Any]
) -> None:
    line, questions = Line(page), Questions(page, "**/api/v1/sessions?*")
    page.goto(f"{server.url}/desk")
    questions.come(2)
    questions.answer(1)
    expect(page.locator("#empty")).to_be_visible()
    line.tell("session", running)
    row = page.locator(f"tr[data-id='{running['id']}']")
    expect(row).to_be_visible()
    other = {**running, "id": "other"}
    questions.answer(2, other)
    expect(page.locator("tr[data-id='other']")).to_be_visible()
    expect(row).to_be_visible()
