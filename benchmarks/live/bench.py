"""How quickly a proctor sees a candidate: a whole ProctorHub, synthetic candidates, a real browser.

One proctor watches all of them in the grid, then opens one after the other from it.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import secrets
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from playwright.async_api import Page, Response, async_playwright

from benchmarks.people import check_in, open_exam
from proctorhub.cli.rehearsal import house
from proctorhub.cli.rehearsal.house import House
from proctorhub.cli.rehearsal.person import Person
from proctorhub.media.material import Material, make_media, read_media
from proctorhub.media.synthetic import WhepViewer, WhipSender

CHROMIUM = "/usr/bin/chromium"
MATERIAL_S = 10.0
SIZE, BITS = (640, 480), 500_000
AT_ONCE = 4
PASSWORD = "correct horse battery"
OPENED_WITHIN_MS = 15_000

#: Notes when the first picture of the camera is on the screen.
_NOTE_FIRST_FRAME = """addEventListener("DOMContentLoaded", () =>
  document.querySelector("[data-testid=camera-video]")?.requestVideoFrameCallback(
    () => { document.documentElement.dataset.firstFrameAt = Date.now(); }));"""
_CLICK = """id => { sessionStorage.clickedAt = Date.now();
  document.querySelector(`.cam[data-id="${id}"] .cam-link`).click(); }"""


class Candidates:
    """Synthetic candidates with a camera each, waiting for one proctor."""

    def __init__(self, running: House, count: int, material: Material, path: Path) -> None:
        self._house, self._count = running, count
        self._material, self._path = material, path
        self._stack = AsyncExitStack()
        self.proctor: dict[str, Any] = {}
        self.ids: list[str] = []
        self.senders: list[WhipSender] = []

    async def __aenter__(self) -> Candidates:
        admin = await self._stack.enter_async_context(Person(self._house.url, self._house.token))
        self._admin = admin
        self.proctor = await self._account("proctor", "Paula Proctor")
        exam_id = await open_exam(admin, rules={"require_screen": False})
        slots = asyncio.Semaphore(AT_ONCE)

        async def come(number: int) -> None:
            async with slots:
                await self._come(exam_id, number)

        await asyncio.gather(*(come(number) for number in range(self._count)))
        watching = Person(self._house.url)
        self.person = await self._stack.enter_async_context(watching)
        await self.person.sign_in(self.proctor["login"], PASSWORD)
        for session_id in self.ids:
            await self.person.call("POST", f"/sessions/{session_id}/take", {})
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(sender.close() for sender in self.senders))
        await self._stack.aclose()

    async def _account(self, role: str, name: str) -> dict[str, Any]:
        login = f"{role}-{secrets.token_hex(4)}"
        body = {"login": login, "name": name, "roles": [role], "password": PASSWORD}
        return dict(await self._admin.call("POST", "/users", body))

    async def _come(self, exam_id: str, number: int) -> None:
        account = await self._account("candidate", f"Candidate {number + 1:02d}")
        async with Person(self._house.url) as person:
            await person.sign_in(account["login"], PASSWORD)
            session_id = await check_in(person, exam_id)
            wanted = {"source": "camera", "direction": "send"}
            ticket = await person.call("POST", f"/sessions/{session_id}/tickets", wanted)
            sender = WhipSender(
                ticket["url"], ticket["ticket"], self._path, material=self._material
            )
            self.senders.append(await sender.__aenter__())
            await person.call("POST", f"/sessions/{session_id}/ready", {})
        self.ids.append(session_id)


class Stills:
    """What the grid fetches: when, and how much."""

    def __init__(self, page: Page) -> None:
        self.seen: dict[str, list[tuple[float, int]]] = {}
        page.on("response", self._response)

    def _response(self, response: Response) -> None:
        if "/still/" in response.url and response.status == 200:
            session_id = response.url.split("/still/")[1].split("/")[0]
            size = int(response.headers["content-length"])
            self.seen.setdefault(session_id, []).append((time.monotonic(), size))

    def figures(self, video_bytes_s: float) -> dict[str, float]:
        """The time between stills of one camera, and their part of its video's bytes."""
        waits, rates = [], []
        for seen in self.seen.values():
            waits += [b[0] - a[0] for a, b in itertools.pairwise(seen)]
            if len(seen) > 1:
                rates.append(sum(size for _, size in seen[:-1]) / (seen[-1][0] - seen[0][0]))
        return {
            "still_every_s_median": round(statistics.median(waits), 2),
            "still_every_s_p95": round(_percentile(waits, 0.95), 2),
            "still_share_of_video": round(statistics.median(rates) / video_bytes_s, 4),
            "candidates_with_stills": len(self.seen),
        }


async def watch_grid(
    page: Page, url: str, seconds: float, screenshot: Path | None
) -> dict[str, float]:
    """Look at all candidates for a while."""
    stills = Stills(page)
    await page.goto(f"{url}/desk/grid")
    await page.wait_for_timeout(6000)
    stills.seen.clear()
    await page.wait_for_timeout(seconds * 1000)
    if screenshot:
        await page.screenshot(path=screenshot, full_page=True)
    return stills.figures(BITS / 8)


async def open_each(page: Page, url: str, ids: list[str]) -> list[float]:
    """Open candidates from the grid; return ms from the click to the first picture."""
    found = []
    for session_id in ids:
        await page.goto(f"{url}/desk/grid")
        await page.locator(f".cam[data-id='{session_id}']").wait_for()
        await page.evaluate(_CLICK, session_id)
        await page.wait_for_url(f"**/desk/{session_id}")
        first = page.locator("html[data-first-frame-at]")
        await first.wait_for(timeout=OPENED_WITHIN_MS)
        shown_at = float(await first.get_attribute("data-first-frame-at") or 0)
        found.append(shown_at - float(await page.evaluate("sessionStorage.clickedAt")))
    return found


async def connect_each(candidates: Candidates) -> list[float]:
    """Watch by WHEP alone; return ms from the offer to the first whole frame."""
    found = []
    for session_id in candidates.ids:
        wanted = {"source": "camera", "direction": "watch"}
        ticket = await candidates.person.call("POST", f"/sessions/{session_id}/tickets", wanted)
        async with WhepViewer(ticket["url"], ticket["ticket"]) as viewer:
            found.append(await viewer.first_frame())
    return found


def _percentile(values: list[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


async def measure(count: int, seconds: float, screenshot: Path | None) -> dict[str, Any]:
    """Return all figures."""
    with tempfile.TemporaryDirectory() as folder, house.started(Path(folder) / "data") as running:
        path = Path(folder) / "camera.webm"
        make_media(path, MATERIAL_S, size=SIZE, bit_rate=BITS)
        async with Candidates(running, count, read_media(path), path) as candidates:
            node = await connect_each(candidates)
            async with async_playwright() as driver:
                browser = await driver.chromium.launch(
                    executable_path=CHROMIUM,
                    args=[
                        "--no-sandbox",
                        "--disable-gpu",
                        "--autoplay-policy=no-user-gesture-required",
                    ],
                )
                page = await browser.new_page(viewport={"width": 1600, "height": 1000})
                await page.add_init_script(_NOTE_FIRST_FRAME)
                await page.goto(f"{running.url}/login")
                await page.fill("#login", candidates.proctor["login"])
                await page.fill("#password", PASSWORD)
                await page.click("[data-testid=sign-in]")
                await page.wait_for_url(lambda url: "/login" not in url)
                grid = await watch_grid(page, running.url, seconds, screenshot)
                opened = await open_each(page, running.url, candidates.ids)
                await browser.close()
    return {
        "candidates": count,
        "openings": len(opened),
        "first_frame_ms_p50": round(statistics.median(opened)),
        "first_frame_ms_p95": round(_percentile(opened, 0.95)),
        "whep_first_frame_ms_p50": round(statistics.median(node)),
        "whep_first_frame_ms_p95": round(_percentile(node, 0.95)),
        **grid,
    }


def main() -> None:
    """Measure and print one JSON line."""
    parser = argparse.ArgumentParser(prog="benchmarks.live", description=__doc__)
    parser.add_argument("-n", type=int, default=30, help="candidates (default 30)")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long to watch the grid")
    parser.add_argument("--screenshot", type=Path, help="where to put a picture of the grid")
    arguments = parser.parse_args()
    found = asyncio.run(measure(arguments.n, arguments.seconds, arguments.screenshot))
    print(json.dumps(found))
