# ruff: noqa: S608 - only our own table numbers are put into the text of a statement
"""Finding damage: SQLite's own check of the file, and the checksum of every document."""

from __future__ import annotations

import sqlite3
import zlib
from pathlib import Path


class DamagedFile(Exception):
    """The database file is damaged; the text is one line that says where."""


def check_file(path: Path) -> None:
    """Check a database file that no server has open. Raises DamagedFile."""
    if not path.exists() or path.stat().st_size == 0:
        return
    try:
        connection = sqlite3.connect(path)
        try:
            _check(path, connection)
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise DamagedFile(f"{path} is damaged: {error}. Restore a backup") from None


def _check(path: Path, connection: sqlite3.Connection) -> None:
    finding = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if finding != "ok":
        raise DamagedFile(f"{path} is damaged: {' '.join(finding.split())}. Restore a backup")
    tables = connection.execute("SELECT id, db, name FROM collections").fetchall()
    for number, db, name in tables:
        for row, crc, raw in connection.execute(f"SELECT row, crc, doc FROM d{number}"):
            if zlib.crc32(raw) != crc:
                raise DamagedFile(
                    f"{path} is damaged: a document of {db}.{name} (row {row}) has changed. "
                    "Restore a backup"
                )
