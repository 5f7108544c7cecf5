# ruff: noqa: S608 - only our own table numbers are put into the text of a statement
"""The SQLite file: transactions, snapshots, rows with checksums, and nothing about queries.

One connection writes, under a lock; commands that read borrow a connection each and see one WAL
snapshot. Documents are BSON blobs in a table per collection, indexes
are key tables (see `indexes.Index.keys`). The catalog in memory is replaced, never changed, and
only together with the commit that changes it.
"""

from __future__ import annotations

import itertools
import sqlite3
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .bsonkeys import encode
from .catalog import Catalog, Collection
from .documents import MAX_DOCUMENT, decode_document, encode_document
from .errors import CommandError
from .indexes import Index

Document = dict[str, Any]
PAGE_SIZE = 8192
_SCHEMA_VERSION = 1
_SCHEMA = f"""
    CREATE TABLE IF NOT EXISTS collections (
        id INTEGER PRIMARY KEY AUTOINCREMENT, db TEXT NOT NULL, name TEXT NOT NULL,
        UNIQUE (db, name));
    CREATE TABLE IF NOT EXISTS indexes (
        id INTEGER PRIMARY KEY AUTOINCREMENT, collection INTEGER NOT NULL, spec BLOB NOT NULL,
        multikey INTEGER NOT NULL DEFAULT 0);
    PRAGMA user_version = {_SCHEMA_VERSION};
"""
# The log is begun anew beyond this, and after a burst its file is cut back to it.
_LOG_LIMIT = 4 << 20
_KEPT_READERS = 8
_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


class StorageError(Exception):
    """The file cannot be used; the text is one line that says why."""


class Storage:
    """A database file. `sync` is SQLite's `synchronous`: FULL, NORMAL or OFF."""

    def __init__(self, path: Path, sync: str = "FULL") -> None:
        self.path = path
        self._writer = self._connect(writing=True)
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
        if version > _SCHEMA_VERSION:
            raise StorageError(f"{path} was written by a newer version (schema {version})")
        self._writer.executescript(_SCHEMA)
        self.catalog = Catalog.load(self._writer)
        self._pending: Catalog | None = None
        self.log_bytes = 0
        """About how much was committed to the log since the last checkpoint."""
        self._written = 0
        self._write_lock = threading.Lock()
        self._schema_lock = threading.Lock()
        self._local = threading.local()
        self._commands = itertools.count()
        self._readers: list[sqlite3.Connection] = []

    def _connect(self, writing: bool) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, isolation_level=None, cached_statements=512, check_same_thread=False
        )
        connection.execute("PRAGMA busy_timeout = 10000")
        connection.execute(f"PRAGMA cache_size = {-65536 if writing else -32768}")
        return connection

    def close(self) -> None:
        """Fold the log into the file and close it. Waits for a write in progress."""
        with self._write_lock:
            while self._readers:
                self._readers.pop().close()
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._writer.close()

    def read(self) -> _Reading:
        """Run a command on one snapshot of the data, and the catalog that belongs to it."""
        return _Reading(self)

    def read_one(self) -> _Reading:
        """Run a single statement, which is a snapshot in itself.

        The catalog may just have been replaced: a table may be gone (`is_gone` tells).
        """
        return _Reading(self, single=True)

    def write(self) -> _Writing:
        """Run a command as one transaction; it is durable when the block has been left."""
        return _Writing(self)

    def _begin(self, connection: sqlite3.Connection) -> None:
        self._local.current = connection
        self._local.command = next(self._commands)

    def _take_reader(self) -> sqlite3.Connection:
        """Return the reading connection that was used last, so that its cache is of use."""
        try:
            return self._readers.pop()
        except IndexError:
            made = self._connect(writing=False)
            made.execute("PRAGMA query_only = ON")
            return made

    def _put_back(self, reader: sqlite3.Connection) -> None:
        if len(self._readers) < _KEPT_READERS:
            self._readers.append(reader)
        else:
            reader.close()

    @property
    def writing_catalog(self) -> Catalog:
        """The catalog as the running write transaction sees it."""
        return self._pending or self.catalog

    @contextmanager
    def undo_on_error(self) -> Iterator[None]:
        """Make one statement of a write transaction take effect wholly or not at all."""
        run = self._writer.execute
        run("SAVEPOINT statement")
        pending = self._pending
        try:
            yield
        except BaseException:
            if self._writer.in_transaction:
                run("ROLLBACK TO statement")
                run("RELEASE statement")
            self._pending = pending
            raise
        run("RELEASE statement")

    @property
    def command(self) -> int:
        """A number that changes with every block of reading or writing in this thread."""
        return int(self._local.command)

    def execute(self, sql: str, parameters: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        """Run a statement on the connection of the command in progress."""
        return self._local.current.execute(sql, parameters)

    # Space

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
        """Copy the log into the file while clients go on.

        They have to wait only when the log has grown long: its rest is then copied with the
        write lock held, so that it can be begun anew. Writing over an old log is much cheaper to
        sync than one that grows.
        """
        self.log_bytes = 0
        reader = self._take_reader()
        _, pages, _ = reader.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if pages * PAGE_SIZE > _LOG_LIMIT:
            with self._write_lock:
                reader.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        self._put_back(reader)

    # Collections and indexes

    def collection(self, db: str, name: str) -> Collection:
        """Return a collection within a write transaction, made when it does not exist yet."""
        found = self.writing_catalog.find(db, name)
        if found is not None:
            return found
        if not db or not name or "\0" in name or "$" in name or name.startswith("."):
            raise CommandError("InvalidNamespace", f"Invalid namespace specified '{db}.{name}'")
        number = self.execute("INSERT INTO collections (db, name) VALUES (?, ?)", (db, name))
        made = Collection(number.lastrowid or 0, db, name)
        self.execute(
            f"CREATE TABLE d{made.id} (row INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, "
            "crc INTEGER NOT NULL, doc BLOB NOT NULL)"
        )
        self._pending = self.writing_catalog.with_collection(made)
        return made

    def drop(self, collection: Collection) -> None:
        """Remove a collection with its documents and indexes."""
        for index in collection.indexes:
            self._drop_index_rows(index)
        self.execute(f"DROP TABLE d{collection.id}")
        self.execute("DELETE FROM collections WHERE id = ?", (collection.id,))
        self._pending = self.writing_catalog.without(collection)

    def rename(self, collection: Collection, db: str, name: str) -> None:
        """Give a collection another name, in the same or another database."""
        self.execute(
            "UPDATE collections SET db = ?, name = ? WHERE id = ?", (db, name, collection.id)
        )
        self._pending = self.writing_catalog.without(collection).with_collection(
            Collection(collection.id, db, name, collection.indexes)
        )

    def create_index(self, collection: Collection, spec: Document) -> Collection:
        """Build an index over the documents that are there. Raises DuplicateKey."""
        number = self.execute(
            "INSERT INTO indexes (collection, spec) VALUES (?, ?)",
            (collection.id, encode_document(spec)),
        ).lastrowid
        index = Index(number or 0, spec)
        key = "key" if index.unique else "key, row"
        self.execute(
            f"CREATE TABLE x{index.id} (key BLOB NOT NULL, row INTEGER NOT NULL, "
            f"PRIMARY KEY ({key})) WITHOUT ROWID"
        )
        collection = collection.with_index(index)
        self._pending = self.writing_catalog.with_collection(collection)
        for row, raw in self.scan(collection):
            keys, multikey = index.keys(decode_document(raw))
            self._add_keys(collection, index, row, keys)
            if multikey and not index.multikey:
                index, collection = self._mark_multikey(collection, index)
        return collection

    def set_expiry(self, collection: Collection, index: Index, seconds: float) -> None:
        """Change after how long a TTL index removes documents."""
        spec = {**index.spec, "expireAfterSeconds": seconds}
        self.execute("UPDATE indexes SET spec = ? WHERE id = ?", (encode_document(spec), index.id))
        changed = Index(index.id, spec, index.multikey)
        self._pending = self.writing_catalog.with_collection(collection.with_index(changed))

    def drop_index(self, collection: Collection, index: Index) -> Collection:
        """Remove one index."""
        self._drop_index_rows(index)
        collection = collection.without_index(index)
        self._pending = self.writing_catalog.with_collection(collection)
        return collection

    def _drop_index_rows(self, index: Index) -> None:
        self.execute(f"DROP TABLE x{index.id}")
        self.execute("DELETE FROM indexes WHERE id = ?", (index.id,))

    def _mark_multikey(self, collection: Collection, index: Index) -> tuple[Index, Collection]:
        self.execute("UPDATE indexes SET multikey = 1 WHERE id = ?", (index.id,))
        current = self.writing_catalog.find(collection.db, collection.name) or collection
        marked = index.as_multikey()
        collection = current.with_index(marked)
        self._pending = self.writing_catalog.with_collection(collection)
        return marked, collection

    # Documents

    def insert(self, collection: Collection, document: Document) -> None:
        """Add a document that has an `_id`. Raises DuplicateKey, BSONObjectTooLarge."""
        raw = encode_document(document)
        if len(raw) > MAX_DOCUMENT:
            raise CommandError("BSONObjectTooLarge", f"BSONObj size: {len(raw)} is invalid")
        if collection.indexes:
            with self.undo_on_error():
                row = self._insert_row(collection, document, raw)
                for index in collection.indexes:
                    self._index_row(collection, index, row, set(), index.keys(document))
        else:
            self._insert_row(collection, document, raw)

    def _insert_row(self, collection: Collection, document: Document, raw: bytes) -> int:
        self._written += len(raw) + 3 * PAGE_SIZE
        try:
            return (
                self.execute(
                    f"INSERT INTO d{collection.id} (id, crc, doc) VALUES (?, ?, ?)",
                    (encode(document["_id"]), zlib.crc32(raw), raw),
                ).lastrowid
                or 0
            )
        except sqlite3.IntegrityError:
            raise _duplicate(collection, "_id_", {"_id": 1}, {"_id": document["_id"]}) from None

    def replace(
        self,
        collection: Collection,
        row: int,
        old: Document,
        new: Document,
        raw: bytes,
        touched: frozenset[str] | None = None,
    ) -> None:
        """Put a document (`raw` when encoded) in the place of another with the same `_id`.

        `touched` are the top-level fields that may differ, None when any may.
        """
        if len(raw) > MAX_DOCUMENT:
            raise CommandError(
                "Location17419", "Resulting document after update is larger than 16777216"
            )
        self._written += len(raw) + 3 * PAGE_SIZE
        sql = f"UPDATE d{collection.id} SET crc = ?, doc = ? WHERE row = ?"
        parameters = (zlib.crc32(raw), raw, row)
        affected = [index for index in collection.indexes if index.depends_on(touched)]
        if not affected:
            self.execute(sql, parameters)
            return
        with self.undo_on_error():
            self.execute(sql, parameters)
            for index in affected:
                self._index_row(collection, index, row, index.keys(old)[0], index.keys(new))

    def delete(self, collection: Collection, row: int, document: Document) -> None:
        """Remove a document."""
        self._written += 3 * PAGE_SIZE
        for index in collection.indexes:
            self._remove_keys(index, row, index.keys(document)[0])
        self.execute(f"DELETE FROM d{collection.id} WHERE row = ?", (row,))

    def _index_row(
        self,
        collection: Collection,
        index: Index,
        row: int,
        old: set[bytes],
        new: tuple[set[bytes], bool],
    ) -> None:
        keys, multikey = new
        self._remove_keys(index, row, old - keys)
        self._add_keys(collection, index, row, keys - old)
        if multikey and not index.multikey:
            self._mark_multikey(collection, index)

    def _remove_keys(self, index: Index, row: int, keys: set[bytes]) -> None:
        for key in keys:
            self.execute(f"DELETE FROM x{index.id} WHERE key = ? AND row = ?", (key, row))

    def _add_keys(self, collection: Collection, index: Index, row: int, keys: set[bytes]) -> None:
        for key in keys:
            try:
                self.execute(f"INSERT INTO x{index.id} (key, row) VALUES (?, ?)", (key, row))
            except sqlite3.IntegrityError:
                raise _duplicate(
                    collection, index.name, index.spec["key"], index.values_of(key)
                ) from None

    def fetch(self, collection: Collection, row: int) -> bytes | None:
        """Return an encoded document, None when it is gone. Raises DataCorruptionDetected."""
        found = self.execute(
            f"SELECT crc, doc FROM d{collection.id} WHERE row = ?", (row,)
        ).fetchone()
        return None if found is None else _verified(collection, row, *found)

    def fetch_by_id(self, collection: Collection, key: bytes) -> tuple[int, bytes] | None:
        """Return row and encoded document of an `_id` key."""
        found = self.execute(
            f"SELECT row, crc, doc FROM d{collection.id} WHERE id = ?", (key,)
        ).fetchone()
        if found is None:
            return None
        return found[0], _verified(collection, *found)

    def scan(self, collection: Collection) -> Iterator[tuple[int, bytes]]:
        """Yield all rows in insertion order; may be resumed in a later snapshot."""
        sql = f"SELECT row, crc, doc FROM d{collection.id} WHERE row > ? ORDER BY row LIMIT ?"
        last, size = 0, 16
        while True:
            command, rows = self.command, self.execute(sql, (last, size)).fetchall()
            for last, crc, raw in rows:
                yield last, _verified(collection, last, crc, raw)
                if self.command != command:
                    break  # resumed by a later command: what was read ahead is out of date
            else:
                if len(rows) < size:
                    return
                # Few at a time when documents are large (file chunks), many when small.
                average = sum(len(raw) for _, _, raw in rows) // len(rows)
                size = max(4, min(256, 1_000_000 // (average + 1)))

    def count(self, collection: Collection) -> int:
        """Return the number of documents."""
        return int(self.execute(f"SELECT count(*) FROM d{collection.id}").fetchone()[0])

    def size(self, collection: Collection) -> tuple[int, int]:
        """Return the number of documents and their bytes."""
        sql = f"SELECT count(*), total(length(doc)) FROM d{collection.id}"
        total, size = self.execute(sql).fetchone()
        return total, int(size)


class _Reading:
    """The block of `Storage.read`; a class, for the sake of speed."""

    def __init__(self, storage: Storage, single: bool = False) -> None:
        self._storage = storage
        self._single = single

    def __enter__(self) -> Catalog:
        storage = self._storage
        connection = self._connection = storage._take_reader()
        storage._begin(connection)
        if self._single:
            return storage.catalog
        with storage._schema_lock:
            catalog = storage.catalog
            connection.execute("BEGIN")
            # The snapshot only begins with the first statement that reads.
            connection.execute("SELECT 1 FROM collections LIMIT 1").fetchone()
        return catalog

    def __exit__(self, *exception: object) -> None:
        if not self._single:
            self._connection.execute("COMMIT")
        self._storage._put_back(self._connection)


class _Writing:
    """The block of `Storage.write`."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def __enter__(self) -> None:
        storage = self._storage
        storage._write_lock.acquire()
        try:
            storage._begin(storage._writer)
            storage._pending, storage._written = None, 0
            storage._writer.execute("BEGIN IMMEDIATE")
        except BaseException:
            storage._write_lock.release()
            raise

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        storage = self._storage
        try:
            if kind is None:
                self._commit()
        finally:
            # Not committed: because of an error in the block, or in the commit itself.
            if storage._writer.in_transaction:
                storage._writer.execute("ROLLBACK")
            storage._pending = None
            storage._write_lock.release()

    def _commit(self) -> None:
        storage = self._storage
        if storage._pending is None:
            storage._writer.execute("COMMIT")
        else:
            with storage._schema_lock:
                storage._writer.execute("COMMIT")
                storage.catalog = storage._pending
        storage.log_bytes += storage._written


def _verified(collection: Collection, row: int, crc: int, raw: bytes) -> bytes:
    if zlib.crc32(raw) != crc:
        raise CommandError(
            "DataCorruptionDetected",
            f"a stored document of {collection.namespace} is damaged (row {row})",
        )
    return raw


def _duplicate(
    collection: Collection, name: str, pattern: Document, values: Document
) -> CommandError:
    shown = ", ".join(f"{key}: {value!r}" for key, value in values.items())
    return CommandError(
        "DuplicateKey",
        f"E11000 duplicate key error collection: {collection.namespace} index: {name} "
        f"dup key: {{ {shown} }}",
        keyPattern=pattern,
        keyValue=values,
    )


def is_gone(error: sqlite3.Error) -> bool:
    """Tell whether a statement failed because its collection has been dropped meanwhile."""
    return str(error).startswith("no such table")


def storage_failure(error: sqlite3.Error) -> CommandError:
    """Return what a client is told of a failure in SQLite."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _FULL:
        return CommandError("OutOfDiskSpace", f"cannot write to the database file: {error}")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return CommandError("DataCorruptionDetected", f"the database file is damaged: {error}")
    return CommandError("InternalError", f"storage: {error}")
