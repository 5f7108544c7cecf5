"""Somebody who uses ProctorHub as a browser does: HTTP with a cookie, and Socket.IO."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self

import aiohttp
import socketio

ANSWER_S = 30.0


class Refused(Exception):
    """The API said no: `status`, `code`, and its sentence."""

    def __init__(self, call: str, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{call}: {status} {problem.get('code')}: {problem.get('detail')}")
        self.status = status
        self.code = problem.get("code")


class Person:
    """One HTTP session. Use as an async context manager."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self._base = url
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = aiohttp.ClientSession(
            headers=headers,
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            timeout=aiohttp.ClientTimeout(total=ANSWER_S),
        )
        self._csrf = ""
        self._live: socketio.AsyncClient | None = None
        self._connecting = asyncio.Lock()
        self._sessions: dict[str, dict[str, Any]] = {}
        self._entries: list[dict[str, Any]] = []
        self._news = asyncio.Condition()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            await self._live.disconnect()
        await self._http.close()

    async def sign_in(self, login: str, password: str) -> dict[str, Any]:
        """Sign on and keep the cookie and the CSRF token."""
        me = await self.call("POST", "/login", {"login": login, "password": password})
        self._csrf = me["csrf_token"]
        return dict(me)

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """Return the JSON answer (None for 204). Raises Refused."""
        headers = {"X-CSRF-Token": self._csrf} if self._csrf else {}
        arguments = {"data": body} if isinstance(body, aiohttp.FormData) else {"json": body}
        url = f"{self._base}/api/v1{path}"
        async with self._http.request(method, url, headers=headers, **arguments) as answer:
            if answer.status >= 400:
                raise Refused(f"{method} {path}", answer.status, await _problem(answer))
            return await answer.json() if answer.status != 204 else None

    async def fetch(self, url: str, **headers: str) -> bytes:
        """Return the bytes behind an address of the API or the media node. Raises Refused."""
        address = url if url.startswith("http") else self._base + url
        async with self._http.get(address, headers=headers) as answer:
            if answer.status >= 400:
                raise Refused(f"GET {url}", answer.status, await _problem(answer))
            return await answer.read()

    async def watch(self, event: str, body: dict[str, Any]) -> None:
        """Subscribe to a room and keep what is pushed."""
        async with self._connecting:
            if self._live is None:
                live = socketio.AsyncClient(http_session=self._http, reconnection=False)
                live.on("session", self._on_session)
                live.on("entry", self._on_entry)
                await live.connect(self._base, transports=["websocket"])
                self._live = live
        answer = await self._live.call(event, body, timeout=ANSWER_S)
        if not (answer or {}).get("ok"):
            raise Refused(event, 0, answer or {})

    async def until(self, session_id: str, state: str, within_s: float) -> dict[str, Any]:
        """Wait for a session to be pushed in a state; raises TimeoutError."""

        def there() -> bool:
            return self._sessions.get(session_id, {}).get("state") == state

        async with asyncio.timeout(within_s), self._news:
            await self._news.wait_for(there)
        return self._sessions[session_id]

    async def until_entry(self, session_id: str, kind: str, within_s: float) -> dict[str, Any]:
        """Wait for a pushed log entry of a kind; raises TimeoutError."""

        def found() -> dict[str, Any] | None:
            matching = (
                e for e in self._entries if (e["session_id"], e["kind"]) == (session_id, kind)
            )
            return next(matching, None)

        async with asyncio.timeout(within_s), self._news:
            await self._news.wait_for(lambda: found() is not None)
        return found() or {}

    async def _on_session(self, session: dict[str, Any]) -> None:
        async with self._news:
            self._sessions[session["id"]] = session
            self._news.notify_all()

    async def _on_entry(self, entry: dict[str, Any]) -> None:
        async with self._news:
            self._entries.append(entry)
            self._news.notify_all()


async def _problem(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    if "json" in answer.content_type:
        return dict(await answer.json())
    return {"code": "no_problem_json", "detail": (await answer.text())[:200]}
