"""The way in for live sockets: signed on, from our own pages, and not more than fit."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from engineio.async_drivers.threading import SimpleWebSocketWSGI
from flask import Flask

from proctorhub.domain.permissions import Actor
from proctorhub.live import wire
from proctorhub.live.gate import Gate, GateFull
from proctorhub.live.problems import body_of

PATH = "/socket.io/"
#: A message from a browser is a few hundred bytes.
MAX_MESSAGE = 16 * 1024
#: How long the kernel tries to deliver to a browser that no longer reads, milliseconds.
STALLED_MS = 45_000
#: How many may be told at the same time, over a socket, why they cannot come in.
ANTEROOM = 4
#: The key in the WSGI environment under which the handler of `connect` finds the reason.
REFUSED = "proctorhub.refused"

Environ = dict[str, Any]
WsgiApp = Callable[[Environ, Any], Iterable[bytes]]


class BoundedWebSocket(SimpleWebSocketWSGI):  # type: ignore[misc]
    """Engine.IO's websocket, safe against a browser that sends too much or never closes."""

    def __call__(self, environ: Environ, start_response: Any) -> Any:
        """Speak websocket until either side closes."""
        self.server_args = {"max_message_size": MAX_MESSAGE}
        return super().__call__(environ, start_response)

    def close(self) -> None:
        """Say goodbye and end; without the second part a browser could keep the thread waiting."""
        super().close()
        with suppress(OSError):
            self.ws.sock.shutdown(socket.SHUT_RDWR)


def own_origin(web_url: str) -> Callable[[str | None, Environ], bool]:
    """Return the check that a socket was opened by one of our own pages."""

    def check(origin: str | None, environ: Environ) -> bool:
        if not origin:
            return True
        return origin == web_url or urlsplit(origin).netloc == environ.get("HTTP_HOST")

    return check


class SocketDoor:
    """WSGI: asks who it is and takes a place before the handshake; everything else passes."""

    def __init__(
        self, app: Flask, inner: WsgiApp, gate: Gate, who: Callable[[], Actor | None]
    ) -> None:
        self._app = app
        self._inner = inner
        self._gate = gate
        self._anteroom = Gate(ANTEROOM, 1)
        self._who = who

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        if not environ.get("PATH_INFO", "").startswith(PATH):
            return self._inner(environ, start_response)
        with self._app.request_context(environ):
            actor = self._who()
        if actor is None:
            return _refuse(start_response, 401, "not_signed_in", "Sign in first.")
        try:
            with self._gate.place(actor.user_id):
                _give_up_when_stalled(environ)
                return self._inner(environ, start_response)
        except GateFull as full:
            return self._tell_why(environ, start_response, actor.user_id, full)

    def _tell_why(
        self, environ: Environ, start_response: Any, user_id: str, why: GateFull
    ) -> Iterable[bytes]:
        """Refuse: a browser's script can read a reason only from inside a socket."""
        try:
            with self._anteroom.place(user_id):
                environ[REFUSED] = why
                return self._inner(environ, start_response)
        except GateFull:
            return _refuse(start_response, 503, why.code, str(why))


def _give_up_when_stalled(environ: Environ) -> None:
    connection = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
    if connection is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_MS)


def _refuse(start_response: Any, status: int, code: str, detail: str) -> list[bytes]:
    problem = body_of(status, code, detail)
    body = wire.dumps(problem).encode()
    headers = [
        ("Content-Type", "application/problem+json"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
    ]
    if status == 503:
        headers.append(("Retry-After", "5"))
    start_response(f"{status} {problem['title']}", headers)
    return [body]
