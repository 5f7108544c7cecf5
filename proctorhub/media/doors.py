"""The node's HTTP doors: however many come, files for recordings can still be opened.

aiohttp limits neither how many are connected nor how long a TLS handshake takes, so connections
are accepted here and handed over to it. Only its public names are used.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

log = structlog.get_logger(__name__)

MOST_CONNECTIONS = 1000
#: How long a client may take for the TLS handshake, for the head of a request, before the next
#: request, and to acknowledge what it was sent.
SILENT_S = 10.0
SHUTDOWN_S = 2.0
BACKLOG = 1024
ACCEPT_AGAIN_S = 1.0
#: How often it is said that connections give way.
TELL_EVERY_S = 60.0


def share_of(files: int) -> int:
    """Return how many of so many open files connections may take."""
    return min(MOST_CONNECTIONS, files // 4)


class Doors:
    """Accepts TCP connections for an application, `most` at a time.

    A new one is always let in: who has been connected longest without a request in progress gives
    way, then who has not finished the TLS handshake, then who has been connected longest. Put
    `guard` first among the application's middlewares. Lives in the loop thread.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._runner: web.AppRunner | None = None
        self._accepting: dict[asyncio.Task[None], socket.socket] = {}
        self._greeting: dict[asyncio.Task[None], web.RequestHandler] = {}
        self._busy: set[web.RequestHandler] = set()
        self._told_at = -TELL_EVERY_S

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Know whose request is in progress."""
        self._busy.add(request.protocol)
        try:
            return await handler(request)
        finally:
            self._busy.discard(request.protocol)

    async def open(
        self, app: web.Application, host: str, port: int, tls: ssl.SSLContext | None
    ) -> None:
        """Serve `app` on all addresses of `host`. Raises OSError when the port is taken."""
        # This timeout runs from the beginning of a connection, too.
        self._runner = web.AppRunner(
            app, access_log=None, keepalive_timeout=SILENT_S, shutdown_timeout=SHUTDOWN_S
        )
        await self._runner.setup()
        server = self._runner.server
        assert server is not None
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        listening: list[socket.socket] = []
        try:
            for family, _, _, _, address in dict.fromkeys(found):
                listening.append(socket.create_server(address, family=family, backlog=BACKLOG))
        except OSError:
            for one in listening:
                one.close()
            raise
        for one in listening:
            one.setblocking(False)
            self._accepting[asyncio.create_task(self._accept(one, server, tls))] = one

    async def shut(self) -> None:
        """Let nobody in any more; those who are in may go on."""
        for task in [*self._accepting, *self._greeting]:
            task.cancel()
        await asyncio.gather(*self._accepting, *self._greeting, return_exceptions=True)
        for listening in self._accepting.values():
            listening.close()
        self._accepting.clear()

    async def close(self) -> None:
        """Let those who are in finish for a moment, and close all connections."""
        await self.shut()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _accept(
        self, listening: socket.socket, server: web.Server, tls: ssl.SSLContext | None
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listening)
            except OSError as error:  # no file descriptor, or the client went away meanwhile
                log.warning("connection_not_accepted", error=repr(error))
                await asyncio.sleep(ACCEPT_AGAIN_S)
                continue
            self._make_room(server)
            protocol = server()
            greeting = asyncio.create_task(_greet(connection, protocol, tls))
            self._greeting[greeting] = protocol
            greeting.add_done_callback(self._greeting.pop)
            await asyncio.sleep(0)  # many who wait outside must not stop the loop

    def _make_room(self, server: web.Server) -> None:
        connections = server.connections
        met = set(connections)
        connected = [c for c in connections if c.transport is not None]
        greeting = [task for task, c in self._greeting.items() if c not in met]
        if len(connected) + len(greeting) < self._most:
            return
        if time.monotonic() - self._told_at >= TELL_EVERY_S:
            self._told_at = time.monotonic()
            log.warning("connections_give_way", most=self._most)
        silent = next((c for c in connected if c not in self._busy), None)
        if silent is not None:
            _drop(silent)
        elif greeting:
            greeting[0].cancel()
        else:
            _drop(connected[0])


def _drop(connection: web.RequestHandler) -> None:
    transport = connection.transport
    assert transport is not None
    connection.force_close()
    transport.abort()  # waits for nobody who reads no answers


async def _greet(
    connection: socket.socket, protocol: web.RequestHandler, tls: ssl.SSLContext | None
) -> None:
    unread_ms = int(SILENT_S * 1000)
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, unread_ms)
        await asyncio.get_running_loop().connect_accepted_socket(
            lambda: protocol, connection, ssl=tls, ssl_handshake_timeout=SILENT_S if tls else None
        )
    except OSError as error:  # went away, took too long, or speaks no TLS
        log.debug("connection_not_made", error=repr(error))
