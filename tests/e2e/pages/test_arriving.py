"""Pages of which something does not arrive at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.conftest import Server

pytestmark = pytest.mark.e2e


class Once:
    """Something happens to the first request alone."""

    def __init__(self, page: Page, url: str, to: Callable[[Route], None]) -> None:
        self.asked = 0
        self._to = to
        page.route(url, self)

    def __call__(self, route: Route) -> None:
        self.asked += 1
        if self.asked == 1:
            self._to(route)
        else:
            route.continue_()


@pytest.fixture
def desk(
    server: Server, browser_with: Callable[[str], Browser], sign_in: Callable[..., Page]
) -> Page:
    return sign_in(browser_with("astronaut"), server.new_user("proctor"))


def arrives(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/desk")
    expect(page.locator("#loading")).to_have_attribute("hidden", "")
    expect(page.locator("#problem")).to_be_hidden()


def test_a_module_that_does_not_arrive_is_asked_for_again(desk: Page, server: Server) -> None:
    once = Once(desk, "**/js/pages/desk.js", lambda route: route.abort("connectionreset"))
    arrives(desk, server)
    assert once.asked >= 2
    assert desk.evaluate("sessionStorage.getItem('loads-again')") is None


@pytest.mark.parametrize(
    "to",
    [lambda route: route.abort("connectionreset"), lambda route: route.fulfill(status=503)],
    ids=["no connection", "503"],
)
def test_a_question_that_nobody_answers_is_asked_again(
    to: Callable[[Route], None], desk: Page, server: Server
) -> None:
    once = Once(desk, "**/api/v1/sessions?from=*", to)
    arrives(desk, server)
    assert once.asked >= 2
