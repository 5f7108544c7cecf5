"""Everything can be reached and done with the keyboard, and one sees where one is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e import steps
from tests.e2e.conftest import Server
from tests.e2e.pages import audit

pytestmark = pytest.mark.e2e


def test_every_stop_shows_its_focus(
    server: Server, browser_with: Callable[[str], Browser], sign_in: Callable[..., Page]
) -> None:
    browser = browser_with("astronaut")
    for role, path in (
        ("candidate", "/equipment"),
        ("proctor", "/availability"),
        ("admin", "/admin/tokens"),
    ):
        page = sign_in(browser, server.new_user(role))
        page.goto(f"{server.url}{path}")
        audit.settled(page)
        stops = audit.tab_stops(page)
        assert stops[0]["name"] == "Skip to the content"
        assert stops[-1]["name"] == "language"
        assert [stop["name"] for stop in stops if not stop["outlined"]] == []


def test_joining_an_exam_without_a_mouse(
    server: Server, browser_with: Callable[[str], Browser], sign_in: Callable[..., Page]
) -> None:
    proctor, candidate = server.new_user("proctor"), server.new_user("candidate")
    steps.new_exam(server, proctor, candidate)
    page = sign_in(browser_with("astronaut"), candidate)
    audit.settled(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_test_id("join")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_selector("#sit[data-step=consent]")
    page.get_by_test_id("consent-agree").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#sit[data-step=equipment]")
    expect(page.locator("#h-equipment")).to_be_focused()


def test_shortcuts_of_the_console(
    server: Server, browser_with: Callable[[str], Browser], sign_in: Callable[..., Page]
) -> None:
    proctor, candidate = server.new_user("proctor"), server.new_user("candidate")
    exam = steps.new_exam(server, proctor, candidate)
    session = server.api("POST", "/sessions", {"exam_id": exam["id"], "student_id": candidate.id})
    page = sign_in(browser_with("astronaut"), proctor)
    page.goto(f"{server.url}/desk/{session['session_id']}")
    audit.settled(page)
    page.keyboard.press("n")
    expect(page.get_by_test_id("note-text")).to_be_focused()
    page.keyboard.type("n?")
    expect(page.get_by_test_id("note-text")).to_have_value("n?")
    page.locator("#help").focus()
    page.keyboard.press("?")
    dialog = page.locator("#help-dialog")
    expect(dialog).to_be_visible()
    page.locator("#shortcuts-on").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator("#help")).to_be_focused()
    page.keyboard.press("n")
    expect(page.locator("#help")).to_be_focused()
