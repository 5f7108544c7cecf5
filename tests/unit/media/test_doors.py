"""Real connections to the node's doors, in the loop that the node uses."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop
from aiohttp import web

from proctorhub.cli import tls as certificates
from proctorhub.cli.rehearsal import house
from proctorhub.media import doors as module
from proctorhub.media.doors import Doors, share_of
from tests.waiting import PATIENCE_S

REQUEST = b"GET /%b HTTP/1.1\r\nHost: localhost\r\n\r\n"
#: So long that nobody is closed for the time alone.
NEVER_S = 3600.0
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Inside:
    """Doors that are open, and what goes on behind them: `/slow` answers once `go` is set."""

    def __init__(self, most: int, tls: Path | None = None) -> None:
        self.doors = Doors(most)
        self.app = web.Application(middlewares=[self.doors.guard])
        self.app.add_routes([web.get("/", self._answer), web.get("/slow", self._slow)])
        self.asked, self.go = asyncio.Semaphore(0), asyncio.Event()
        (self.port,) = house.free_ports(1)
        self._server_tls: ssl.SSLContext | None = None
        self._client_tls: ssl.SSLContext | None = None
        if tls is not None:
            self._server_tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._server_tls.load_cert_chain(tls / "cert.pem", tls / "key.pem")
            self._client_tls = ssl.create_default_context(cafile=str(tls / "cert.pem"))

    async def _answer(self, request: web.Request) -> web.Response:
        return web.Response(text="here")

    async def _slow(self, request: web.Request) -> web.Response:
        self.asked.release()
        await self.go.wait()
        return web.Response(text="late")

    async def __aenter__(self) -> Inside:
        await self.doors.open(self.app, "127.0.0.1", self.port, self._server_tls)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.doors.close()

    async def plain(self) -> Connection:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def knock(self) -> Connection:
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=self._client_tls)

    async def slow(self) -> Connection:
        made = await self.knock()
        made[1].write(REQUEST % b"slow")
        await self.asked.acquire()
        return made


async def answer(connection: Connection, path: bytes | None = b"") -> bytes:
    reader, writer = connection
    if path is not None:
        writer.write(REQUEST % path)
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    return await reader.readexactly(4)


async def closed(connection: Connection) -> bool:
    try:
        return await connection[0].read() == b""
    except ConnectionError:
        return True


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def patiently() -> None:
        async with asyncio.timeout(PATIENCE_S):
            await scenario()

    uvloop.run(patiently())


def test_who_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SILENT_S", 0.2)

    async def scenario() -> None:
        async with Inside(100) as inside:
            silent, halfway, done, busy = [await inside.knock() for _ in range(4)]
            halfway[1].write((REQUEST % b"")[:-2])
            assert await answer(done) == b"here"
            busy[1].write(REQUEST % b"slow")
            assert all([await closed(one) for one in (silent, halfway, done)])
            inside.go.set()
            assert await answer(busy, None) == b"late"

    run(scenario)


def test_who_reads_no_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SILENT_S", 0.2)

    async def scenario() -> None:
        gone = asyncio.Event()

        async def large(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            try:
                while True:
                    await response.write(bytes(1 << 20))
            finally:
                gone.set()

        inside = Inside(100)
        inside.app.router.add_get("/large", large)
        async with inside:
            _, writer = await inside.knock()
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(REQUEST % b"large")
            await gone.wait()

    run(scenario)


def test_the_longest_silent_one_gives_way_to_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SILENT_S", NEVER_S)

    async def scenario() -> None:
        async with Inside(4) as inside:
            busy = await inside.slow()
            silent = [await inside.knock() for _ in range(3)]
            for one in silent:
                assert await answer(one) == b"here"  # they are all in
            assert await answer(await inside.knock()) == b"here"
            assert await closed(silent[0])
            assert await answer(silent[1]) == b"here"
            inside.go.set()
            assert await answer(busy, None) == b"late"

    run(scenario)


def test_when_all_are_busy_the_oldest_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SILENT_S", NEVER_S)

    async def scenario() -> None:
        async with Inside(3) as inside:
            busy = [await inside.slow() for _ in range(3)]
            assert await answer(await inside.knock()) == b"here"
            assert await closed(busy[0])
            inside.go.set()
            assert [await answer(one, None) for one in busy[1:]] == [b"late", b"late"]

    run(scenario)


def test_handshakes_that_never_end_give_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SILENT_S", NEVER_S)
    certificates.ensure(tmp_path, "127.0.0.1")

    async def scenario() -> None:
        async with Inside(3, tls=tmp_path) as inside:
            silent = [await inside.plain() for _ in range(9)]
            assert await answer(await inside.knock()) == b"here"
            assert all([await closed(one) for one in silent[:6]])

    run(scenario)


def test_a_handshake_is_not_waited_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SILENT_S", 0.2)
    certificates.ensure(tmp_path, "127.0.0.1")

    async def scenario() -> None:
        async with Inside(100, tls=tmp_path) as inside:
            assert await closed(await inside.plain())

    run(scenario)


def test_shut_doors_let_those_finish_who_are_in() -> None:
    async def scenario() -> None:
        async with Inside(100) as inside:
            busy = await inside.slow()
            await inside.doors.shut()
            with pytest.raises(ConnectionRefusedError):
                await inside.knock()
            inside.go.set()
            assert await answer(busy, None) == b"late"

    run(scenario)


def test_most_files_are_left_for_media() -> None:
    assert (share_of(1024), share_of(1 << 20)) == (256, 1000)
