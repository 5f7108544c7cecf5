"""What the candidate's page notices of the browser itself, told as flags to the proctor."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from tests.e2e.conftest import Server
from tests.e2e.steps import begun, new_exam

pytestmark = pytest.mark.e2e

#: A page asks three times before it gives a question up for the moment.
REFUSED = 4
# A test's Chromium has one display, and its made-up share is always a whole monitor: what the
# browser would say of others is put in its mouth, everything behind that is real.
_TWO_DISPLAYS = """extended => Object.defineProperty(Screen.prototype, "isExtended",
  { get: () => extended, configurable: true })"""
_SURFACE = """surface => {
  const [track] = document.querySelector("#screen-video").srcObject.getVideoTracks();
  const told = track.getSettings.bind(track);
  track.getSettings = () => ({ ...told(), displaySurface: surface });
}"""
_TAB_SHARED = """const share = MediaDevices.prototype.getDisplayMedia;
MediaDevices.prototype.getDisplayMedia = async function (wanted) {
  const stream = await share.call(this, wanted);
  const [track] = stream.getVideoTracks();
  const told = track.getSettings.bind(track);
  track.getSettings = () => ({ ...told(), displaySurface: "browser" });
  return stream;
};"""
# Behind the page's own listener: who leaves before it has heard of entering has never been there.
_NOTE_ENTERING = """document.addEventListener("fullscreenchange",
  () => { document.documentElement.dataset.entered = "yes"; }, { once: true })"""
_STOP = 'document.querySelector("#screen-video").srcObject.getTracks().forEach((t) => t.stop())'


def open_flag(console: Page, detector: str, is_open: bool) -> None:
    flag = console.locator(f"#flags li[data-detector={detector}]")
    expect(flag).to_have_attribute("data-open", str(is_open).lower())


def test_displays_sharing_and_full_screen(
    server: Server, browser_with: Callable[..., Browser], sign_in: Callable[..., Page]
) -> None:
    sit, console, _ = begun(server, browser_with, sign_in)
    expect(console.locator("#looking [data-state=live]")).to_be_visible()

    sit.evaluate(_TWO_DISPLAYS, True)
    open_flag(console, "second_display", True)
    sit.evaluate(_TWO_DISPLAYS, False)
    open_flag(console, "second_display", False)

    sit.evaluate(_SURFACE, "browser")
    open_flag(console, "share_not_monitor", True)
    sit.evaluate(_SURFACE, "monitor")
    open_flag(console, "share_not_monitor", False)

    sit.locator("#exam-embed").click()
    sit.evaluate(_NOTE_ENTERING)
    sit.locator("#exam-full").click()
    expect(sit.locator("html")).to_have_attribute("data-entered", "yes")
    sit.evaluate("document.exitFullscreen()")
    open_flag(console, "fullscreen_left", True)

    sit.evaluate(_STOP)
    open_flag(console, "share_stopped", True)


def test_a_shared_tab_is_refused(
    server: Server, browser_with: Callable[..., Browser], sign_in: Callable[..., Page]
) -> None:
    proctor, candidate = server.new_user("proctor"), server.new_user("candidate")
    new_exam(server, proctor, candidate)
    sit = sign_in(browser_with("astronaut"), candidate)
    sit.add_init_script(_TAB_SHARED)
    sit.reload()
    sit.get_by_test_id("join").click()
    sit.get_by_test_id("consent-agree").check()
    sit.get_by_test_id("consent-submit").click()
    sit.get_by_test_id("equipment-start").click()
    sit.get_by_test_id("share-screen").click()
    screen = sit.get_by_test_id("check-screen")
    expect(screen).to_have_attribute("data-state", "fail")
    expect(screen).to_contain_text("whole screen")


def asks(request: Request) -> bool:
    """Tell whether a request asks what to notice; what was noticed is posted to that address."""
    return request.method == "GET" and request.url.endswith("/signals")


def test_what_to_notice_is_asked_again_after_a_failure(
    server: Server, browser_with: Callable[..., Browser], sign_in: Callable[..., Page]
) -> None:
    sit, console, _ = begun(server, browser_with, sign_in)
    refused: list[str] = []

    def once(route: Route) -> None:
        if asks(route.request) and len(refused) < REFUSED:
            refused.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    sit.route("**/signals", once)
    # one asked before the page was loaded again may still be answered
    with sit.expect_response(
        lambda answer: len(refused) == REFUSED and asks(answer.request) and answer.ok
    ):
        sit.reload()
    sit.evaluate(_TWO_DISPLAYS, True)
    open_flag(console, "second_display", True)
