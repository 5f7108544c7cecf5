"""The web process: gunicorn with threads, one worker, started from Python."""

from __future__ import annotations

import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from proctorhub import logs
from proctorhub.config import Settings
from proctorhub.live import Live
from proctorhub.services import runtime
from proctorhub.web import create_app

GRACEFUL_S = 15
KEEP_ALIVE_S = 15
#: A worker whose main loop does not tick for this long is replaced.
STUCK_S = 60
#: How long the kernel tries to deliver to a browser that stopped reading, milliseconds.
STALLED_MS = 60_000


def main(settings: Settings) -> None:
    """Serve until SIGTERM. Exits with 1 and one line when the address cannot be had."""
    logs.setup(settings.log_level, "web")
    problem = cannot_listen(settings.host, settings.port)
    if problem:
        print(f"proctorhub web: {problem}", file=sys.stderr)
        raise SystemExit(1)
    _Server(settings).run()


def cannot_listen(host: str, port: int) -> str | None:
    """Return why nobody can listen on an address now, or None."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError as error:
            return f"cannot listen on {host}:{port}: {error.strerror or error}"
    return None


class _Log(Logger):  # type: ignore[misc]
    """gunicorn's words through the handlers of `proctorhub.logs`; the app logs the requests."""

    def setup(self, cfg: Any) -> None:
        """Leave the handlers alone."""
        self.error_log.propagate = True

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """Say nothing: paths and addresses are personal data."""


class _Server(BaseApplication):  # type: ignore[misc]
    """gunicorn's application, with the options in code instead of a file."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Set gunicorn's options."""
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        options: dict[str, Any] = {
            "bind": f"{host}:{self._settings.port}",
            "worker_class": "gthread",
            # One: rooms, limits and the count of sockets live in its memory.
            "workers": 1,
            "threads": self._settings.web_threads,
            "worker_connections": max(1000, self._settings.web_threads * 4),
            "timeout": STUCK_S,
            "graceful_timeout": GRACEFUL_S,
            "keepalive": KEEP_ALIVE_S,
            "logger_class": _Log,
            "proc_name": "proctorhub-web",
            "post_worker_init": _settle,
            "control_socket_disable": True,
        }
        if self._settings.tls:
            options["certfile"] = str(self._settings.path("tls", "cert.pem"))
            options["keyfile"] = str(self._settings.path("tls", "key.pem"))
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Make the application. This runs in the worker, after the fork."""
        runtime.start(self._settings)
        app = create_app(self._settings)
        live: Live = app.extensions["proctorhub.live"]
        live.start()
        return app


def _settle(worker: Any) -> None:
    """Prepare a worker that is about to serve."""
    for listener in worker.sockets:
        listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_MS)
    live: Live = worker.wsgi.extensions["proctorhub.live"]
    for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT):
        signal.signal(number, _stop_live_first(live, signal.getsignal(number)))


def _stop_live_first(live: Live, then: Any) -> Callable[[int, Any], None]:
    """Return a signal handler that ends the live connections, which would not end by themselves."""

    def handle(number: int, frame: Any) -> None:
        # A thread: a handler that takes locks could meet the thread it interrupted.
        threading.Thread(target=live.stop, name="live-stop", daemon=True).start()
        if callable(then):
            then(number, frame)

    return handle
