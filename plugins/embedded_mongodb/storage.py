# ruff: noqa: S608 - only our own table numbers are put into the text of a statement
"""Collections, indexes and documents as rows of SQLite tables, with a checksum on each.

Documents are BSON blobs in a table per collection, indexes are key tables (see
`indexes.Index.keys`). The catalog in memory is replaced, never changed, and only together with
the commit that changes it.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from typing import Any

from .bsonkeys import encode
from .catalog import Collection
from .documents import MAX_DOCUMENT, decode_document, encode_document
from .errors import CommandError
from .indexes import Index, entry_checksum
from .transactions import PAGE_SIZE, Transactions

Document = dict[str, Any]


class Storage(Transactions):
    """The rows of a database file. What changes them belongs in a block of `write`."""

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
        self.execute(
            "UPDATE collections SET db = ?, name = ? WHERE id = ?", (db, name, collection.id)
        )
        self.writing_catalog = self.writing_catalog.without(collection).with_collection(
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
            f"crc INTEGER NOT NULL, PRIMARY KEY ({key})) WITHOUT ROWID"
        )
        collection = collection.with_index(index)
        self.writing_catalog = self.writing_catalog.with_collection(collection)
        for row, raw in self.scan(collection):
            keys, multikey = index.keys(decode_document(raw))
            self._add_keys(collection, index, row, keys)
            if multikey and not index.multikey:
                index, collection = self._mark_multikey(collection, index)
        return collection

    def drop_index(self, collection: Collection, index: Index) -> Collection:
        """Remove one index."""
        self._drop_index_rows(index)
        collection = collection.without_index(index)
        self.writing_catalog = self.writing_catalog.with_collection(collection)
        return collection

    def _drop_index_rows(self, index: Index) -> None:
        self.execute(f"DROP TABLE x{index.id}")
        self.execute("DELETE FROM indexes WHERE id = ?", (index.id,))

    def _mark_multikey(self, collection: Collection, index: Index) -> tuple[Index, Collection]:
        self.execute("UPDATE indexes SET multikey = 1 WHERE id = ?", (index.id,))
        current = self.writing_catalog.find(collection.db, collection.name) or collection
        marked = index.as_multikey()
        collection = current.with_index(marked)
        self.writing_catalog = self.writing_catalog.with_collection(collection)
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
        old: bytes,
        new: Document,
        raw: bytes,
        touched: frozenset[str] | None = None,
    ) -> None:
        """Put a document (`raw` when encoded) in the place of `old` with the same `_id`.

        `touched` are the top-level fields that may differ, None when any may.
        """
        if len(raw) > MAX_DOCUMENT:
            raise CommandError("Location17419", "the updated document is larger than 16777216")
        self._written += len(raw) + 3 * PAGE_SIZE
        sql = f"UPDATE d{collection.id} SET crc = ?, doc = ? WHERE row = ?"
        parameters = (zlib.crc32(raw), raw, row)
        affected = [index for index in collection.indexes if index.depends_on(touched)]
        if not affected:
            self.execute(sql, parameters)
            return
        before = decode_document(old)
        with self.undo_on_error():
            self.execute(sql, parameters)
            for index in affected:
                self._index_row(collection, index, row, index.keys(before)[0], index.keys(new))

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
        sql = f"INSERT INTO x{index.id} (key, row, crc) VALUES (?, ?, ?)"
        for key in keys:
            try:
                self.execute(sql, (key, row, entry_checksum(key, row)))
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


def _verified(collection: Collection, row: int, crc: int, raw: bytes) -> bytes:
    if zlib.crc32(raw) != crc:
        raise CommandError(
            "DataCorruptionDetected", f"{collection.namespace}, row {row}, is damaged"
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
