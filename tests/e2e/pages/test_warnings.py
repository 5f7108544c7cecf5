"""A warning stays until it is read, and takes no key from somebody who is writing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e import steps
from tests.e2e.conftest import Server
from tests.e2e.unseen import Running, unhurried

pytestmark = pytest.mark.e2e

FIRST, SECOND, THIRD = "Put the phone away.", "Look at your own screen.", "Speak only with me."
# presses as soon as one more warning is there
_PRESS_AT_ONCE = """box => new Promise((done) => {
  const texts = box.querySelector("[data-texts]");
  const seen = new MutationObserver(() => {
    seen.disconnect();
    box.querySelector("button").click();
    done();
  });
  seen.observe(texts, { childList: true });
})"""


def test_a_warning_waits_until_it_is_read(
    server: Server, browser_with: Callable[[str], Browser], sign_in: Callable[..., Page]
) -> None:
    exam = Running(server, browser_with("astronaut"), sign_in)
    sit = exam.candidate
    sit.goto(f"{server.url}/sit/{exam.id}")
    steps.state(sit, "sit", "running")
    warning, read = sit.get_by_test_id("warning"), sit.get_by_test_id("warning-read")
    sit.get_by_test_id("chat-toggle").click()
    answer = sit.get_by_test_id("chat-text")
    answer.press_sequentially("May I")

    exam.desk("warn", {"text": FIRST})
    expect(warning).to_be_visible()
    expect(sit.locator("#announce-now")).to_contain_text(FIRST)
    sit.keyboard.type(" stand up ")
    expect(answer).to_have_value("May I stand up ")
    expect(answer).to_be_focused()
    # a press that was meant for what was there before
    pressed = sit.evaluate_handle(
        f"box => ({{ done: ({_PRESS_AT_ONCE})(box) }})", warning.element_handle()
    )
    exam.desk("warn", {"text": SECOND})
    pressed.evaluate("pressed => pressed.done")
    expect(warning.locator("p")).to_have_text([FIRST, SECOND])
    expect(warning).to_be_visible()

    stops = 0
    while not read.evaluate("button => button === document.activeElement"):
        sit.keyboard.press("Shift+Tab")
        stops += 1
        assert stops < 12
    unhurried(sit)
    sit.keyboard.press("Enter")
    expect(warning).to_be_hidden()
    expect(answer).to_be_focused()

    sit.get_by_test_id("chat-toggle").focus()
    exam.desk("warn", {"text": THIRD})
    expect(warning.locator("p")).to_have_text([THIRD])
    expect(warning).to_be_focused()
    sit.keyboard.press("Space")
    expect(warning).to_be_visible()
    sit.keyboard.press("Tab")
    expect(read).to_be_focused()
    unhurried(sit)
    sit.keyboard.press("Space")
    expect(warning).to_be_hidden()
    expect(sit.get_by_test_id("chat-toggle")).to_be_focused()
