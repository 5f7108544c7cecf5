"""One server per database file: a lock that the kernel drops with its holder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class FileHeld(Exception):
    """Another process holds the database file; the text is one line that says which."""


class FileLock:
    """An exclusive lock on `<file>.lock`, which names the holder's process id."""

    def __init__(self, database: Path) -> None:
        """Take the lock. Raises FileHeld."""
        # Not on the database itself: closing any descriptor of it would drop SQLite's own locks.
        path = database.with_name(database.name + ".lock")
        self._file = path.open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.seek(0)
            holder = self._file.read().strip() or "unknown"
            self._file.close()
            raise FileHeld(f"{database} is in use by the server with process id {holder}") from None
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()

    def release(self) -> None:
        """Give the lock up; the file stays, empty."""
        self._file.truncate(0)
        self._file.close()
