"""A real Redis server for tests: on a Unix socket of its own, without a file on disk."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_S = 20.0


@contextmanager
def running() -> Iterator[str]:
    """Yield the server's URL."""
    with tempfile.TemporaryDirectory(prefix="ph-") as folder:
        path = Path(folder) / "redis.sock"
        arguments = ["--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no"]
        server = subprocess.Popen(
            ["redis-server", *arguments, "--dir", folder], stdout=subprocess.DEVNULL
        )
        try:
            deadline = time.monotonic() + START_S
            while not _answers(path):
                assert server.poll() is None and time.monotonic() < deadline, "no Redis server"
                time.sleep(0.02)
            yield f"unix://{path}"
        finally:
            server.terminate()
            server.wait(START_S)


def _answers(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(path))
    except OSError:
        return False
    return True
