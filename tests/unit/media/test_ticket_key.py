from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest
from aiohttp import web

from proctorhub.media import ticket_key
from tests.waiting import PATIENCE_S

KEY = "-----BEGIN PUBLIC KEY-----\nours\n-----END PUBLIC KEY-----\n"
PIN = hashlib.sha256(KEY.encode()).hexdigest()


def test_only_the_pinned_key_is_kept_however_long_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticket_key, "AGAIN_S", 0.02)
    path = tmp_path / "secrets" / "ticket.pub"
    answers = [
        web.Response(status=503),
        web.Response(text="not JSON"),
        web.json_response([]),
        web.json_response({"sha256": PIN}),
        web.json_response({"key": "x" * 5000, "sha256": PIN}),
        web.json_response({"key": KEY.replace("ours", "theirs"), "sha256": PIN}),
        web.json_response({"key": KEY, "sha256": PIN}),
    ]
    given = iter(answers)
    seen: list[bool] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(path.exists())
        return next(given)

    async def scenario() -> None:
        app = web.Application()
        app.add_routes([web.get("/api/v1/nodes/ticket-key", answer)])
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        async with asyncio.timeout(PATIENCE_S):
            await ticket_key.fetch_until_there(f"http://127.0.0.1:{port}", PIN, path)
        await runner.cleanup()

    asyncio.run(scenario())
    assert path.read_text() == KEY
    assert seen == [False] * len(answers)


def test_a_key_that_is_there_is_not_fetched(tmp_path: Path) -> None:
    path = tmp_path / "ticket.pub"
    path.write_text("mine")
    asyncio.run(ticket_key.fetch_until_there("http://127.0.0.1:1", PIN, path))
    assert path.read_text() == "mine"
