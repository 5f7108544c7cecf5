"""What a page's live connection does when the server refuses it, or was away."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Account, Server
from tests.e2e.pages import audit
from tests.e2e.pages.line import EVENT, JOIN, Line, event, full, problem
from tests.e2e.steps import arrive, new_exam, state, wait_until

pytestmark = pytest.mark.e2e

PHONE = {"viewport": {"width": 360, "height": 740}}
#: Longer than a socket may send a sign of life every two seconds at once.
AWAY_MS = 70_000


def wait_for_sent(page: Page, line: Line, name: str) -> None:
    """Wait until the page has sent an event over the connection it has now."""
    wait_until(page, lambda: any(name in one for one in line.sent[-1]), name)


def link(page: Page, state: str, words: str) -> None:
    expect(page.locator("html")).to_have_attribute("data-link", state)
    expect(page.locator("#link-state")).to_have_text(words)


@pytest.fixture
def proctor(server: Server) -> Account:
    return server.new_user("proctor")


@pytest.fixture
def desk(
    proctor: Account, browser_with: Callable[[str], Browser], sign_in: Callable[..., Page]
) -> Page:
    return sign_in(browser_with("astronaut"), proctor, **PHONE)


def comes(server: Server, proctor: Account) -> str:
    """Let a candidate of this proctor come; return the session's id."""
    candidate = server.new_user("candidate")
    exam = new_exam(server, proctor, candidate)
    wanted = {"exam_id": exam["id"], "student_id": candidate.id}
    return str(server.api("POST", "/sessions", wanted)["session_id"])


def hears(server: Server, proctor: Account, desk: Page) -> None:
    """The desk shows a candidate who comes now."""
    expect(desk.locator(f"tr[data-id='{comes(server, proctor)}']")).to_be_visible()


@pytest.mark.parametrize(
    ("answer", "words"),
    [(problem, "Wait a moment."), (lambda sent: "", "No live changes")],
    ids=["refused", "no answer"],
)
def test_a_page_that_may_not_watch_yet_says_so_and_asks_again(
    answer: Callable[[str], str], words: str, server: Server, proctor: Account, desk: Page
) -> None:
    line = Line(desk)
    line.refuse("watch_day", answer)
    desk.goto(f"{server.url}/desk")
    link(desk, "refused", words)
    assert audit.overflow(desk) <= 0
    line.allow()
    link(desk, "online", "Live")
    assert len(line.sent) == 1
    hears(server, proctor, desk)


def test_a_page_that_is_not_let_in_says_so_and_comes_again(
    server: Server, proctor: Account, desk: Page
) -> None:
    line = Line(desk)
    line.refuse(JOIN, full)
    desk.goto(f"{server.url}/desk")
    link(desk, "refused", "No room.")
    wait_until(desk, lambda: len(line.sent) > 1, "another attempt")
    line.allow()
    link(desk, "online", "Live")
    hears(server, proctor, desk)


def test_signs_of_life_do_not_pile_up_while_the_page_is_away(
    server: Server, browser_with: Callable[[str], Browser], sign_in: Callable[..., Page]
) -> None:
    candidate = server.new_user("candidate")
    new_exam(server, server.new_user("proctor"), candidate)
    sit = sign_in(browser_with("astronaut"), candidate)
    arrive(sit)
    state(sit, "sit", "checked_in")
    line = Line(sit)
    sit.clock.install()
    sit.reload()
    state(sit, "sit", "checked_in")
    link(sit, "online", "Live")
    wait_for_sent(sit, line, "page_alive")

    line.hang_up()
    expect(sit.locator("html")).to_have_attribute("data-link", "offline")
    sit.clock.run_for(AWAY_MS)
    line.cut = False
    link(sit, "online", "Live")
    wait_for_sent(sit, line, "page_alive")
    names = [event(one) for one in line.sent[-1] if one.startswith(EVENT)]
    assert names[:2] == ["watch_session", "page_alive"]
