"""A flag on its way: from the candidate's page to the proctor's, decided, and seen everywhere."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Server
from tests.e2e.pages import audit
from tests.e2e.steps import begun, let_in, state, waiting

pytestmark = pytest.mark.e2e


def flag(page: Page, detector: str):
    return page.locator(f"#flags li[data-detector={detector}]")


def noticed(sit: Page, console: Page) -> None:
    """Copy until the proctor hears of it: the page notices once it has asked what is wanted."""
    for _ in range(40):
        sit.evaluate("document.dispatchEvent(new ClipboardEvent('copy'))")
        if flag(console, "clipboard").count():
            return
        console.wait_for_timeout(250)
    expect(flag(console, "clipboard")).to_be_visible()


def test_from_the_candidates_page_to_the_decision(
    server: Server, browser_with: Callable[[str], Browser], sign_in: Callable[..., Page]
) -> None:
    sit, console, session_id = begun(server, browser_with, sign_in)
    complaints = audit.Complaints(console)
    expect(console.get_by_test_id("flags")).to_be_visible()
    expect(console.locator("#looking [data-state=live]")).to_be_visible()

    reviewer = sign_in(console.context.browser, server.new_user("reviewer"))
    reviewer.goto(f"{server.url}/reports/{session_id}")
    grid = console.context.new_page()
    grid.goto(f"{server.url}/desk/grid")
    tile = grid.locator(f".cam[data-id='{session_id}']")
    expect(tile).to_be_visible()

    sit.keyboard.press("F12")
    expect(flag(console, "devtools")).to_be_visible()
    expect(console.get_by_test_id("toasts")).to_contain_text("Developer tools key")
    expect(flag(reviewer, "devtools")).to_be_visible()
    expect(tile).to_have_attribute("data-flag", "warn")

    sit.evaluate("document.dispatchEvent(new ClipboardEvent('copy'))")
    expect(flag(console, "clipboard")).to_be_visible()
    expect(console.get_by_test_id("flag-count")).to_have_text("2")

    console.locator("body").press("j")
    detail = console.get_by_test_id("flag-detail")
    expect(detail).to_contain_text("only if it had not happened")
    detail.get_by_test_id("flag-comment").fill("Pressed by mistake.")
    detail.get_by_test_id("flag-dismissed").click()
    expect(flag(console, "devtools")).to_have_count(0)
    console.locator("body").press("y")
    expect(console.locator("#flags [data-none]")).to_be_visible()
    expect(flag(reviewer, "clipboard")).to_have_count(0)
    reviewer.locator("#flags-decided").check()
    expect(flag(reviewer, "clipboard")).to_have_attribute("data-decided", "confirmed")
    expect(flag(reviewer, "devtools")).to_have_attribute("data-decided", "dismissed")
    # a slow machine may have left a gap, which is marked last
    expect(tile.locator(".cam-flags")).to_have_text(re.compile(r"^\s*(Gaps: .*)?$"))
    assert complaints.heard == []


def test_what_happens_offline_is_told_later_with_its_time(
    server: Server, browser_with: Callable[[str], Browser], sign_in: Callable[..., Page]
) -> None:
    sit, console, session_id = begun(server, browser_with, sign_in)
    noticed(sit, console)
    sit.context.set_offline(True)
    sit.keyboard.press("F12")
    pressed = server.api("GET", "/time")["now"]
    expect(console.locator("#looking [data-state=silent]")).to_be_visible()
    assert flag(console, "devtools").count() == 0
    sit.context.set_offline(False)
    expect(flag(console, "devtools")).to_be_visible()
    expect(console.locator("#looking [data-state=silent]")).to_have_count(0)
    (found,) = [
        i
        for i in server.api("GET", f"/sessions/{session_id}/incidents")["items"]
        if i["detector"] == "devtools"
    ]
    assert found["started_at"] <= pressed


def test_an_accommodation_leaves_the_signal_unsent(
    server: Server, browser_with: Callable[[str], Browser], sign_in: Callable[..., Page]
) -> None:
    sit, console, session_id = waiting(server, browser_with, sign_in)
    session = server.api("GET", f"/sessions/{session_id}")
    exam, candidate = session["exam"]["id"], session["candidate"]["id"]
    wanted = {"off": ["devtools"], "relaxed": {}, "reason": "A key of the reading aid."}
    server.api("PUT", f"/exams/{exam}/accommodations/{candidate}", wanted)
    let_in(console)
    sit.get_by_test_id("start").click()
    state(console, "console", "running")
    noticed(sit, console)
    # signals are told in order: what the key gave would be there with the answer to the copy
    with sit.expect_response(lambda a: a.url.endswith("/signals") and a.request.method == "POST"):
        sit.keyboard.press("F12")
        sit.evaluate("document.dispatchEvent(new ClipboardEvent('copy'))")
    incidents = server.api("GET", f"/sessions/{session_id}/incidents")["items"]
    assert {incident["detector"] for incident in incidents} == {"clipboard"}
    assert "reading aid" not in console.content()


_HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_a_hidden_page_counts_only_while_the_exam_is_taken_on_it(
    server: Server, browser_with: Callable[[str], Browser], sign_in: Callable[..., Page]
) -> None:
    sit, console, _ = begun(server, browser_with, sign_in)
    expect(console.locator("#looking [data-state=live]")).to_be_visible()
    sit.locator("#rules-again summary").click()
    expect(sit.get_by_test_id("observed")).to_contain_text("Page hidden")
    sit.evaluate(_HIDE, True)
    expect(flag(console, "tab_hidden")).to_have_attribute("data-open", "true")
    sit.evaluate(_HIDE, False)
    expect(flag(console, "tab_hidden")).to_have_attribute("data-open", "false")
    console.locator("body").press("j")
    console.locator("body").press("x")
    expect(flag(console, "tab_hidden")).to_have_count(0)

    with sit.context.expect_page():
        sit.get_by_test_id("exam-link").click()
    expect(console.locator("#looking [data-state=not_checked]")).to_contain_text("Page hidden")
    sit.evaluate(_HIDE, True)
    sit.evaluate("document.dispatchEvent(new ClipboardEvent('copy'))")
    expect(flag(console, "clipboard")).to_be_visible()
    expect(flag(console, "tab_hidden")).to_have_count(0)
