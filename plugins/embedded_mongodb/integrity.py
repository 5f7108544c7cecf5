# ruff: noqa: S608 - only our own table numbers are put into the text of a statement
"""Finding damage: SQLite's own check of the file, and every checksum of ours."""

from __future__ import annotations

import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

from .indexes import entry_checksum
from .transactions import SCHEMA_VERSION, connect, is_damage


class DamagedFile(Exception):
    """The database file is damaged; the text is one line that says where."""


def check_file(path: Path) -> None:
    """Check a database file that no server has open. Raises DamagedFile.

    What else SQLite cannot do, as on a full disk, stays an error of SQLite's: it is no damage.
    """
    if not path.exists() or path.stat().st_size == 0:
        return
    try:
        with closing(connect(path)) as connection:
            _check(path, connection)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        raise DamagedFile(f"{path} is damaged: {error}. Restore a backup") from None


def _check(path: Path, connection: sqlite3.Connection) -> None:
    run = connection.execute
    finding = run("PRAGMA integrity_check(1)").fetchone()[0]
    if finding != "ok":
        raise DamagedFile(f"{path} is damaged: {' '.join(finding.split())}. Restore a backup")
    if run("PRAGMA user_version").fetchone()[0] != SCHEMA_VERSION:
        return  # whoever opens it says so
    for number, db, name in run("SELECT id, db, name FROM collections").fetchall():
        for row, crc, raw in run(f"SELECT row, crc, doc FROM d{number}"):
            if zlib.crc32(raw) != crc:
                what = f"a document of {db}.{name} (row {row})"
                raise DamagedFile(f"{path} is damaged: {what} has changed. Restore a backup")
        indexes = run("SELECT id FROM indexes WHERE collection = ?", (number,)).fetchall()
        for (index,) in indexes:
            for key, row, crc in run(f"SELECT key, row, crc FROM x{index}"):
                if entry_checksum(key, row) != crc:
                    what = f"an index entry of {db}.{name} (row {row})"
                    raise DamagedFile(f"{path} is damaged: {what} has changed. Restore a backup")
