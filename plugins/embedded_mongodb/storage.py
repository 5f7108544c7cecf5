# ruff: noqa: S608 - only our own table numbers are put into the text of a statement
"""Collections, indexes and documents as rows of SQLite tables, with a checksum on each.

Documents are BSON blobs in a table per collection, indexes are key tables (see
`indexes.Index.keys`). The catalog in memory is replaced, never changed, and only together with
the commit that changes it.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

from .bsonkeys import Range, encode
from .catalog import Collection
from .documents import MAX_DOCUMENT, decode_document, encode_document
from .errors import CommandError, require
from .indexes import Index, entry_checksum
from .transactions import PAGE_SIZE, Transactions

Document = dict[str, Any]
_TOO_LARGE = f"a document may have {MAX_DOCUMENT} bytes"
# About how much log a change costs beside the document: a few pages of tables and indexes.
_OVERHEAD = 3 * PAGE_SIZE
_FIRST_CHUNK, _LARGEST_FIRST, _LARGEST_CHUNK, _CHUNK_BYTES = 16, 64, 256, 1_000_000


class Storage(Transactions):
    """The rows of a database file. What changes them belongs in a block of `write`."""

    # Collections and indexes

    def collection(self, db: str, name: str) -> Collection:
        """Return a collection within a write transaction, made when it does not exist yet."""
        found = self.writing_catalog.find(db, name)
        if found is not None:
            return found
        check_namespace(db, name)
        number = self.execute("INSERT INTO collections (db, name) VALUES (?, ?)", (db, name))
        made = Collection(number.lastrowid or 0, db, name)
        self.execute(
            f"CREATE TABLE d{made.id} (row INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, "
            "crc INTEGER NOT NULL, doc BLOB NOT NULL)"
        )
        self.writing_catalog = self.writing_catalog.with_collection(made)
        return made

    def drop(self, collection: Collection) -> None:
        """Remove a collection with its documents and indexes."""
        for index in collection.indexes:
            self._drop_index_rows(index)
        self.execute(f"DROP TABLE d{collection.id}")
        self.execute("DELETE FROM collections WHERE id = ?", (collection.id,))
        self.writing_catalog = self.writing_catalog.without(collection)

    def rename(self, collection: Collection, db: str, name: str) -> None:
        """Give a collection another name, in the same or another database."""
        sql = "UPDATE collections SET db = ?, name = ? WHERE id = ?"
        self.execute(sql, (db, name, collection.id))
        self.writing_catalog = self.writing_catalog.without(collection).with_collection(
            Collection(collection.id, db, name, collection.indexes)
        )

    def create_index(self, collection: Collection, spec: Document) -> Collection:
        """Build an index over the documents that are there. Raises DuplicateKey."""
        sql = "INSERT INTO indexes (collection, spec) VALUES (?, ?)"
        number = self.execute(sql, (collection.id, encode_document(spec))).lastrowid
        index = Index(number or 0, spec)
        key = "key" if index.unique else "key, row"
        self.execute(
            f"CREATE TABLE x{index.id} (key BLOB NOT NULL, row INTEGER NOT NULL, "
            f"crc INTEGER NOT NULL, PRIMARY KEY ({key})) WITHOUT ROWID"
        )
        collection = collection.with_index(index)
        self.writing_catalog = self.writing_catalog.with_collection(collection)
        multikey = False
        for row, raw in self.scan(collection):
            keys, of_array = index.keys(decode_document(raw))
            self._add_keys(collection, index, row, keys)
            multikey = multikey or of_array
        return self._mark_multikey(collection, index) if multikey else collection

    def drop_index(self, collection: Collection, index: Index) -> Collection:
        """Remove one index."""
        self._drop_index_rows(index)
        collection = collection.without_index(index)
        self.writing_catalog = self.writing_catalog.with_collection(collection)
        return collection

    def _drop_index_rows(self, index: Index) -> None:
        self.execute(f"DROP TABLE x{index.id}")
        self.execute("DELETE FROM indexes WHERE id = ?", (index.id,))

    def _mark_multikey(self, collection: Collection, index: Index) -> Collection:
        self.execute("UPDATE indexes SET multikey = 1 WHERE id = ?", (index.id,))
        current = self.writing_catalog.find(collection.db, collection.name) or collection
        marked = current.with_index(index.as_multikey())
        self.writing_catalog = self.writing_catalog.with_collection(marked)
        return marked

    # Documents

    def insert(self, collection: Collection, document: Document) -> None:
        """Add a document that has an `_id`. Raises DuplicateKey, BSONObjectTooLarge."""
        raw = encode_document(document)
        require(len(raw) <= MAX_DOCUMENT, "BSONObjectTooLarge", _TOO_LARGE)
        self._written += len(raw) + _OVERHEAD
        sql = f"INSERT INTO d{collection.id} (id, crc, doc) VALUES (?, ?, ?)"
        parameters = (encode(document["_id"]), zlib.crc32(raw), raw)
        with self.undo_on_error() if collection.indexes else nullcontext():
            try:
                row = self.execute(sql, parameters).lastrowid or 0
            except sqlite3.IntegrityError:
                raise _duplicate(collection, "_id_", {"_id": 1}, {"_id": document["_id"]}) from None
            for index in collection.indexes:
                self._index_row(collection, index, row, set(), document)

    def replace(
        self,
        collection: Collection,
        row: int,
        old: bytes,
        new: Document,
        raw: bytes,
        touched: frozenset[str] | None = None,
    ) -> None:
        """Put a document (`raw` when encoded) in the place of `old` with the same `_id`.

        `touched` are the top-level fields that may differ, None when any may.
        """
        require(len(raw) <= MAX_DOCUMENT, "Location17419", _TOO_LARGE)
        self._written += len(raw) + _OVERHEAD
        sql = f"UPDATE d{collection.id} SET crc = ?, doc = ? WHERE row = ?"
        affected = [index for index in collection.indexes if index.depends_on(touched)]
        before = decode_document(old) if affected else {}
        with self.undo_on_error() if affected else nullcontext():
            self.execute(sql, (zlib.crc32(raw), raw, row))
            for index in affected:
                self._index_row(collection, index, row, index.keys(before)[0], new)

    def delete(self, collection: Collection, row: int, document: Document) -> None:
        """Remove a document."""
        self._written += _OVERHEAD
        for index in collection.indexes:
            self._remove_keys(index, row, index.keys(document)[0])
        self.execute(f"DELETE FROM d{collection.id} WHERE row = ?", (row,))

    def _index_row(
        self, collection: Collection, index: Index, row: int, before: set[bytes], document: Document
    ) -> None:
        keys, multikey = index.keys(document)
        self._remove_keys(index, row, before - keys)
        self._add_keys(collection, index, row, keys - before)
        if multikey and not index.multikey:
            self._mark_multikey(collection, index)

    def _remove_keys(self, index: Index, row: int, keys: set[bytes]) -> None:
        for key in keys:
            self.execute(f"DELETE FROM x{index.id} WHERE key = ? AND row = ?", (key, row))

    def _add_keys(self, collection: Collection, index: Index, row: int, keys: set[bytes]) -> None:
        sql = f"INSERT INTO x{index.id} (key, row, crc) VALUES (?, ?, ?)"
        for key in keys:
            try:
                self.execute(sql, (key, row, entry_checksum(key, row)))
            except sqlite3.IntegrityError:
                pattern, values = index.spec["key"], index.values_of(key)
                raise _duplicate(collection, index.name, pattern, values) from None

    def fetch_by_id(self, collection: Collection, key: bytes) -> tuple[int, bytes] | None:
        """Return row and encoded document of an `_id` key."""
        sql = f"SELECT row, crc, doc FROM d{collection.id} WHERE id = ?"
        found = self.execute(sql, (key,)).fetchone()
        return None if found is None else (found[0], _verified(collection, *found))

    def scan(self, collection: Collection) -> Iterator[tuple[int, bytes]]:
        """Yield row and document of all rows in insertion order; see `in_chunks`."""
        sql = f"SELECT row, crc, doc FROM d{collection.id} WHERE row > ? ORDER BY row LIMIT ?"

        def read(last: tuple[Any, ...] | None, size: int) -> list[tuple[Any, ...]]:
            return self.execute(sql, (last[0] if last else 0, size)).fetchall()

        return self.in_chunks(collection, read, _FIRST_CHUNK)

    def in_range(
        self, collection: Collection, index: Index | None, keys: Range, backward: bool, first: int
    ) -> Iterator[tuple[int, bytes]]:
        """Yield row and document in the order of an index's keys (None: of `_id`).

        `first` says how many will be looked at, as far as is known. See `in_chunks`.
        """
        key, source = "d.id", f"d{collection.id} d"
        if index is not None:
            # CROSS tells SQLite to begin with the index.
            key, source = "x.key", f"x{index.id} x CROSS JOIN d{collection.id} d ON d.row = x.row"
        order, beyond, bound = ("DESC", "<", ">=") if backward else ("ASC", ">", "<")
        row = f"{key[0]}.row"
        select = f"SELECT {key}, d.row, d.crc, d.doc FROM {source} WHERE"
        tail = f"ORDER BY {key} {order}, {row} {order} LIMIT ?"
        begin = f"{select} {key} >= ? AND {key} < ? {tail}"
        go_on = f"{select} ({key}, {row}) {beyond} (?, ?) AND {key} {bound} ? {tail}"
        edge = keys[0] if backward else keys[1]

        def read(last: tuple[Any, ...] | None, size: int) -> list[tuple[Any, ...]]:
            if last is None:
                return self.execute(begin, (*keys, size)).fetchall()
            return self.execute(go_on, (last[0], last[1], edge, size)).fetchall()

        return self.in_chunks(collection, read, min(first or _FIRST_CHUNK, _LARGEST_FIRST))

    def in_chunks(
        self,
        collection: Collection,
        read: Callable[[tuple[Any, ...] | None, int], list[tuple[Any, ...]]],
        size: int,
    ) -> Iterator[tuple[int, bytes]]:
        """Yield row and document a chunk at a time, so that no statement stays open.

        `read` fetches up to so many records, which end in row, checksum and document, beyond the
        last one; it may be gone on with in a later snapshot.
        """
        last: tuple[Any, ...] | None = None
        while True:
            command, records = self.command, read(last, size)
            for last in records:
                row, crc, raw = last[-3:]
                yield row, _verified(collection, row, crc, raw)
                if self.command != command:
                    break  # resumed by a later command: what was read ahead is out of date
            else:
                if len(records) < size:
                    return
                # Few at a time when documents are large (file chunks), many when small.
                average = sum(len(record[-1]) for record in records) // size
                size = max(4, min(_LARGEST_CHUNK, _CHUNK_BYTES // (average + 1)))

    def count(self, collection: Collection) -> int:
        """Return the number of documents."""
        return int(self.execute(f"SELECT count(*) FROM d{collection.id}").fetchone()[0])


def check_namespace(db: str, name: str) -> None:
    """Raise InvalidNamespace for a name that a collection cannot have."""
    fits = db and name and not {"\0", "$"} & set(name) and not name.startswith(".")
    require(fits, "InvalidNamespace", f"Invalid namespace specified '{db}.{name}'")


def _verified(collection: Collection, row: int, crc: int, raw: bytes) -> bytes:
    if zlib.crc32(raw) != crc:
        message = f"{collection.namespace}, row {row}, is damaged"
        raise CommandError("DataCorruptionDetected", message)
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
