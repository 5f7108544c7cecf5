"""`proctorhub run`: every process of one machine under honcho's Manager."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import click
import requests
from honcho.manager import Manager
from honcho.printer import Printer

from proctorhub.cli import tls
from proctorhub.config import Settings
from proctorhub.plugins import load
from proctorhub.records import connection
from proctorhub.services import accounts, keys, runtime

#: How long all processes may take to become ready, seconds.
READY_S = 60.0
_POLL_S = 0.1
#: What honcho returns after SIGINT and SIGTERM: the operator's wish, not a failure.
_ASKED_TO_STOP = (128 + signal.SIGINT, 128 + signal.SIGTERM)


def main(settings: Settings) -> int:
    """Start everything and stay until Ctrl-C; returns the exit status."""
    runtime.check(settings)
    for label, host, port in (
        ("port", settings.host, settings.port),
        ("media_port", settings.media_host, settings.media_port),
    ):
        if not _is_free(host, port):
            click.echo(f"proctorhub: {label} {port} is taken; choose another", err=True)
            return 1
    _prepare(settings)
    manager = Manager(Printer(sys.stdout))
    environment = _environment(settings)
    for name, command in _commands(settings).items():
        kept = [sys.executable, "-m", "proctorhub.cli.keeper", *command]
        manager.add_process(name, "exec " + shlex.join(kept), env=environment, quiet=False)
    threading.Thread(target=_announce, args=(settings, manager), daemon=True).start()
    manager.loop()
    return 0 if manager.returncode in _ASKED_TO_STOP else manager.returncode or 0


def _prepare(settings: Settings) -> None:
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.path("run").mkdir(mode=0o700, exist_ok=True)
    keys.ensure(settings)
    if settings.tls:
        tls.ensure(settings.path("tls"), settings.host)


def _commands(settings: Settings) -> dict[str, list[str]]:
    proctorhub = [sys.executable, "-m", "proctorhub"]
    commands: dict[str, list[str]] = {}
    if not settings.mongodb_uri:
        plugin = load("database", settings.database_plugin)()
        commands["database"] = list(
            plugin.command(connection.database_path(settings), connection.socket_path(settings))
        )
    names = ["web", "media", "jobs"]
    if settings.vision_backends and settings.frame_bus == "unix":
        names.append("vision")
    for name in names:
        commands[name] = [*proctorhub, name]
    return commands


def _environment(settings: Settings) -> dict[str, str]:
    """Return what the children need to load the very same settings."""
    chosen = {
        "PROCTORHUB_DATA_DIR": str(settings.path()),
        "PROCTORHUB_HOST": settings.host,
        "PROCTORHUB_PORT": str(settings.port),
        "PROCTORHUB_MEDIA_HOST": settings.media_host,
        "PROCTORHUB_MEDIA_PORT": str(settings.media_port),
        "PROCTORHUB_TLS": str(settings.tls).lower(),
    }
    return {**os.environ, **chosen, "PYTHONUNBUFFERED": "1"}


def _announce(settings: Settings, manager: Manager) -> None:
    """Wait for all parts, make the first administrator, and say where to look."""
    deadline = time.monotonic() + READY_S
    if not _wait_for_database(settings, deadline):
        return _give_up(manager, "the database did not come up")
    runtime.start(settings)
    first = accounts.first_administrator()
    runtime.stop()
    for name, url in (
        ("web", _local(settings, settings.port)),
        ("media", _local(settings, settings.media_port)),
    ):
        if not _wait_for_http(settings, f"{url}/readyz", deadline):
            return _give_up(manager, f"the {name} process did not come up")
    click.echo(f"\nProctorHub is ready: {settings.web_url}")
    if first:
        click.echo(f"First administrator: {first[0]}   one-time password: {first[1]}")
    click.echo(f"Data is kept in {settings.path()}. Ctrl-C stops everything.\n")


def _give_up(manager: Manager, reason: str) -> None:
    click.echo(f"proctorhub: {reason} within {READY_S:g} s", err=True)
    manager.terminate()


def _local(settings: Settings, port: int) -> str:
    return f"{settings.scheme}://localhost:{port}"


def _wait_for_database(settings: Settings, deadline: float) -> bool:
    path: Path = connection.socket_path(settings)
    while time.monotonic() < deadline:
        if settings.mongodb_uri or path.exists():
            return True
        time.sleep(_POLL_S)
    return False


def _wait_for_http(settings: Settings, url: str, deadline: float) -> bool:
    verify = str(settings.path("tls", "cert.pem")) if settings.tls else True
    while time.monotonic() < deadline:
        try:
            if requests.get(url, timeout=2, verify=verify).ok:
                return True
        except requests.RequestException:
            time.sleep(_POLL_S)
    return False


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True
