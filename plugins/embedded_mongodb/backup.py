"""Online backup: a consistent copy of the file while the server goes on writing to it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from .integrity import check_file
from .lock import FileHeld, FileLock
from .transactions import Transactions

_ANSWER_MS = 10_000


class BackupError(Exception):
    """The backup could not be made; the text is one line that says why."""


def back_up(source: Path, target: Path) -> None:
    """Copy a database file to `target`, checked and durable, or leave `target` as it was.

    The copy is one snapshot; restoring is putting it in the place of the file while no server
    runs. A server that has the file open makes the copy itself. Raises BackupError, DamagedFile.
    """
    if not source.is_file():
        raise BackupError(f"there is no database file {source}")
    os.umask(0o077)
    part = target.absolute().with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    try:
        _copy(source.resolve(), part)
        check_file(part)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(target)
        folder = os.open(target.absolute().parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    except (sqlite3.Error, PyMongoError) as error:
        raise BackupError(f"cannot back up {source}: {error}") from None
    finally:
        part.unlink(missing_ok=True)


def _copy(source: Path, part: Path) -> None:
    try:
        lock = FileLock(source)
    except FileHeld as held:
        if held.socket is None:
            raise BackupError(str(held)) from None
        uri = "mongodb://" + quote(str(held.socket), safe="")
        with MongoClient[dict[str, object]](uri, serverSelectionTimeoutMS=_ANSWER_MS) as server:
            server.admin.command("copyDatabaseFile", to=str(part))
        return
    try:
        file = Transactions(source)
        file.copy_to(part)
        file.close()
    finally:
        lock.release()
