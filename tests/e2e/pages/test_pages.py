"""Every page: axe-core finds nothing, nothing overflows, the console is silent, dark is dark."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Server
from tests.e2e.pages import audit

pytestmark = pytest.mark.e2e

PAGES = {
    "candidate": [
        "/exams",
        "/equipment",
        "/account/password",
        "/sit/none",
        "/nothing/here",
        "/desk",
    ],
    "proctor": ["/desk", "/desk/grid", "/availability", "/reports", "/desk/none"],
    "reviewer": ["/reports", "/reports/none"],
    "exam_admin": ["/admin/exams"],
    "admin": ["/admin/users", "/admin/tokens"],
}


@pytest.mark.parametrize("role", PAGES)
def test_pages_of_a_role(
    role: str,
    server: Server,
    browser_with: Callable[[str], Browser],
    sign_in: Callable[..., Page],
) -> None:
    browser, account = browser_with("astronaut"), server.new_user(role)
    wrong: dict[str, list[str]] = {}
    for name, view in audit.VIEWS.items():
        page = sign_in(browser, account, reduced_motion="reduce", **view)
        complaints = audit.Complaints(page)
        for path in PAGES[role]:
            page.goto(f"{server.url}{path}")
            audit.settled(page)
            wrong[f"{path} {name}"] = audit.faults(page)
        wrong[f"console {name}"] = complaints.heard
        assert (audit.brightness(page) < audit.DARK) is (view["color_scheme"] == "dark")
    assert not {where: what for where, what in wrong.items() if what}


def test_signing_in(server: Server, browser_with: Callable[[str], Browser]) -> None:
    browser = browser_with("astronaut")
    for view in audit.VIEWS.values():
        page = browser.new_context(**view).new_page()
        page.goto(f"{server.url}/login")
        assert audit.faults(page) == []
        page.fill("#login", "nobody")
        page.fill("#password", "wrong")
        page.click("[data-testid=sign-in]")
        page.wait_for_selector("#login-error")
        assert page.input_value("#login") == "nobody"
        assert audit.faults(page) == []


def test_the_theme_follows_the_system_until_somebody_chooses(
    server: Server, browser_with: Callable[[str], Browser]
) -> None:
    page = browser_with("astronaut").new_context(color_scheme="light").new_page()
    page.goto(f"{server.url}/login")
    assert audit.brightness(page) > audit.LIGHT
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.click("[data-testid=theme]")
    assert audit.brightness(page) > audit.LIGHT
    page.reload()
    assert audit.brightness(page) > audit.LIGHT
