"""`proctorhub run` as an operator meets it: starting, stopping, crashing."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, expect

from proctorhub.cli.rehearsal.house import free_ports
from proctorhub.cli.rehearsal.person import Person
from proctorhub.domain import consent, evidence
from proctorhub.media.material import make_media
from proctorhub.media.synthetic import WhipSender
from tests.e2e import processes
from tests.waiting import PATIENCE_S, wait_for

pytestmark = pytest.mark.e2e

PASSWORD = "correct horse battery"
#: Fewer than a person may write in a minute.
LINES = 45


@dataclass
class House:
    """One `proctorhub run` over a data folder; it can be stopped and started again."""

    data: Path
    port: int
    media_port: int
    env: dict[str, str]
    process: subprocess.Popen[str] | None = None
    output: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def start(self, *more: str) -> None:
        log = self.data / "run.log"
        command = [sys.executable, "-m", "proctorhub", "run", "--data", str(self.data)]
        command += ["--port", str(self.port), "--media-port", str(self.media_port), *more]
        with log.open("w") as file:
            self.process = subprocess.Popen(
                command, stdout=file, stderr=subprocess.STDOUT, env=self.env, text=True,
                start_new_session=True,
            )  # fmt: skip
        self.wait_for(lambda: "ProctorHub is ready" in self.log())

    def log(self) -> str:
        return (self.data / "run.log").read_text()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        def done() -> bool:
            assert self.process and self.process.poll() is None, self.log()
            return condition()

        wait_for(done, self.log)

    def stop(self) -> int:
        assert self.process
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE_S)

    def kill(self, name: str) -> None:
        """`kill -9` one of the processes, and wait until it has been started again."""
        (victim,) = self.pids(name)
        os.kill(victim, signal.SIGKILL)
        self.wait_for(lambda: bool(self.pids(name)) and self.pids(name) != [victim])
        port = {"web": self.port, "media": self.media_port}.get(name, self.port)
        self.wait_for(lambda: answers(f"http://localhost:{port}/readyz"))

    def pids(self, name: str) -> list[int]:
        """Return the processes that do the work of `name` for this data folder."""
        return processes.of(self.data, name)


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    env = {k: v for k, v in os.environ.items() if not k.startswith("PROCTORHUB_")}
    made = House(tmp_path, *free_ports(2), env)
    yield made
    if made.process and made.process.poll() is None:
        os.killpg(made.process.pid, signal.SIGTERM)
        made.process.wait(PATIENCE_S)


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "proctorhub", "run", *arguments],
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("--port", str(port), "--data", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == f"proctorhub: port {port} is taken; choose another\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PROCTORHUB_PORT", "ninety"),
        ("PROCTORHUB_LOG_LEVEL", "LOUD"),
        ("PROCTORHUB_PUBLIC_URL", "exams.example"),
        ("PROCTORHUB_SEGMENT_MAX_S", "2"),
        ("PROCTORHUB_STORAGE", "floppy"),
        ("PROCTORHUB_TYPO", "1"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(tmp_path, variable, value) -> None:
    done = run("--data", str(tmp_path), **{variable: value})
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    named = variable.removeprefix("PROCTORHUB_").lower()
    assert named in line.lower()


def test_start_sign_in_stop_and_start_again(house: House) -> None:
    house.start()
    found = re.search(r"First administrator: (\S+)\s+one-time password: (\S+)", house.log())
    assert found, house.log()
    me = sign_in(house, found[1], found[2]).get(f"{house.url}/api/v1/me", timeout=30).json()
    assert me["must_change_password"] is True and "admin" in me["roles"]
    assert house.stop() == 0
    assert not answers(f"{house.url}/healthz")
    assert house.pids("database") == house.pids("web") == house.pids("media") == []

    house.start()
    assert "one-time password" not in house.log()
    assert sign_in(house, found[1], found[2]).get(f"{house.url}/api/v1/me", timeout=30).ok
    assert house.stop() == 0


def test_tls_lets_other_machines_use_the_camera(
    house: House, browser_with: Callable[[str], Browser]
) -> None:
    """The pages under another of this machine's addresses: a secure context, and media works."""
    house.start("--tls", "--host", "0.0.0.0")
    found = re.search(r"one-time password: (\S+)", house.log())
    assert found
    context = browser_with("astronaut").new_context(ignore_https_errors=True)
    page = context.new_page()
    url = f"https://127.0.0.2:{house.port}"
    page.goto(f"{url}/login")
    page.fill("#login", "admin")
    page.fill("#password", found[1])
    page.get_by_test_id("sign-in").click()
    page.fill("#old", found[1])
    page.fill("#new", PASSWORD)
    page.fill("#repeat", PASSWORD)
    page.get_by_test_id("save-password").click()
    page.wait_for_url(lambda to: "/account/password" not in to)
    page.goto(f"{url}/equipment")
    page.get_by_test_id("equipment-start").click()
    for check in ("camera", "microphone", "round_trip", "uplink"):
        expect(page.get_by_test_id(f"check-{check}")).to_have_attribute("data-state", "pass")
    page.get_by_test_id("share-screen").click()
    expect(page.get_by_test_id("check-connection")).to_have_attribute("data-state", "pass")
    assert page.evaluate("isSecureContext")
    context.close()
    assert house.stop() == 0


def sign_in(house: House, login: str, password: str) -> requests.Session:
    session = requests.Session()
    answer = session.post(
        f"{house.url}/api/v1/login", json={"login": login, "password": password}, timeout=30
    )
    answer.raise_for_status()
    session.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
    return session


class Sitting:
    """A candidate and a proctor in one session, over HTTP."""

    def __init__(self, house: House, candidate: Person, proctor: Person, session_id: str) -> None:
        self.house, self.candidate, self.proctor, self.id = house, candidate, proctor, session_id

    async def say(self, text: str) -> None:
        """Write a line, again and again until it is acknowledged."""
        while True:
            try:
                await self.candidate.call("POST", f"/sessions/{self.id}/chat", {"text": text})
                return
            except Exception:
                await asyncio.sleep(0.1)

    async def log(self) -> list[dict[str, Any]]:
        return (await self.proctor.call("GET", f"/sessions/{self.id}/log?after=-1"))["items"]

    async def sender(self, path: Path) -> WhipSender:
        wanted = {"source": "camera", "direction": "send"}
        ticket = await self.candidate.call("POST", f"/sessions/{self.id}/tickets", wanted)
        return await WhipSender(ticket["url"], ticket["ticket"], path).__aenter__()


async def checked_in(house: House, admin_token: str) -> Sitting:
    admin = Person(house.url, admin_token)
    people = {}
    for role in ("candidate", "proctor"):
        body = {"login": role, "name": role.title(), "roles": [role], "password": PASSWORD}
        await admin.call("POST", "/users", body)
        people[role] = Person(house.url)
        await people[role].sign_in(role, PASSWORD)
    now = datetime.now(UTC)
    exam = await admin.call("POST", "/exams", {
        "title": "Crash course", "tier": "ai_human", "open": True, "duration_min": 10,
        "opens_at": (now - timedelta(hours=1)).isoformat(),
        "closes_at": (now + timedelta(hours=2)).isoformat(),
    })  # fmt: skip
    joined = await people["candidate"].call("POST", "/sessions", {"exam_id": exam["id"]})
    sid = joined["session_id"]
    agreed = {
        "version": consent.VERSION,
        "sha256": consent.sha256(consent.TEXTS[consent.Identification.PEOPLE]["en"]),
    }
    await people["candidate"].call("POST", f"/sessions/{sid}/consent", agreed)
    await people["candidate"].call("POST", f"/sessions/{sid}/check-in", {})
    await people["proctor"].call("POST", f"/sessions/{sid}/take", {})
    await admin.__aexit__(None, None, None)
    return Sitting(house, people["candidate"], people["proctor"], sid)


@pytest.fixture
def admin_token(house: House) -> str:
    house.start()
    found = re.search(r"First administrator: (\S+)\s+one-time password: (\S+)", house.log())
    assert found
    session = sign_in(house, found[1], found[2])
    body = {"old": found[2], "new": PASSWORD}
    session.post(f"{house.url}/api/v1/me/password", json=body, timeout=30).raise_for_status()
    session = sign_in(house, found[1], PASSWORD)
    answer = session.post(
        f"{house.url}/api/v1/tokens",
        json={"name": "test", "roles": ["admin", "exam_admin"]},
        timeout=30,
    )
    answer.raise_for_status()
    return str(answer.json()["token"])


@pytest.mark.parametrize("victim", ["web", "database"])
def test_kill_9_loses_nothing_acknowledged(house: House, admin_token: str, victim: str) -> None:
    async def play() -> tuple[list[str], list[dict[str, Any]]]:
        sitting = await checked_in(house, admin_token)
        said: list[str] = []

        async def talk() -> None:
            while len(said) < LINES:
                line = f"line {len(said)}"
                await sitting.say(line)
                said.append(line)

        talking = asyncio.create_task(talk())
        while len(said) < LINES // 3:
            await asyncio.sleep(0.01)
        await asyncio.to_thread(house.kill, victim)
        await talking
        entries = await sitting.log()
        for person in (sitting.candidate, sitting.proctor):
            await person.__aexit__(None, None, None)
        return said, entries

    said, entries = asyncio.run(play())
    heard = [e["data"]["text"] for e in entries if e["kind"] == "chat"]
    assert set(said) <= set(heard)
    raw = [{**e, "at": round(datetime.fromisoformat(e["at"]).timestamp() * 1000)} for e in entries]
    assert evidence.verify(raw).intact


def test_kill_9_of_the_media_node_costs_at_most_one_segment(
    house: House, admin_token: str, tmp_path: Path
) -> None:
    media = tmp_path / "camera.webm"
    make_media(media, 3)

    async def play() -> tuple[float, float, dict[str, Any], list[dict[str, Any]]]:
        sitting = await checked_in(house, admin_token)
        first = await sitting.sender(media)
        while len(await stored(sitting)) < 2:
            await asyncio.sleep(0.2)
        killed_at = time.time()
        await asyncio.to_thread(house.kill, "media")
        await first.drop()
        second = await sitting.sender(media)
        back_at = time.time()
        before = len(await stored(sitting))
        while len(await stored(sitting)) < before + 2:
            await asyncio.sleep(0.2)
        await second.close()
        (track,) = (await sitting.proctor.call("GET", f"/sessions/{sitting.id}/media"))["tracks"]
        entries = await sitting.log()
        for person in (sitting.candidate, sitting.proctor):
            await person.__aexit__(None, None, None)
        return killed_at, back_at, track, entries

    killed_at, back_at, track, entries = asyncio.run(play())
    (gap,) = track["gaps"]
    start, end = (datetime.fromisoformat(gap[k]).timestamp() for k in ("started_at", "ended_at"))
    assert gap["cause"] == "node"
    assert killed_at - 10 <= start <= killed_at + 0.5
    assert end <= back_at + 3
    noted = [e for e in entries if e["kind"] == "gap.noted"]
    assert [e["data"]["cause"] for e in noted] == ["node"]


def test_ctrl_c_in_the_middle_of_a_recording_loses_nothing(
    house: House, admin_token: str, tmp_path: Path
) -> None:
    media = tmp_path / "camera.webm"
    make_media(media, 3)

    async def record() -> tuple[str, float]:
        sitting = await checked_in(house, admin_token)
        sender = await sitting.sender(media)
        while len(await stored(sitting)) < 1:
            await asyncio.sleep(0.2)
        await asyncio.sleep(2)
        sent_s = sender.sent_s
        await asyncio.to_thread(house.stop)
        await sender.drop()
        for person in (sitting.candidate, sitting.proctor):
            await person.__aexit__(None, None, None)
        return sitting.id, sent_s

    async def recorded(session_id: str) -> float:
        async with Person(house.url, admin_token) as admin:
            (track,) = (await admin.call("GET", f"/sessions/{session_id}/media"))["tracks"]
            return float(track["recorded_s"])

    session_id, sent_s = asyncio.run(record())
    house.start()
    house.wait_for(lambda: asyncio.run(recorded(session_id)) >= sent_s - 0.5)


async def stored(sitting: Sitting) -> list[dict[str, Any]]:
    tracks = (await sitting.proctor.call("GET", f"/sessions/{sitting.id}/media"))["tracks"]
    return [segment for track in tracks for segment in track["segments"]]
