"""Sitting and console in every state of an exam: axe-core finds nothing, nothing overflows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e import steps
from tests.e2e.conftest import Server
from tests.e2e.pages import audit

pytestmark = pytest.mark.e2e


class Seen:
    """Both pages, audited state by state."""

    def __init__(self, sit: Page, console: Page) -> None:
        self.sit, self.console = sit, console
        self.complaints = audit.Complaints(sit), audit.Complaints(console)
        self.wrong: dict[str, list[str]] = {}

    def state(self, wanted: str) -> None:
        steps.state(self.sit, "sit", wanted)
        steps.state(self.console, "console", wanted)
        self.look(wanted)

    def look(self, where: str) -> None:
        self.wrong[f"sit {where}"] = audit.faults(self.sit)
        self.wrong[f"console {where}"] = audit.faults(self.console)

    def nothing_wrong(self) -> None:
        for complaints in self.complaints:
            assert complaints.heard == []
        assert not {where: what for where, what in self.wrong.items() if what}


def test_states_of_an_exam(
    server: Server, browser_with: Callable[[str], Browser], sign_in: Callable[..., Page]
) -> None:
    browser = browser_with("astronaut")
    proctor, candidate = server.new_user("proctor"), server.new_user("candidate")
    server_exam = steps.new_exam(server, proctor, candidate)
    phone, wide = audit.VIEWS["phone dark"], audit.VIEWS["wide light"]
    sit = sign_in(browser, candidate, reduced_motion="reduce", **phone)
    console = sign_in(browser, proctor, reduced_motion="reduce", **wide)
    seen = Seen(sit, console)
    assert server_exam["open"]

    steps.arrive(sit)
    steps.state(sit, "sit", "checked_in")
    console.goto(f"{server.url}/desk/{sit.get_attribute('#sit', 'data-session-id')}")
    console.get_by_test_id("take").click()
    seen.state("checked_in")
    steps.switch_on(sit)
    seen.state("waiting")
    steps.playing(console, "camera-video")
    console.get_by_test_id("identify").click()
    seen.state("identifying")
    for purpose in ("document", "face"):
        console.get_by_test_id(f"take-{purpose}").click()
        console.wait_for_selector(f"img[data-still={purpose}]:not([hidden])")
    console.get_by_test_id("approve").click()
    seen.state("admitted")
    sit.get_by_test_id("start").click()
    seen.state("running")
    talk(sit, console)
    seen.look("talking")
    console.get_by_test_id("pause").click()
    seen.state("paused")
    console.get_by_test_id("interrupt").click()
    seen.look("dialog")
    console.get_by_test_id("interrupt-reason").fill("The building is being cleared.")
    console.get_by_test_id("confirm-interrupt").click()
    seen.state("interrupted")
    console.get_by_test_id("verdict-technical").check(force=True)
    console.get_by_test_id("conclusion-comment").fill("Sit it again, please.")
    console.get_by_test_id("conclude").click()
    seen.state("concluded")
    report(sit, console, seen)
    seen.nothing_wrong()


def talk(sit: Page, console: Page) -> None:
    """A word, a note and a warning."""
    console.get_by_test_id("chat-text").fill("Good morning.")
    console.get_by_test_id("chat-send").click()
    sit.get_by_test_id("chat-toggle").click()
    sit.get_by_test_id("chat-line").wait_for()
    console.get_by_test_id("note-text").fill("A quiet room.")
    console.get_by_test_id("note-send").click()
    console.get_by_test_id("warn").click()
    console.get_by_test_id("warn-text").fill("Please look at your own screen.")
    console.get_by_test_id("confirm-warn").click()
    sit.get_by_test_id("warning").wait_for()


def report(sit: Page, console: Page, seen: Seen) -> None:
    """The report for both sides."""
    console.get_by_test_id("to-report").click()
    sit.locator("#to-result").click()
    for page in (sit, console):
        page.wait_for_selector("#content:not([hidden])")
        audit.settled(page)
    seen.look("report")
