"""Fifty candidates want one of five places at the same moment, over HTTP."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from proctorhub.cli.rehearsal.person import Person, Refused
from tests.e2e.conftest import Account, Server

pytestmark = pytest.mark.e2e

CANDIDATES, PLACES = 50, 5


def test_exactly_five_are_booked(server: Server) -> None:
    proctor = server.new_user("proctor")
    candidates = [server.new_user("candidate") for _ in range(CANDIDATES)]
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=40)

    async def play() -> tuple[list[str], list[dict]]:
        async with Person(server.url) as offering:
            await offering.sign_in(proctor.login, proctor.password)
            end = start + timedelta(hours=2)
            offer = {"starts_at": text(start), "ends_at": text(end), "capacity": PLACES}
            await offering.call("POST", "/availability", offer)
            exam = server.api("POST", "/exams", an_exam(start, proctor))
            people = [Person(server.url) for _ in candidates]
            for person, account in zip(people, candidates, strict=True):
                await person.sign_in(account.login, account.password)
            results = await asyncio.gather(*(book(p, exam["id"], start) for p in people))
            for person in people:
                await person.__aexit__(None, None, None)
            return results, (await offering.call("GET", "/availability"))["items"]

    results, offers = asyncio.run(play())
    assert results.count("booked") == PLACES
    assert results.count("no_place") == CANDIDATES - PLACES
    assert [o["taken"] for o in offers] == [PLACES]


async def book(person: Person, exam_id: str, start: datetime) -> str:
    try:
        await person.call("POST", f"/exams/{exam_id}/bookings", {"start": text(start)})
    except Refused as refused:
        return str(refused.code)
    return "booked"


def an_exam(start: datetime, proctor: Account) -> dict:
    return {
        "title": "Race",
        "opens_at": text(start - timedelta(hours=1)),
        "closes_at": text(start + timedelta(hours=5)),
        "duration_min": 60,
        "tier": "ai_human",
        "proctors": [proctor.id],
    }


def text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
