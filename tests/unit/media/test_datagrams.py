from __future__ import annotations

import asyncio
import socket

import pytest
from structlog.testing import CapturingLogger

from proctorhub.media import datagrams
from proctorhub.media.batch import AT_ONCE, ROOM, inbox
from proctorhub.media.datagrams import BatchedSocket
from tests.waiting import PATIENCE_S


class _Taken:
    """A socket read together with others, and what came by it; chokes on what begins with x."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.came = asyncio.Event()

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
        )
        self.socket = BatchedSocket(transport, protocol, self._take)

    def _take(self, place: int, size: int, arrived_s: float) -> None:
        datagram = bytes(inbox[place * ROOM : place * ROOM + size])
        if datagram.startswith(b"x"):
            raise LookupError("x")
        self.got.append(datagram)
        self.came.set()

    async def wait_for(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.got) < count:
                self.came.clear()
                await self.came.wait()


def test_what_cannot_be_taken_costs_itself_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    several = AT_ONCE + 4
    log = CapturingLogger()
    monkeypatch.setattr(datagrams, "log", log)

    async def scenario() -> list[bytes]:
        hurt, other = _Taken(), _Taken()
        await hurt.open()
        await other.open()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for number in range(several):
                for text in (b"x", b"%d" % number):
                    stranger.sendto(text, hurt.socket.get_extra_info("sockname"))
            stranger.sendto(b"hello", other.socket.get_extra_info("sockname"))
        # in one round, whichever of the two comes first in it
        datagrams._readers[asyncio.get_running_loop()]._go_round()
        assert other.got == [b"hello"]
        await hurt.wait_for(several)
        assert [(x.method_name, x.args, x.kwargs) for x in log.calls] == [
            ("exception", ("datagram_failed",), {"so_far": 1})
        ]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            monkeypatch.setattr(datagrams, "LOG_EVERY_S", 0.0)
            hurt.socket._log_again_s = 0.0
            for text in (b"x", b"y"):
                stranger.sendto(text, hurt.socket.get_extra_info("sockname"))
        await hurt.wait_for(several + 1)
        assert [x.kwargs for x in log.calls] == [{"so_far": 1}, {"so_far": several + 1}]
        hurt.socket.close()
        other.socket.close()
        return hurt.got

    assert asyncio.run(scenario()) == [b"%d" % number for number in range(several)] + [b"y"]


def test_who_sends_without_end_is_read_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datagrams, "MOST_BATCHES", 2)
    many = 2 * AT_ONCE + 3

    async def scenario() -> None:
        flooded, other = _Taken(), _Taken()
        await flooded.open()
        await other.open()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for number in range(many):
                stranger.sendto(b"%d" % number, flooded.socket.get_extra_info("sockname"))
            stranger.sendto(b"hello", other.socket.get_extra_info("sockname"))
        datagrams._readers[asyncio.get_running_loop()]._go_round()
        assert (len(flooded.got), other.got) == (2 * AT_ONCE, [b"hello"])
        await flooded.wait_for(many)
        assert flooded.got == [b"%d" % number for number in range(many)]
        flooded.socket.close()
        other.socket.close()

    asyncio.run(scenario())
