"""What one client may take of a node, and what it may not take from the others."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import urljoin

import aiohttp
from conftest import NodeProcess

from proctorhub.domain.media import GapCause
from proctorhub.media.aiortc_seam import Peer
from proctorhub.media.registry import MAX_VIEWERS, MOST_CONNECTING
from proctorhub.media.synthetic import WhepViewer, WhipSender
from tests.waiting import wait_for

#: Few enough for the test itself, and for a node without limits to have none left.
FILES = 512
SILENT = 600
POSTS = 50


def beats(node: NodeProcess) -> int:
    return (node.ledger.root / "beat.json").stat().st_mtime_ns


async def wait(condition: Callable[[], object]) -> None:
    await asyncio.to_thread(wait_for, condition)


def connection(node: NodeProcess) -> socket.socket:
    return socket.create_connection(("127.0.0.1", node.port))


def open_files(node: NodeProcess) -> int:
    assert node.process is not None
    return len(list(Path(f"/proc/{node.process.pid}/fd").iterdir()))


@contextlib.asynccontextmanager
async def most_open_files(node: NodeProcess) -> AsyncIterator[Callable[[], int]]:
    """Gives what tells how many files the node had open at most."""
    seen = [open_files(node)]

    async def look() -> None:
        while True:
            seen.append(await asyncio.to_thread(open_files, node))

    looking = asyncio.create_task(look())
    yield lambda: max(seen)
    looking.cancel()


async def post(http: aiohttp.ClientSession, url: str, ticket: str, offer: str) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {ticket}", "Content-Type": "application/sdp"}
    async with http.post(url, data=offer, headers=headers) as response:
        return response.status, urljoin(url, response.headers.get("Location", ""))


async def an_offer(direction: str) -> str:
    peer = Peer()
    offer = await peer.offer_to_receive()
    await peer.close()
    return offer.replace("a=recvonly", f"a={direction}")


def test_silent_connections_take_no_file_from_recordings(
    make_node: Callable[..., NodeProcess], vp8: Path
) -> None:
    node = make_node(
        files=(FILES // 2, FILES),
        PROCTORHUB_SEGMENT_MIN_S="1.0",
        PROCTORHUB_SEGMENT_MAX_S="2.0",
    )
    assert node.process is not None
    assert resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE) == (FILES, FILES)

    async def scenario() -> None:
        async with WhipSender(*node.whip("flood"), vp8):
            with contextlib.ExitStack() as silent:
                for _ in range(SILENT):
                    silent.enter_context(await asyncio.to_thread(connection, node))
                stored, beat = len(node.ledger.segments(session_id="flood")), beats(node)
                await wait(lambda: beats(node) > beat)
                await wait(lambda: len(node.ledger.segments(session_id="flood")) > stored + 2)
                assert await asyncio.to_thread(node.healthy)
                assert open_files(node) < FILES // 2

    asyncio.run(scenario())
    assert not node.ledger.calls("gap", session_id="flood", cause=GapCause.STORAGE.value)


def test_one_ticket_holds_few_connecting_senders_and_the_newest_connects(
    node: NodeProcess, vp8: Path
) -> None:
    async def scenario() -> None:
        offer = await an_offer("sendonly")
        before = open_files(node)
        async with aiohttp.ClientSession() as http:
            posts = [post(http, *node.whip("again-and-again"), offer) for _ in range(POSTS)]
            async with most_open_files(node) as most:
                answers = await asyncio.gather(*posts)
            assert {status for status, _ in answers} == {201}
            # each has its connection, and few have a socket for media
            assert most() < before + 1.5 * POSTS
            async with WhipSender(*node.whip("again-and-again"), vp8) as sender:
                assert sender.connected
                bearer = {"Authorization": f"Bearer {node.whip('again-and-again')[1]}"}
                ends = [await http.delete(where, headers=bearer) for _, where in answers]
                assert [end.status for end in ends].count(200) == MOST_CONNECTING - 1
                assert sender.connected
        await wait(lambda: open_files(node) <= before)

    asyncio.run(scenario())


def test_viewers_who_come_together_get_no_more_seats_than_there_are(
    node: NodeProcess, vp8: Path
) -> None:
    async def scenario() -> None:
        useless = (await an_offer("recvonly")).replace("VP8/90000", "AV1/90000")
        useless = useless.replace("H264/90000", "AV1/90000")
        offer = await an_offer("recvonly")
        where = node.whep("seats")
        async with WhipSender(*node.whip("seats"), vp8), aiohttp.ClientSession() as http:
            refused = await asyncio.gather(
                *(post(http, *where, useless) for _ in range(MAX_VIEWERS))
            )
            assert {status for status, _ in refused} == {400}
            async with WhepViewer(*where) as viewer:
                await viewer.first_frame()
                answers = await asyncio.gather(
                    *(post(http, *where, offer) for _ in range(MAX_VIEWERS + 8))
                )
                found = [status for status, _ in answers]
                assert found.count(201) == MAX_VIEWERS - 1
                assert found.count(503) == 9

    asyncio.run(scenario())
