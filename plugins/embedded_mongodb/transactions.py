"""The SQLite file: one writer, many readers, snapshots, and the write-ahead log.

One connection writes, under a lock, and every block of writing is one transaction. Blocks that
read borrow a connection each and see one snapshot. A connection keeps its snapshot when it is put
back, and the next block that finds nothing written since begins without asking SQLite for one.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from .catalog import Catalog
from .errors import CommandError

PAGE_SIZE = 4096
SCHEMA_VERSION = 2
_SCHEMA = f"""
    CREATE TABLE collections (
        id INTEGER PRIMARY KEY AUTOINCREMENT, db TEXT NOT NULL, name TEXT NOT NULL,
        UNIQUE (db, name));
    CREATE TABLE indexes (
        id INTEGER PRIMARY KEY AUTOINCREMENT, collection INTEGER NOT NULL, spec BLOB NOT NULL,
        multikey INTEGER NOT NULL DEFAULT 0);
    PRAGMA user_version = {SCHEMA_VERSION};
"""
# Writing over an old log is cheaper to sync than growing it: its file is made this long at the
# start, and cut to the limit when it has been longer.
_LOG_SIZE, _LOG_LIMIT = 16 << 20, 32 << 20
_WRITER_CACHE_KIB, _READER_CACHE_KIB = 65536, 32768
_KEPT_READERS = 8


class StorageError(Exception):
    """The file cannot be used; the text is one line that says why."""


class _Reader:
    """A reading connection, and which state of the data its snapshot shows (None: no snapshot)."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.state: int | None = None
        self.catalog = Catalog({})

    def end_snapshot(self) -> None:
        if self.state is not None:
            self.state = None
            self.connection.execute("COMMIT")


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection of this process, which has the file to itself from then on.

    Its connections agree by memory, without file locks or a file for them (VFS "unix-excl").
    """
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?vfs=unix-excl", uri=True, isolation_level=None,
        cached_statements=512, check_same_thread=False, timeout=10,
    )  # fmt: skip


class Transactions:
    """A database file. `sync` is SQLite's `synchronous`: FULL, NORMAL or OFF."""

    def __init__(self, path: Path, sync: str = "FULL") -> None:
        self.path = path
        self._writer = self._connect(_WRITER_CACHE_KIB)
        run = self._writer.execute
        # auto_vacuum and page_size only take effect on a file that has no table yet.
        run(f"PRAGMA page_size = {PAGE_SIZE}")
        run("PRAGMA auto_vacuum = INCREMENTAL")
        run("PRAGMA journal_mode = WAL")
        run(f"PRAGMA synchronous = {sync}")
        run(f"PRAGMA journal_size_limit = {_LOG_LIMIT}")
        # Copying the log into the file takes long; the housekeeper does it, not a client's insert.
        run("PRAGMA wal_autocheckpoint = 0")
        version = run("PRAGMA user_version").fetchone()[0]
        if version not in (0, SCHEMA_VERSION):
            raise StorageError(f"{path} was written by another version (schema {version})")
        if version == 0:
            self._writer.executescript(_SCHEMA)
        if sync == "FULL":
            self._grow_log()
        self.catalog = Catalog.load(self._writer)
        self.writing_catalog = self.catalog
        """The catalog as the running write transaction sees it."""
        self.log_bytes = 0
        """About how much was committed to the log since the last checkpoint."""
        self._written = 0
        self._state = 0
        self._write_lock = threading.Lock()
        self._schema_lock = threading.Lock()
        self._local = threading.local()
        self._commands = itertools.count()
        self._readers: list[_Reader] = []

    def _connect(self, cache_kib: int) -> sqlite3.Connection:
        connection = connect(self.path)
        connection.execute(f"PRAGMA cache_size = -{cache_kib}")
        return connection

    def _grow_log(self) -> None:
        """Make the file of the log long; what follows its last valid frame means nothing."""
        log = self.path.with_name(f"{self.path.name}-wal")
        # On a full disk the log is short, and so are the writes that fit.
        with suppress(OSError), log.open("ab") as file:
            file.write(bytes(max(0, _LOG_SIZE - log.stat().st_size)))
            file.flush()
            os.fsync(file.fileno())

    def close(self) -> None:
        """Fold the log into the file and close it. Waits for a write in progress."""
        with self._write_lock:
            while self._readers:
                self._readers.pop().connection.close()
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._writer.close()

    # Blocks of reading and of writing

    def read(self) -> _Reading:
        """Run a block on one snapshot of the data, and the catalog that belongs to it."""
        return _Reading(self)

    @contextmanager
    def write(self) -> Iterator[None]:
        """Run a block as one transaction; it is durable when the block has been left."""
        with self._write_lock:
            self._begin(self._writer)
            self.writing_catalog, self._written = self.catalog, 0
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield
                # No snapshot may begin between a change of the schema and that of the catalog.
                same = self.writing_catalog is self.catalog
                with nullcontext() if same else self._schema_lock:
                    self._writer.execute("COMMIT")
                    self.catalog = self.writing_catalog
                    self._state += 1
                self.log_bytes += self._written
            finally:
                # Not committed: because of an error in the block, or in the commit itself.
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")

    @property
    def command(self) -> int:
        """A number that changes with every block of reading or writing in this thread."""
        return int(self._local.command)

    def execute(self, sql: str, parameters: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        """Run a statement on the connection of the block in progress."""
        connection: sqlite3.Connection = self._local.connection
        return connection.execute(sql, parameters)

    @contextmanager
    def undo_on_error(self) -> Iterator[None]:
        """Make one statement of a write transaction take effect wholly or not at all."""
        run, before = self._writer.execute, self.writing_catalog
        run("SAVEPOINT statement")
        try:
            yield
        except BaseException:
            self.writing_catalog = before
            if self._writer.in_transaction:
                run("ROLLBACK TO statement")
                run("RELEASE statement")
            raise
        run("RELEASE statement")

    def _begin(self, connection: sqlite3.Connection) -> None:
        self._local.connection = connection
        self._local.command = next(self._commands)

    def _take_reader(self) -> _Reader:
        """Return the reader that was used last, so that its cache is of use."""
        try:
            return self._readers.pop()
        except IndexError:
            made = self._connect(_READER_CACHE_KIB)
            made.execute("PRAGMA query_only = ON")
            return _Reader(made)

    def _renew(self, reader: _Reader) -> None:
        reader.end_snapshot()
        with self._schema_lock:
            reader.connection.execute("BEGIN")
            reader.state, reader.catalog = self._state, self.catalog
            # The snapshot only begins with the first statement that reads.
            reader.connection.execute("SELECT 1 FROM collections LIMIT 1").fetchone()

    def _put_back(self, reader: _Reader) -> None:
        if reader.state != self._state:
            reader.end_snapshot()
        if len(self._readers) < _KEPT_READERS:
            self._readers.append(reader)
        else:
            reader.connection.close()

    # The file

    def copy_to(self, target: Path) -> None:
        """Copy one snapshot of the file to a new file, while clients go on."""
        with (
            closing(self._connect(_READER_CACHE_KIB)) as origin,
            closing(sqlite3.connect(target)) as copy,
        ):
            origin.backup(copy)
            # A file of its own, without a log beside it.
            copy.execute("PRAGMA journal_mode = DELETE")

    def free_pages(self) -> int:
        """Return how many pages of the file hold nothing."""
        with self._write_lock:
            return int(self._writer.execute("PRAGMA freelist_count").fetchone()[0])

    def vacuum(self, pages: int) -> None:
        """Cut up to so many free pages off the file."""
        with self._write_lock:
            # A row without columns comes for each page; only a script is stepped through them all.
            self._writer.executescript(f"PRAGMA incremental_vacuum({pages})")

    def checkpoint(self) -> None:
        """Copy the log into the file, so that it can be begun anew.

        Clients go on while most of it is copied; the little that they add meanwhile is copied
        with the write lock held.
        """
        self.log_bytes = 0
        reader = self._take_reader()
        reader.end_snapshot()
        self._copy_log(reader)
        with self._write_lock:
            self._copy_log(reader)
            self._end_idle_snapshots()
        self._put_back(reader)

    def _copy_log(self, reader: _Reader) -> None:
        self._end_idle_snapshots()
        reader.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def _end_idle_snapshots(self) -> None:
        # Whoever holds a snapshot keeps what was written since in the log.
        idle = []
        while self._readers:
            idle.append(self._take_reader())
            idle[-1].end_snapshot()
        self._readers += idle


class _Reading:
    """The block of `Transactions.read`: a class because a generator would take longer."""

    def __init__(self, file: Transactions) -> None:
        self._file = file

    def __enter__(self) -> Catalog:
        file, reader = self._file, self._file._take_reader()
        self._reader = reader
        if reader.state != file._state:
            file._renew(reader)
        file._begin(reader.connection)
        return reader.catalog

    def __exit__(self, *exception: object) -> None:
        self._file._put_back(self._reader)


def storage_failure(error: sqlite3.Error) -> CommandError:
    """Return what a client is told of a failure in SQLite."""
    if _code(error) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return CommandError("OutOfDiskSpace", f"cannot write to the database file: {error}")
    if is_damage(error):
        return CommandError("DataCorruptionDetected", f"the database file is damaged: {error}")
    return CommandError("InternalError", f"storage: {error}")


def is_damage(error: sqlite3.Error) -> bool:
    """Tell whether a failure says that the file is not what was written."""
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
