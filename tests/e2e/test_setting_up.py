"""Exam, availability and booking, by hand in the pages; what one does the others see at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Account, Server

pytestmark = pytest.mark.e2e


@pytest.fixture
def admin(server: Server) -> Account:
    return server.new_user("exam_admin", "Edith Exam")


def field(page: Page, test_id: str, moment: datetime) -> None:
    page.get_by_test_id(test_id).fill(moment.strftime("%Y-%m-%dT%H:%M"))


def test_exam_availability_booking(
    server: Server,
    admin: Account,
    browser_with: Callable[[str], Browser],
    sign_in: Callable[..., Page],
) -> None:
    browser = browser_with("astronaut")
    proctor, candidate = server.new_user("proctor"), server.new_user("candidate", "Bea Booker")
    offers = sign_in(browser, proctor, timezone_id="Asia/Yekaterinburg")
    exams = sign_in(browser, candidate, timezone_id="Europe/Berlin")
    exams.goto(f"{server.url}/exams")
    setting_up = sign_in(browser, admin, timezone_id="UTC")
    title = f"Thermodynamics {candidate.login[-6:]}"
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).replace(hour=0, minute=0)

    make_exam(setting_up, server, title, tomorrow)
    card = exams.get_by_test_id("exam").filter(has_text=title)
    expect(card).to_be_visible()
    card.get_by_test_id("book").click()
    expect(exams.get_by_test_id("time")).to_have_count(0)

    offers.goto(f"{server.url}/availability")
    offers.get_by_test_id("availability-day").fill(tomorrow.strftime("%Y-%m-%d"))
    offers.get_by_test_id("availability-from").fill("15:00")
    offers.get_by_test_id("availability-to").fill("16:30")
    offers.get_by_test_id("availability-capacity").fill("1")
    offers.get_by_test_id("availability-add").click()

    # 15:00–16:30 in Yekaterinburg is 10:00–11:30 UTC: an hour and the identification fit twice.
    times = exams.get_by_test_id("time")
    expect(times).to_have_count(2)
    assert [t.get_attribute("value")[11:16] for t in times.all()] == ["10:00", "10:15"]
    winter = re.compile(r"11:00|12:00")  # Berlin, by the season
    label = exams.locator(".time-choice").first
    expect(label).to_contain_text(winter)
    label.click()
    exams.get_by_test_id("confirm-booking").click()
    booked = exams.get_by_test_id("sitting").filter(has_text=title)
    expect(booked).to_have_attribute("data-state", "planned")

    offers.goto(f"{server.url}/desk")
    offers.get_by_test_id("day").fill(tomorrow.strftime("%Y-%m-%d"))
    row = offers.locator("[data-testid=day-table] tr", has_text="Bea Booker")
    expect(row).to_be_visible()
    rival = sign_in(browser, server.new_user("candidate"))
    rival.goto(exams.url.replace("/exams", f"/exams/{exam_id(server, title)}/book"))
    expect(rival.get_by_test_id("time")).to_have_count(0)

    booked.get_by_role("button", name="Cancel booking").click()
    exams.get_by_test_id("confirm-cancel").click()
    expect(rival.get_by_test_id("time")).to_have_count(2)
    expect(row).to_have_attribute("data-state", "cancelled")

    exams.goto(rival.url)
    exams.locator(".time-choice").first.click()
    exams.get_by_test_id("confirm-booking").click()
    expect(rival.get_by_test_id("time")).to_have_count(0)
    offers.goto(f"{server.url}/desk/{planned(server, candidate)}")
    offers.get_by_test_id("cancel").click()
    offers.get_by_test_id("confirm-cancel").click()
    expect(offers.get_by_test_id("console")).to_have_attribute("data-state", "cancelled")
    expect(rival.get_by_test_id("time")).to_have_count(2)


def planned(server: Server, candidate: Account) -> str:
    """The id of the session that a candidate has booked."""
    found = server.api("GET", "/sessions?state=planned")["items"]
    return str(next(s["id"] for s in found if s["candidate"]["id"] == candidate.id))


def make_exam(page: Page, server: Server, title: str, day: datetime) -> None:
    page.goto(f"{server.url}/admin/exams")
    page.get_by_test_id("new-exam").click()
    page.get_by_test_id("exam-title").fill(title)
    field(page, "exam-opens", day)
    field(page, "exam-closes", day + timedelta(days=2))
    page.get_by_test_id("exam-duration").fill("60")
    page.get_by_test_id("exam-allowed").fill("steam tables\na calculator")
    page.get_by_test_id("exam-identity").check()
    page.get_by_test_id("save-exam").click()
    expect(page.get_by_test_id("exams-table")).to_contain_text(title)
    (made,) = [e for e in server.api("GET", "/exams")["items"] if e["title"] == title]
    assert made["identity"] == {"software": True, "enrolment": False}


def exam_id(server: Server, title: str) -> str:
    found = [e for e in server.api("GET", "/exams")["items"] if e["title"] == title]
    return str(found[0]["id"])
