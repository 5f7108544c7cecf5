"""One server per database file: a lock that the kernel drops with its holder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class FileHeld(Exception):
    """Another process holds the database file; the text is one line that says which.

    `socket` is where that process answers, None when it serves nobody.
    """

    def __init__(self, database: Path, holder: list[str]) -> None:
        number = holder[0] if holder else "unknown"
        super().__init__(f"{database} is in use by the server with process id {number}")
        self.socket = Path(holder[1]) if len(holder) > 1 else None


class FileLock:
    """An exclusive lock on `<file>.lock`, which names the holder's process id and socket."""

    def __init__(self, database: Path, socket: Path | None = None) -> None:
        """Take the lock. Raises FileHeld."""
        # Not on the database itself: closing any descriptor of it would drop SQLite's own locks.
        path = database.with_name(database.name + ".lock")
        self._file = path.open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.seek(0)
            holder = self._file.read().splitlines()
            self._file.close()
            raise FileHeld(database, holder) from None
        self._file.truncate(0)
        self._file.write("\n".join([str(os.getpid()), *([str(socket)] if socket else [])]))
        self._file.flush()

    def release(self) -> None:
        """Give the lock up; the file stays, empty."""
        self._file.truncate(0)
        self._file.close()
