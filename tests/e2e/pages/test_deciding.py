"""Keys and presses in the console do what they were meant for, once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.conftest import Server
from tests.e2e.unseen import Running, call, unhurried

pytestmark = pytest.mark.e2e

REMARK = "put x and y aside, then p"
_COUNT_ASKED = """window.asked = 0;
const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = (wanted) => { window.asked += 1; return ask(wanted); };"""
# presses once more, at the same place, as soon as another flag is shown there
_PRESS_TWICE = """async ([button, detail]) => {
  const { x, y, width, height } = button.getBoundingClientRect();
  const before = detail.querySelector(".why");
  button.click();
  while (detail.querySelector(".why") === before) await new Promise(requestAnimationFrame);
  const under = document.elementFromPoint(x + width / 2, y + height / 2);
  under.click();
  return under.closest("[data-testid]").dataset.testid;
}"""


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
    unhurried(console)
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


class Held:
    """Requests that are kept back until somebody lets them go."""

    def __init__(self, page: Page, pattern: str) -> None:
        self.routes: list[Route] = []
        self._page, self._pattern = page, pattern
        page.route(pattern, self._keep)

    def _keep(self, route: Route) -> None:
        if route.request.method == "POST":
            self.routes.append(route)
        else:
            route.continue_()

    def let_go(self) -> None:
        for route in self.routes:
            route.continue_()
        self._page.unroute(self._pattern)


def with_three_flags(exam: Running) -> Page:
    """Open the console of an exam in which three things were noticed, the first of them chosen."""
    for kind in ("clipboard", "devtools", "tab_hidden"):
        exam.noticed(kind)
    console = exam.console()
    expect(console.get_by_test_id("flag")).to_have_count(3)
    console.locator("body").press("j")
    expect(flag(console, "clipboard").get_by_test_id("flag")).to_have_attribute(
        "aria-expanded", "true"
    )
    unhurried(console)
    return console


def hold(console: Page, key: str, ms: int = 1200) -> None:
    """Hold a key down, which the keyboard repeats."""
    until = console.evaluate("ms => performance.now() + ms", ms)
    while console.evaluate("performance.now()") < until:
        console.keyboard.down(key)
    console.keyboard.up(key)


def test_a_key_that_is_held_decides_once_and_walks_on(exam: Running) -> None:
    console = with_three_flags(exam)
    hold(console, "x")
    expect(console.get_by_test_id("flag")).to_have_count(2)
    assert exam.decided() == {"clipboard": "dismissed"}
    for _ in range(4):
        console.keyboard.down("m")
    console.keyboard.up("m")
    expect(console.get_by_test_id("sound")).to_have_attribute("aria-pressed", "true")
    hold(console, "j", 300)
    expect(flag(console, "tab_hidden").get_by_test_id("flag")).to_have_attribute(
        "aria-expanded", "true"
    )


def test_two_presses_decide_one_flag(exam: Running) -> None:
    console = with_three_flags(exam)
    detail = console.get_by_test_id("flag-detail").element_handle()
    confirm = console.get_by_test_id("flag-confirmed")
    under = confirm.evaluate(f"(button, detail) => ({_PRESS_TWICE})([button, detail])", detail)
    assert under == "flag-confirmed"
    expect(console.get_by_test_id("flag")).to_have_count(2)

    unhurried(console)
    sent = Held(console, "**/decision")
    confirm.click()
    confirm.click()
    console.locator("body").press("y")
    expect(console.locator(".flag-decide")).to_have_attribute("aria-busy", "true")
    assert len(sent.routes) == 1
    sent.let_go()
    expect(console.get_by_test_id("flag")).to_have_count(1)
    assert exam.decided() == {"clipboard": "confirmed", "devtools": "confirmed"}


def test_a_decision_that_failed_is_told(exam: Running) -> None:
    console = with_three_flags(exam)
    console.route("**/incidents", lambda route: route.abort())
    console.route("**/decision", lambda route: route.fulfill(status=500, body=""))
    console.get_by_test_id("flag-comment").fill("Twice.")
    console.get_by_test_id("flag-dismissed").click()
    problem = console.get_by_test_id("flag-problem")
    expect(problem).to_contain_text("Something went wrong on our side")
    expect(problem).to_contain_text("The server cannot be reached")
    expect(console.get_by_test_id("flag-comment")).to_have_value("Twice.")
    console.unroute("**/decision")
    console.get_by_test_id("flag-dismissed").click()
    expect(console.get_by_test_id("flag")).to_have_count(2)
    expect(problem).to_be_hidden()


@pytest.mark.parametrize(
    ("what", "path", "lines"),
    [("note", "**/notes", "#notes li"), ("chat", "**/chat", "[data-testid=chat-line]")],
)
def test_what_is_written_is_stored_once(exam: Running, what: str, path: str, lines: str) -> None:
    console = exam.console()
    sent = Held(console, path)
    field = console.get_by_test_id(f"{what}-text")
    field.fill("A quiet room.")
    field.press("Enter")
    field.press("Enter")
    field.press_sequentially(" And")
    expect(console.get_by_test_id(f"{what}-send")).to_have_attribute("aria-busy", "true")
    assert len(sent.routes) == 1
    sent.let_go()
    expect(console.locator(lines)).to_have_count(1)
    expect(field).to_have_value(" And")
