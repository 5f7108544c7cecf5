"""What a page really sends: as the exam says, and little in low-bandwidth mode."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Account, Server
from tests.e2e.steps import arrive, checked, go_on, new_exam, playing, state, switch_on
from tests.e2e.wire import CONNECTIONS, kbit, opened
from tests.waiting import wait_for

pytestmark = pytest.mark.e2e

SIZE = (1280, 720)
LOW_KBIT = 200
MEASURED_S = 12


class Recorded:
    """The segments of one source, as ffprobe sees them."""

    def __init__(self, server: Server, session_id: str, folder: Path) -> None:
        self.server, self.id, self.folder = server, session_id, folder

    def segments(self, source: str) -> list[dict[str, Any]]:
        tracks = self.server.api("GET", f"/sessions/{self.id}/media")["tracks"]
        return next((t["segments"] for t in tracks if t["source"] == source), [])

    def probe(self, segment: dict[str, Any]) -> tuple[int, int, float]:
        """Width, height, pictures a second."""
        path = self.folder / f"{segment['id']}.webm"
        url = f"/api/v1/sessions/{self.id}/segments/{segment['id']}"
        path.write_bytes(self.server.fetch(url))
        command = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-count_packets"]
        shown = ["-show_entries", "stream=width,height,nb_read_packets", "-of", "json", str(path)]
        found = json.loads(subprocess.check_output([*command, *shown]))["streams"][0]
        began, ended = (datetime.fromisoformat(segment[f"{n}_at"]) for n in ("started", "ended"))
        seconds = Fraction((ended - began).total_seconds())
        return found["width"], found["height"], float(int(found["nb_read_packets"]) / seconds)

    def next(self, source: str, since: datetime) -> tuple[int, int, float]:
        """The first whole segment that began after a moment."""

        def whole() -> dict[str, Any] | None:
            later = (
                segment
                for segment in self.segments(source)
                if datetime.fromisoformat(segment["started_at"]) > since
            )
            return next(later, None)

        return self.probe(wait_for(whole, f"a segment of {source} since {since}"))


@dataclass(frozen=True)
class Pair:
    """A candidate who has an exam to join, and its proctor."""

    candidate: Account
    proctor: Account
    exam_id: str


@pytest.fixture
def pair(server: Server) -> Pair:
    candidate, proctor = server.new_user("candidate"), server.new_user("proctor")
    return Pair(candidate, proctor, new_exam(server, proctor, candidate)["id"])


@pytest.fixture
def sit(
    server: Server, browser_with: Callable[..., Browser], sign_in: Callable[..., Page], pair: Pair
) -> Page:
    """The page of the candidate, who has a 720p camera."""
    page = sign_in(browser_with("astronaut", SIZE), pair.candidate)
    page.add_init_script(CONNECTIONS)
    page.goto(f"{server.url}/exams")
    return page


def wait(page: Page) -> str:
    """Switch on and wait for the proctor; return the session's id."""
    switch_on(page)
    state(page, "sit", "waiting")
    return str(page.get_by_test_id("sit").get_attribute("data-session-id"))


def desk(server: Server, sit: Page, sign_in: Callable[..., Page], pair: Pair, id: str) -> Page:
    """The console of the proctor, who has taken the session."""
    browser = sit.context.browser
    assert browser is not None
    console = sign_in(browser, pair.proctor)
    console.goto(f"{server.url}/desk/{id}")
    console.get_by_test_id("take").click()
    playing(console, "camera-video")
    return console


def test_the_proctor_saves_bandwidth_while_it_goes_on(
    server: Server, sign_in: Callable[..., Page], sit: Page, pair: Pair, tmp_path: Path
) -> None:
    arrive(sit)
    session_id = wait(sit)
    console = desk(server, sit, sign_in, pair, session_id)
    recorded = Recorded(server, session_id, tmp_path)
    width, height, rate = recorded.next("camera", datetime(2000, 1, 1, tzinfo=UTC))
    print(f"as the exam says: {width}x{height} at {rate:.1f}")
    assert (width, height) == SIZE
    assert rate <= 16
    before = opened(sit)

    console.get_by_test_id("low-bandwidth").click()
    expect(sit.get_by_test_id("saver-on")).to_be_visible()
    expect(console.get_by_test_id("low")).to_be_visible()
    sit.wait_for_timeout(3000)
    switched = datetime.now(UTC)
    low = kbit(sit, MEASURED_S)
    found = {source: recorded.next(source, switched) for source in ("camera", "screen")}
    print(f"low-bandwidth mode: {low:.0f} kbit/s, {found}")
    assert low <= LOW_KBIT
    assert found["camera"][:2] == (480, 270)
    assert 1 <= found["camera"][2] <= 3.6
    assert found["screen"][0] <= 960
    assert found["screen"][2] <= 1.6

    console.get_by_test_id("low-bandwidth").click()
    expect(sit.get_by_test_id("saver-on")).to_be_hidden()
    sit.wait_for_timeout(1000)
    assert recorded.next("camera", datetime.now(UTC))[:2] == SIZE
    assert opened(sit) == before
    assert len({s["chain"] for s in recorded.segments("camera")}) == 1
    for track in server.api("GET", f"/sessions/{session_id}/media")["tracks"]:
        assert track["gaps"] == []


def test_the_page_offers_it_on_a_slow_line(server: Server, sit: Page, tmp_path: Path) -> None:
    line = sit.context.new_cdp_session(sit)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 90_000}
    line.send("Network.emulateNetworkConditions", slow)
    checked(sit, uplink="warn")
    line.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": -1})
    expect(sit.get_by_test_id("saver-offer")).to_be_visible()
    sit.get_by_test_id("saver-yes").click()
    expect(sit.get_by_test_id("saver-offer")).to_be_hidden()
    expect(sit.get_by_test_id("saver-on")).to_be_visible()
    go_on(sit)
    session_id = wait(sit)
    media = server.api("GET", f"/sessions/{session_id}")["media"]
    assert (media["low_bandwidth"], media["low_bandwidth_by"]) == (True, "candidate")
    recorded = Recorded(server, session_id, tmp_path)
    assert recorded.next("camera", datetime(2000, 1, 1, tzinfo=UTC))[:2] == (480, 270)
    assert kbit(sit, MEASURED_S) <= LOW_KBIT

    sit.get_by_test_id("saver-off").click()
    expect(sit.get_by_test_id("saver-on")).to_be_hidden()
    sit.wait_for_timeout(1000)
    assert recorded.next("camera", datetime.now(UTC))[:2] == SIZE
