"""Further media nodes beside the one that `proctorhub run` keeps."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from proctorhub.cli.keeper import die_with_parent
from proctorhub.cli.rehearsal.house import free_ports
from tests.e2e.conftest import Server
from tests.waiting import PATIENCE_S, wait_for


class ExtraNode:
    """A media node of an installation, started and killed by hand."""

    def __init__(self, server: Server, name: str) -> None:
        self.server = server
        self.id = name
        (self.port,) = free_ports(1)
        self.log: Path = server.data_dir / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until the control plane knows it."""
        environment = {
            **self.server.environment,
            "PROCTORHUB_PORT": self.server.url.rsplit(":", 1)[1],
            "PROCTORHUB_MEDIA_PORT": str(self.port),
            "PROCTORHUB_MEDIA_NODE_ID": self.id,
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "proctorhub", "media"],
                env=environment,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
            )
        wait_for(lambda: self.state()["alive"], f"node {self.id}")

    def state(self) -> dict[str, Any]:
        """Return what the control plane says of it."""
        found = self.server.api("GET", "/nodes")["items"]
        return next((node for node in found if node["id"] == self.id), {"alive": False})

    def kill(self) -> float:
        """`kill -9`; returns when, UTC seconds."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        at = time.time()
        self.process.wait(PATIENCE_S)
        return at

    def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(PATIENCE_S)
