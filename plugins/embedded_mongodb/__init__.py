"""The embedded database: a MongoDB-compatible server on one SQLite file, for a single machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote


class EmbeddedDatabase:
    """The `Database` plugin that the platform spawns when no MongoDB is configured."""

    api_version = 1

    def command(self, db_path: Path, socket_path: Path) -> Sequence[str]:
        """Return the argv of the server, which ends with the process that calls this."""
        return [
            *_module(),
            *("--db", str(db_path), "--socket", str(socket_path), "--parent", str(os.getpid())),
        ]

    def backup_command(self, db_path: Path, to: Path) -> Sequence[str]:
        """Return the argv that copies the database, running or not, to a new file."""
        return [*_module(), "backup", "--db", str(db_path), "--to", str(to)]

    def uri(self, socket_path: Path) -> str:
        """Return the `mongodb://` URI of the server on a socket."""
        return "mongodb://" + quote(str(socket_path.absolute()), safe="")


def _module() -> list[str]:
    return [sys.executable, "-m", __name__]
