"""A real Redis server for tests, without a file on disk."""

from __future__ import annotations

import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from proctorhub.cli.rehearsal.house import free_ports
from tests.waiting import PATIENCE_S, wait_for


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
            wait_for(lambda: _answers(port), "the Redis server")
            yield f"redis://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(PATIENCE_S)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            pass
    except OSError:
        return False
    return True
