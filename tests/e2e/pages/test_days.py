"""The desk's day is the day of the computer before which somebody sits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from tests.e2e.conftest import CHROMIUM, Server
from tests.e2e.steps import new_exam
from tests.identity_page import looking

pytestmark = pytest.mark.e2e

#: Whatever the time is, in one of them it is not the server's day.
FAR = ("Pacific/Kiritimati", "Pacific/Pago_Pago")
DAYS = [
    ("Asia/Vladivostok", "2026-11-22"),
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    # the clock is put forward at midnight: the day begins at one
    ("America/Santiago", "2026-09-05"),
    ("America/Santiago", "2026-09-06"),
    ("Asia/Kathmandu", "2026-12-31"),
]
_BOUNDS = """async (day) => {
  const { dayBounds } = await import("/static/js/lib/clock.js");
  return dayBounds(day);
}"""


def midnight(day: date, zone: str) -> float:
    return datetime.combine(day, time.min, ZoneInfo(zone)).timestamp()


def test_a_day_begins_and_ends_at_the_local_midnight(playwright: Playwright) -> None:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
    for zone, day in DAYS:
        page = browser.new_context(timezone_id=zone).new_page()
        looking(page)
        found = page.evaluate(_BOUNDS, day)
        bounds = [datetime.fromisoformat(found[name]).timestamp() for name in ("from", "to")]
        begin = date.fromisoformat(day)
        wanted = [midnight(one, zone) for one in (begin, begin + timedelta(days=1))]
        assert bounds == wanted, (zone, day)
    browser.close()


def test_who_is_to_come_now_is_on_todays_desk_everywhere(
    server: Server, browser_with: Callable[[str], Browser], sign_in: Callable[..., Page]
) -> None:
    proctor, candidate = server.new_user("proctor"), server.new_user("candidate")
    exam = new_exam(server, proctor, candidate)
    wanted = {"exam_id": exam["id"], "student_id": candidate.id}
    session_id = server.api("POST", "/sessions", wanted)["session_id"]
    browser = browser_with("astronaut")
    for zone in FAR:
        desk = sign_in(browser, proctor, timezone_id=zone)
        desk.goto(f"{server.url}/desk")
        expect(desk.locator(f"tr[data-id='{session_id}']")).to_be_visible()
