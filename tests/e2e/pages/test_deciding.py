"""Keys and presses in the console do what they were meant for, once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Server
from tests.e2e.unseen import Running, call

pytestmark = pytest.mark.e2e

REMARK = "put x and y aside, then p"
_COUNT_ASKED = """window.asked = 0;
const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = (wanted) => { window.asked += 1; return ask(wanted); };"""


@pytest.fixture
def exam(
    server: Server, browser_with: Callable[[str], Browser], sign_in: Callable[..., Page]
) -> Running:
    return Running(server, browser_with("astronaut"), sign_in)


def flag(page: Page, detector: str):
    return page.locator(f"#flags li[data-detector={detector}]")


def choose(console: Page, detector: str) -> None:
    """Open the reason of a flag."""
    flag(console, detector).get_by_test_id("flag").click()
    expect(console.get_by_test_id("flag-detail")).to_be_visible()


def test_a_remark_survives_whatever_becomes_of_its_flag(exam: Running) -> None:
    exam.noticed("clipboard")
    exam.noticed("tab_hidden")
    console = exam.console()
    choose(console, "tab_hidden")
    remark = console.get_by_test_id("flag-comment")
    remark.press_sequentially(REMARK[:8])

    exam.noticed("tab_hidden", on=False)
    expect(flag(console, "tab_hidden")).to_have_attribute("data-open", "false")
    expect(console.get_by_test_id("why")).not_to_contain_text("goes on")
    console.keyboard.type(REMARK[8:12])
    exam.noticed("devtools")
    expect(flag(console, "devtools")).to_be_visible()
    console.keyboard.type(REMARK[12:16])
    # somebody else is faster
    hidden = flag(console, "tab_hidden").get_attribute("data-id")
    colleague = {"decision": "dismissed", "comment": "", "was": None}
    call(exam.proctor, f"/sessions/{exam.id}/incidents/{hidden}/decision", colleague)
    expect(flag(console, "tab_hidden")).to_have_attribute("data-decided", "dismissed")
    console.keyboard.type(REMARK[16:])

    expect(remark).to_be_focused()
    expect(remark).to_have_value(REMARK)
    expect(console.get_by_test_id("console")).to_have_attribute("data-state", "running")
    assert exam.decided() == {"tab_hidden": "dismissed"}
    console.get_by_test_id("flag-confirmed").click()
    expect(flag(console, "tab_hidden")).to_have_count(0)
    assert exam.decided() == {"tab_hidden": "confirmed"}


def test_space_works_on_what_has_the_focus_and_talks_only_to_somebody(exam: Running) -> None:
    exam.noticed("clipboard")
    exam.proctor.add_init_script(_COUNT_ASKED)
    console = exam.console()
    expect(flag(console, "clipboard")).to_be_visible()
    for switch in ("#flags-decided", "#flag-sound"):
        console.locator(switch).press("Space")
        expect(console.locator(switch)).to_be_checked()
    assert console.evaluate("asked") == 0
    console.locator("#notes").focus()
    console.keyboard.down("Space")
    expect(console.get_by_test_id("own-chip")).to_have_text("The candidate hears you")
    console.keyboard.up("Space")
    assert console.evaluate("asked") == 1

    exam.desk("finish", {})
    expect(console.get_by_test_id("conclusion")).to_be_visible()
    console.get_by_test_id("verdict-clean").press("Space")
    expect(console.get_by_test_id("verdict-clean")).to_be_checked()
    expect(console.get_by_test_id("toasts")).to_have_count(0)
    for key in ("Space", "t", "v", "Space"):
        console.locator("body").press(key)
    assert console.evaluate("asked") == 1
    expect(console.get_by_test_id("toasts")).to_have_text(
        "You can talk only while the session is on and yours."
    )
    expect(console.locator("#announce-polite")).to_contain_text("You can talk only")
    expect(console.locator("#problem")).to_be_hidden()
