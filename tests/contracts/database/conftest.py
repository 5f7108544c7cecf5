from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import PyMongoError

from tests.waiting import PATIENCE_S

MODULE = "proctorhub_plugins.embedded_mongodb"


@pytest.fixture
def db(mongodb_uri: str) -> Iterator[Database[dict[str, Any]]]:
    """An empty database on the server under test, embedded or not."""
    name = f"contract_{uuid.uuid4().hex[:12]}"
    with MongoClient(mongodb_uri, maxPoolSize=100) as client:
        yield client[name]
        client.drop_database(name)


class EmbeddedServer:
    """The embedded server as a process of its own."""

    def __init__(self, folder: Path, *options: str, db: str = "test.db") -> None:
        self.db = folder / db
        self.socket = folder / "db.sock"
        self.uri = "mongodb://" + quote(str(self.socket), safe="")
        command = [sys.executable, "-m", MODULE, "--db", str(self.db), "--socket", str(self.socket)]
        self.process = subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True)
        self.client: MongoClient[dict[str, Any]] = MongoClient(
            self.uri, serverSelectionTimeoutMS=2000, retryWrites=False
        )

    def ready(self) -> EmbeddedServer:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                self.client.admin.command("ping")
                return self
            except PyMongoError:
                assert self.process.poll() is None, self.process.communicate()[1]
                assert time.monotonic() < deadline, "the server does not answer"

    def stop(self) -> int:
        """Stop the process, if it has not ended, and return its exit status."""
        self.client.close()
        if self.process.returncode is None:
            self.process.terminate()
            self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's name (107 bytes at most)."""
    with tempfile.TemporaryDirectory(prefix="ph-") as folder:
        yield Path(folder)


@pytest.fixture
def start(short_path: Path) -> Iterator[Callable[..., EmbeddedServer]]:
    """Start embedded servers on one folder; those left are stopped at the end."""
    with ExitStack() as stack:

        def start_server(*options: str, db: str = "test.db") -> EmbeddedServer:
            server = EmbeddedServer(short_path, *options, db=db)
            stack.callback(server.stop)
            return server

        yield start_server


def alive(process_id: int) -> bool:
    """Tell whether a process that is not our child still runs."""
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
