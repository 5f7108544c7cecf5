"""How soon a real browser's recording goes on after its network was away.

Cuts are of two kinds in turn: every packet is swallowed, and the computer's cable is pulled.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from benchmarks.faults.reckoning import SLACK_S, Account, rank
from benchmarks.networks import Computer, allowed, house_address, page_of
from benchmarks.people import check_in, open_exam
from proctorhub.cli.rehearsal import house
from proctorhub.cli.rehearsal.person import Person

CUT_S = 3.0
BACK_WITHIN_S = 60.0
#: Cuts come this long after the former one was over, each at another moment of a second.
SETTLED_S, FURTHER_S = 5.0, 0.37
#: A gap is in the ledger when the segment that follows it is stored.
STORED_S = 15.0
PASSWORD = "correct horse battery"
SOURCES = ("camera", "screen")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)


async def _candidate(admin: Person, url: str) -> tuple[str, str]:
    """Return login and session of a candidate who has checked in."""
    login = f"candidate-{secrets.token_hex(4)}"
    account = {"login": login, "name": "Carla", "roles": ["candidate"], "password": PASSWORD}
    await admin.call("POST", "/users", account)
    exam_id = await open_exam(admin)
    async with Person(url) as person:
        await person.sign_in(login, PASSWORD)
        return login, await check_in(person, exam_id)


async def _sit(browser: Browser, url: str, login: str, session: str) -> Page:
    """Open the candidate's page and switch everything on."""
    context = await browser.new_context(permissions=["camera", "microphone"])
    page = await context.new_page()
    await page.goto(f"{url}/login")
    await page.fill("#login", login)
    await page.fill("#password", PASSWORD)
    await page.click("[data-testid=sign-in]")
    await page.wait_for_url(lambda at: "/login" not in at)
    await page.goto(f"{url}/sit/{session}")
    await page.click("[data-testid=setup-screen]")
    await _on_air(page)
    await page.click("[data-testid=ready]:enabled")
    return page


async def _on_air(page: Page) -> None:
    for source in SOURCES:
        live = page.locator(f"[data-testid={source}-state][data-state=live]")
        await live.wait_for(state="attached", timeout=BACK_WITHIN_S * 1000)


async def _cut(computer: Computer, swallowed: bool) -> tuple[float, float]:
    """Be without network; return from when to when, UTC seconds."""
    from_s = time.time()
    (computer.cable.swallow if swallowed else computer.cable.unplug)()
    await asyncio.sleep(CUT_S)
    (computer.cable.heal if swallowed else computer.cable.plug)()
    return from_s, time.time()


def _recovered(told: dict[str, Any], cut: tuple[float, float]) -> float:
    """Seconds from a cut's end until each source is recorded again with all its tracks."""
    from_s, to_s = cut
    ends: list[float] = []
    for track in told["tracks"]:
        gaps = Account.read(track).gaps
        ends += [end for begin, end in gaps if end > from_s and begin < to_s + SLACK_S]
    if not ends:
        raise SystemExit("bench-faults: the ledger knows nothing of a cut")
    # what was captured before the network was back may still have come by retransmission
    return max(0.0, max(ends) - to_s)


async def _measure(cuts: int, stage: house.House, url: str, computer: Computer) -> dict[str, Any]:
    done: list[tuple[float, float]] = []
    async with Person(stage.url, stage.token) as admin, async_playwright() as driver:
        login, session = await _candidate(admin, stage.url)
        browser = await driver.chromium.launch(
            executable_path=computer.chromium, args=[*ARGUMENTS, page_of(url)]
        )
        page = await _sit(browser, url, login, session)
        for number in range(cuts):
            await asyncio.sleep(SETTLED_S + number * FURTHER_S % 1)
            done.append(await _cut(computer, number % 2 == 0))
            await asyncio.sleep(SLACK_S)
            await _on_air(page)
        await asyncio.sleep(STORED_S)
        told = await admin.call("GET", f"/sessions/{session}/media")
        await browser.close()
    found = [_recovered(told, cut) for cut in done]
    print("swallowed", found[::2], "unplugged", found[1::2], file=sys.stderr)
    return {
        "browser_cuts": len(found),
        "browser_recovery_s_p50": rank(found, 0.5),
        "browser_recovery_s_p95": rank(found, 0.95),
        "browser_recovery_s_max": rank(found, 1.0),
    }


def measure(cuts: int) -> dict[str, Any]:
    """Cut a browser's network so many times; return the figures."""
    if not allowed():
        raise SystemExit("bench-faults: this machine lets nobody make networks")
    with tempfile.TemporaryDirectory(prefix="bench-browser-") as folder:
        ports = house.free_ports(2)
        computer = Computer(Path(folder))
        try:
            with (
                house_address(*ports) as settings,
                house.started(Path(folder) / "var", (ports[0], ports[1]), **settings) as stage,
            ):
                return asyncio.run(_measure(cuts, stage, settings["public_url"], computer))
        finally:
            computer.remove()
