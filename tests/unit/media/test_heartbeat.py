"""What a node tells of itself, and what it does when it is told off."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import CapturingLogger

from proctorhub.config import Settings
from proctorhub.domain.alarms import Alarm, Part, Reason
from proctorhub.domain.media import CloseReason
from proctorhub.domain.placement import Beat, Orders
from proctorhub.media import heartbeat
from proctorhub.media.heartbeat import Heartbeat, identity
from proctorhub.media.registry import Registry
from proctorhub.media.spool import Spool
from proctorhub.media.tickets import TicketGate
from tests.waiting import PATIENCE_S


class FakeLedger:
    """Keeps the beats; `answer` is what the control plane says to them."""

    def __init__(self) -> None:
        self.beats: list[Beat] = []
        self.left: list[str] = []
        self.answer: Orders | Exception = Orders()

    def heartbeat(self, beat: Beat) -> Orders:
        self.beats.append(beat)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def leave(self, node_id: str) -> None:
        self.left.append(node_id)


class FakeChain:
    """A sender of a session."""

    def __init__(self, session_id: str, source: str = "camera") -> None:
        self.session_id, self.source = session_id, source
        self.recorded = True
        self.wrong: list[Alarm] = []
        self.publisher = SimpleNamespace(
            tracks={"video": SimpleNamespace(ingest=SimpleNamespace(octets=500))}
        )
        self.log = SimpleNamespace(warning=lambda *_: None)
        self.closed: list[CloseReason] = []

    def alarms(self) -> list[Alarm]:
        return self.wrong

    def close(self, reason: CloseReason) -> None:
        self.closed.append(reason)


def parts(tmp_path: Path, *chains: FakeChain, **changes: Any) -> tuple[Heartbeat, FakeLedger]:
    settings = Settings(data_dir=tmp_path, media_node_id="a", **changes)
    root = tmp_path / "spool-a"
    ledger = FakeLedger()
    registry = Registry()
    registry.chains.update({str(n): chain for n, chain in enumerate(chains)})  # type: ignore[misc]
    registry.viewers["v"] = None  # type: ignore[assignment]
    spool = Spool(root, 1 << 30)
    spool.used_bytes = 12
    uploader = SimpleNamespace(waiting=3, failing_since=None, alarms=lambda recorded: [])
    gate = TicketGate(tmp_path / "ticket.pub")
    made = Heartbeat(settings, ledger, registry, spool, uploader, gate)  # type: ignore[arg-type]
    return made, ledger


def test_what_is_told(tmp_path: Path) -> None:
    chains = [FakeChain("s1"), FakeChain("s1", "screen"), FakeChain("check-ada", "check")]
    beats, _ = parts(tmp_path, *chains)
    (tmp_path / "spool-a" / "s0").mkdir()
    told = beats.measure()
    assert (told.node_id, told.url) == ("a", "http://localhost:8001")
    assert (told.sending, told.holding) == (("s1",), ("s0",))
    assert (told.sources, told.viewers, told.waiting, told.octets) == (3, 1, 3, 1500)
    assert told.limit >= 20


def test_the_key_that_tickets_are_checked_with_is_told(tmp_path: Path) -> None:
    beats, _ = parts(tmp_path)
    assert beats.measure().ticket_key == ""
    (tmp_path / "ticket.pub").write_text("abc")
    # FIPS 180-2, appendix B.1
    told = beats.measure().ticket_key
    assert told == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_configured_limit_outranks_the_measured_one(tmp_path: Path) -> None:
    beats, _ = parts(tmp_path, media_max_sessions=1)
    assert beats.measure().limit == 1


def test_work_shows_in_the_measured_limit(tmp_path: Path) -> None:
    beats, _ = parts(tmp_path, *(FakeChain(f"s{n}") for n in range(4)))
    before = beats.measure().limit
    until = time.process_time() + 0.3
    while time.process_time() < until:
        pass
    assert beats.measure().limit < before


def test_sessions_placed_elsewhere_are_closed_here(tmp_path: Path) -> None:
    mine, moved = FakeChain("mine"), FakeChain("moved")
    beats, ledger = parts(tmp_path, mine, moved)
    ledger.answer = Orders(elsewhere=["moved"])

    async def scenario() -> None:
        await beats.begin()
        await beats.end()

    asyncio.run(scenario())
    assert (mine.closed, moved.closed) == ([], [CloseReason.NODE_STOPPED])
    assert ledger.left == ["a"]


def test_sessions_whose_end_was_not_heard_are_ended(tmp_path: Path) -> None:
    mine, over = FakeChain("mine"), FakeChain("over")
    beats, ledger = parts(tmp_path, mine, over)
    ledger.answer = Orders(over=["over"])

    async def scenario() -> None:
        await beats.begin()
        await beats.end()

    asyncio.run(scenario())
    assert (mine.closed, over.closed) == ([], [CloseReason.SESSION_ENDED])


def test_beats_go_on_when_the_control_plane_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_S", 0.02)
    beats, ledger = parts(tmp_path)
    ledger.answer = ConnectionError("away")

    async def scenario() -> None:
        await beats.begin()
        while len(ledger.beats) < 3:
            await asyncio.sleep(0.005)
        ledger.answer = Orders()
        while len(ledger.beats) < 6:
            await asyncio.sleep(0.005)
        await beats.end()

    asyncio.run(scenario())


def test_beats_go_on_after_one_that_could_not_be_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_S", 0.02)
    beats, ledger = parts(tmp_path)
    spool, failures = tmp_path / "spool-a", 0
    measure = beats.measure

    def counted() -> Beat:
        nonlocal failures
        try:
            return measure()
        except OSError:
            failures += 1
            raise

    monkeypatch.setattr(beats, "measure", counted)

    async def scenario() -> None:
        spool.rename(tmp_path / "away")
        await beats.begin()
        while failures < 3:
            await asyncio.sleep(0.005)
        assert not ledger.beats
        (tmp_path / "away").rename(spool)
        while len(ledger.beats) < 3:
            await asyncio.sleep(0.005)
        await beats.end()

    async def patiently() -> None:
        async with asyncio.timeout(PATIENCE_S):
            await scenario()

    log = CapturingLogger()
    monkeypatch.setattr(heartbeat, "log", log)
    asyncio.run(patiently())
    assert [line.args for line in log.calls] == [("heartbeat_not_told",)]


def test_bad_news_does_not_wait_for_the_next_beat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_S", 600.0)
    monkeypatch.setattr(heartbeat, "_STEPS", 100_000)
    chain = FakeChain("s1")
    beats, ledger = parts(tmp_path, chain)
    alarm = Alarm("s1", "camera", Part.RECORDER, Reason.DISK, 1000)

    async def told(wrong: list[Alarm]) -> None:
        chain.wrong = wrong
        async with asyncio.timeout(PATIENCE_S):
            while not ledger.beats or list(ledger.beats[-1].alarms) != wrong:
                await asyncio.sleep(0.005)

    async def scenario() -> None:
        await beats.begin()
        await told([alarm])
        await told([])
        await beats.end()

    asyncio.run(scenario())
    assert len(ledger.beats) == 3


def test_an_identity_is_made_once(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    made = identity(settings)
    assert made == identity(settings) != identity(Settings(data_dir=tmp_path / "other"))
    assert identity(Settings(data_dir=tmp_path, media_node_id="b")) == "b"
