"""What bad days do to recordings: named faults against real processes, and what the ledger says.

    make bench-faults
    make bench-faults ARGS="--browser 20"

Runs an installation (web, database, media node) and a second media node, lets synthetic candidates
send through 2 % loss, and injects cuts, a killed node and an absent storage. Prints one JSON line;
every fault has to be in the ledger as a gap, or to be without effect. With `--browser` it cuts the
network of a real Chromium instead, so many times, and says how soon its recording goes on.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import secrets
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from benchmarks.faults import browser
from benchmarks.faults.candidate import Candidate
from benchmarks.faults.house import SecondNode, Storage
from benchmarks.faults.reckoning import Camera, Cut, Kill, Outage, reckon
from benchmarks.sending import Reel, make_reel
from proctorhub.cli.rehearsal import house
from proctorhub.cli.rehearsal.exam import Media, Rehearsal
from proctorhub.cli.rehearsal.main import _account, _availability, _exam
from proctorhub.cli.rehearsal.person import Person
from proctorhub.media.aiortc_seam import use_host_addresses

LOSS = 0.02
SESSIONS = 6
SHORT_CUT_S, LONG_CUT_S, STORAGE_S = 3.0, 60.0, 30.0
#: Seconds after the beginning.
SHORT_CUTS_AT = (8.0, 18.0, 28.0, 38.0, 48.0)
LONG_CUT_AT, STORAGE_AT, KILL_AT, END_AT = 15.0, 55.0, 95.0, 125.0
STORED_WITHIN_S = 60.0


class Sitting(Rehearsal):
    """A session from its booking to its check-in."""

    async def open(self, exam_id: str) -> str:
        """Return the session, ready to take media."""
        await self._book(exam_id)
        await self._check_in()
        return self._id


async def play(stage: house.House, data_dir: Path, reel: Reel) -> dict[str, Any]:
    """Inject everything and return the reckoning."""
    run = secrets.token_hex(3)
    nothing = Media(Path(), Path(), Path(), b"")
    minutes = END_AT / 60
    async with AsyncExitStack() as stack:
        admin = await stack.enter_async_context(Person(stage.url, stage.token))
        second = SecondNode(data_dir, stage.url)
        stack.callback(second.stop)
        await second.start(admin)
        password = secrets.token_urlsafe(12)
        proctor = await _account(admin, f"proctor-{run}", "proctor", password)
        logins = [f"candidate-{run}-{n}" for n in range(SESSIONS)]
        ids = [await _account(admin, login, "candidate", password) for login in logins]
        booked = await stack.enter_async_context(Person(stage.url))
        await booked.sign_in(f"proctor-{run}", password)
        await booked.call("POST", "/availability", _availability(SESSIONS, minutes))
        exam = await admin.call("POST", "/exams", _exam(run, minutes, proctor, ids))
        candidates = []
        for number, login in enumerate(logins):
            person = await stack.enter_async_context(Person(stage.url))
            await person.sign_in(login, password)
            session = await Sitting(person, booked, nothing, minutes).open(exam["id"])
            candidates.append(Candidate(person, session, reel, loss=LOSS, seed=number))
        faults = await _inject(candidates, second, Storage(data_dir), admin)
        cameras = await _cameras(admin, candidates)
    return reckon(cameras, faults)


async def _inject(
    candidates: list[Candidate], second: SecondNode, storage: Storage, admin: Person
) -> list[Cut | Kill | Outage]:
    running = [asyncio.create_task(candidate.run()) for candidate in candidates]
    async with asyncio.timeout(30):
        while not all(candidate.connected for candidate in candidates):
            await asyncio.sleep(0.1)
    began = time.monotonic()
    faults: list[Cut | Kill | Outage] = []

    async def at(seconds: float) -> None:
        await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))

    async def cut(candidate: Candidate, when: float, length: float) -> None:
        await at(when)
        from_s = time.time()
        candidate.lose_network(True)
        await at(when + length)
        candidate.lose_network(False)
        faults.append(Cut(candidate.session, from_s, time.time()))

    async def kill() -> None:
        await at(KILL_AT)
        there = [c.session for c in candidates if c.url.endswith(f":{second.port}")]
        faults.append(Kill(tuple(there), second.kill()))
        await asyncio.sleep(10.0)
        await second.start(admin)

    async def outage() -> None:
        await at(STORAGE_AT)
        from_s = time.time()
        storage.away()
        await at(STORAGE_AT + STORAGE_S)
        storage.back()
        faults.append(Outage(from_s, time.time()))

    pairs = zip(candidates, SHORT_CUTS_AT, strict=False)
    await asyncio.gather(
        *(cut(candidate, when, SHORT_CUT_S) for candidate, when in pairs),
        cut(candidates[-1], LONG_CUT_AT, LONG_CUT_S),
        kill(),
        outage(),
        at(END_AT),
    )
    for candidate in candidates:
        await candidate.stop()
    await asyncio.gather(*running)
    return faults


async def _cameras(admin: Person, candidates: list[Candidate]) -> list[Camera]:
    """Return what the ledger says once everything is handed over."""
    deadline = time.monotonic() + STORED_WITHIN_S
    while time.monotonic() < deadline:
        nodes = (await admin.call("GET", "/nodes"))["items"]
        if all(node["alive"] and not node["waiting"] for node in nodes):
            break
        await asyncio.sleep(0.5)
    await asyncio.sleep(2.0)
    cameras = []
    for candidate in candidates:
        told = await admin.call("GET", f"/sessions/{candidate.session}/media")
        entries = (await admin.call("GET", f"/sessions/{candidate.session}/log"))["items"]
        (camera,) = told["tracks"]
        cameras.append(Camera.read(candidate.session, camera, entries, candidate.sent_s))
    return cameras


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--browser", type=int, metavar="CUTS", help="cut a browser's network")
    cuts = parser.parse_args().browser
    if cuts:
        print(json.dumps(browser.measure(cuts)))
        return
    logging.getLogger("aiortc").setLevel(logging.ERROR)
    logging.getLogger("aioice").setLevel(logging.ERROR)
    use_host_addresses("127.0.0.1")
    with tempfile.TemporaryDirectory(prefix="bench-faults-") as folder:
        reel = make_reel(Path(folder) / "m.webm", 16.0, bit_rate=500_000, size=(640, 480))
        data_dir = Path(folder) / "var"
        with house.started(data_dir) as stage:
            result = asyncio.run(play(stage, data_dir, reel))
    for fault in result.pop("faults"):
        print(json.dumps(fault), file=sys.stderr)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
