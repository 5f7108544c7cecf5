"""The ProctorHub that is rehearsed with: one that is running, or one started for the purpose."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from proctorhub import config
from proctorhub.services import runtime, tokens

START_S = 90.0
STOP_S = 30.0
#: Below those that systems give to outgoing connections, one of which could take a port between
#: its being found free and its being listened on.
PORTS = range(20_000, 32_768)


class HouseError(Exception):
    """There is no ProctorHub to rehearse with; the text says why."""


@dataclass(frozen=True)
class House:
    """Where ProctorHub is, and an administrator's token for it."""

    url: str
    token: str


@contextmanager
def started(
    data_dir: Path, ports: tuple[int, int] | None = None, **settings: str
) -> Iterator[House]:
    """Run ProctorHub on free or given ports over `data_dir` until the end. Raises HouseError.

    `settings` go before those of this process, and leave this process' environment alone.
    """
    port, media_port = ports or free_ports(2)
    data_dir.mkdir(parents=True, exist_ok=True)
    output = data_dir / "rehearsal.log"
    command = [sys.executable, "-m", "proctorhub", "run", "--data", str(data_dir)]
    command += ["--port", str(port), "--media-port", str(media_port)]
    environment = {**os.environ, **config.environment(settings)}
    with output.open("wb") as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=environment,
        )
        try:
            url = f"http://localhost:{port}"
            _wait(process, [f"{url}/readyz", f"http://localhost:{media_port}/readyz"], output)
            yield House(url, _token(data_dir, settings))
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
            process.wait(STOP_S)


def _token(data_dir: Path, settings: Mapping[str, str]) -> str:
    runtime.start(config.load(data_dir=data_dir, **settings))
    try:
        return tokens.issue_locally("rehearsal", ["admin", "exam_admin"])
    finally:
        runtime.stop()


def _wait(process: subprocess.Popen[bytes], urls: list[str], output: Path) -> None:
    deadline = time.monotonic() + START_S
    while urls:
        if process.poll() is not None:
            raise HouseError(f"ProctorHub did not start: see {output}")
        if time.monotonic() > deadline:
            raise HouseError(f"ProctorHub was not ready within {START_S:g} s: see {output}")
        try:
            if requests.get(urls[0], timeout=2).ok:
                urls = urls[1:]
        except requests.RequestException:
            time.sleep(0.1)


def free_ports(count: int) -> list[int]:
    """Return TCP ports of `PORTS` that nobody listened on a moment ago."""
    probes: list[socket.socket] = []
    try:
        while len(probes) < count:
            probe = socket.socket()
            probes.append(probe)
            try:
                probe.bind(("127.0.0.1", secrets.choice(PORTS)))
            except OSError:
                probes.remove(probe)
                probe.close()
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
