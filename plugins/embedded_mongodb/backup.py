"""Online backup: a consistent copy of the file while the server goes on writing to it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from .integrity import check_file


class BackupError(Exception):
    """The backup could not be made; the text is one line that says why."""


def back_up(source: Path, target: Path) -> None:
    """Copy a database file to `target`, checked and durable, or leave `target` as it was.

    The copy is one snapshot; restoring is putting it in the place of the file while no server
    runs. Raises BackupError, DamagedFile.
    """
    if not source.is_file():
        raise BackupError(f"there is no database file {source}")
    os.umask(0o077)
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    try:
        origin = sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)
        copy = sqlite3.connect(part)
        try:
            origin.backup(copy)
            # A file of its own, without a log beside it.
            copy.execute("PRAGMA journal_mode = DELETE")
        finally:
            copy.close()
            origin.close()
        check_file(part)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(target)
        folder = os.open(target.absolute().parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    except sqlite3.Error as error:
        raise BackupError(f"cannot back up {source}: {error}") from None
    finally:
        part.unlink(missing_ok=True)
