"""A real Redis server for tests, without a file on disk."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from proctorhub.cli.rehearsal.house import free_ports

START_S = 20.0


@contextmanager
def running() -> Iterator[str]:
    """Yield the server's URL; it listens on this machine alone."""
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="ph-") as folder:
        arguments = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
        server = subprocess.Popen(
            ["redis-server", *arguments, "--dir", folder], stdout=subprocess.DEVNULL
        )
        try:
            deadline = time.monotonic() + START_S
            while not _answers(port):
                assert server.poll() is None and time.monotonic() < deadline, "no Redis server"
                time.sleep(0.02)
            yield f"redis://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(START_S)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            pass
    except OSError:
        return False
    return True
