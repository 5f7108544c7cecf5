"""What is hurt: a second media node, and the place where segments are stored."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from proctorhub.cli.keeper import die_with_parent
from proctorhub.cli.rehearsal.person import Person

NAME = "second"
START_S = 60.0


class SecondNode:
    """A media node beside the one that `proctorhub run` keeps."""

    def __init__(self, data_dir: Path, url: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._log = data_dir / f"{NAME}.log"
        self._environment = {
            **os.environ,
            "PROCTORHUB_DATA_DIR": str(data_dir),
            "PROCTORHUB_PORT": url.rsplit(":", 1)[1],
            "PROCTORHUB_MEDIA_PORT": str(self.port),
            "PROCTORHUB_MEDIA_NODE_ID": NAME,
        }
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self, admin: Person) -> None:
        """Start it and wait until the control plane knows it. Raises TimeoutError."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "proctorhub", "media"],
                env=self._environment,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
            )
        async with asyncio.timeout(START_S):
            while not await self._alive(admin):
                await asyncio.sleep(0.2)

    async def _alive(self, admin: Person) -> bool:
        nodes = (await admin.call("GET", "/nodes"))["items"]
        return any(node["id"] == NAME and node["alive"] for node in nodes)

    def kill(self) -> float:
        """`kill -9`; return when, UTC seconds."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        at = time.time()
        self._process.wait(10)
        return at

    def stop(self) -> None:
        """SIGTERM, and wait."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(40)


class Storage:
    """The local blob store's folder; while it is away a file is in its place."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "storage" / "blobs"

    def away(self) -> None:
        """Let every write fail."""
        self._folder.rename(self._folder.with_suffix(".away"))
        self._folder.touch()

    def back(self) -> None:
        """Let writes succeed again."""
        self._folder.unlink()
        self._folder.with_suffix(".away").rename(self._folder)
