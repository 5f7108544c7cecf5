"""Debian's coturn on this machine, and a ProctorHub whose browsers may use nothing else."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from proctorhub.cli.rehearsal import house
from tests.e2e.conftest import (
    Server,
    browser_with,
    camera_file,
    playwright,
    serving,
    sign_in,
    tone_file,
)
from tests.waiting import PATIENCE_S

__all__ = ["browser_with", "camera_file", "playwright", "sign_in", "tone_file"]

SECRET = "only the relay and we know this"


@dataclass(frozen=True)
class Relay:
    """A running coturn."""

    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"turn:127.0.0.1:{self.port}?transport=udp"


@pytest.fixture(scope="session")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """coturn with a shared secret, on the loopback."""
    program = shutil.which("turnserver")
    assert program, "coturn is missing: run scripts/test-tools"
    folder = tmp_path_factory.mktemp("coturn")
    (port,) = house.free_ports(1)
    made = Relay(port, folder / "coturn.log")
    command = [
        program,
        "-n",
        "--use-auth-secret",
        f"--static-auth-secret={SECRET}",
        "--realm=proctorhub",
        f"--listening-port={made.port}",
        "--listening-ip=127.0.0.1",
        "--relay-ip=127.0.0.1",
        "--allow-loopback-peers",
        "--fingerprint",
        "--no-tls",
        "--no-dtls",
        "--no-cli",
        "--verbose",
        "--log-file=stdout",
        "--simple-log",
        f"--pidfile={folder}/pid",
        f"--userdb={folder}/users",
    ]
    with made.log.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _wait(made, process)
            yield made
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def _wait(relay: Relay, process: subprocess.Popen[bytes]) -> None:
    """A STUN binding request is answered once it listens."""
    request = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + b"ProctorHub12"
    deadline = time.monotonic() + PATIENCE_S
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.2)
        while True:
            assert process.poll() is None and time.monotonic() < deadline, relay.log.read_text()
            try:
                asking.sendto(request, ("127.0.0.1", relay.port))
                asking.recv(1500)
                return
            except OSError:
                time.sleep(0.05)


@pytest.fixture(scope="session")
def server(relay: Relay, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`proctorhub run` that tells browsers to go through the relay and no other way."""
    folder = tmp_path_factory.mktemp("relayed")
    settings = {"turn_urls": relay.url, "turn_secret": SECRET, "turn_only": "true"}
    with serving(folder, **settings) as running:
        yield running
