"""The catalog: which collections and indexes there are. Its values are never changed in place."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace

from .documents import decode_document
from .indexes import Index


@dataclass(frozen=True)
class Collection:
    """One collection; its documents are in the SQLite table `d<id>`. An id is never reused."""

    id: int
    db: str
    name: str
    indexes: tuple[Index, ...] = ()

    @property
    def namespace(self) -> str:
        """`database.collection`."""
        return f"{self.db}.{self.name}"

    def with_index(self, index: Index) -> Collection:
        """Return the collection with an index added, or put in the place of its older self."""
        if any(known.id == index.id for known in self.indexes):
            kept = tuple(index if known.id == index.id else known for known in self.indexes)
            return replace(self, indexes=kept)
        return replace(self, indexes=(*self.indexes, index))

    def without_index(self, index: Index) -> Collection:
        """Return the collection without one of its indexes."""
        return replace(self, indexes=tuple(i for i in self.indexes if i.id != index.id))


class Catalog:
    """All collections by database and name."""

    def __init__(self, collections: dict[tuple[str, str], Collection]) -> None:
        self._collections = collections

    @classmethod
    def load(cls, connection: sqlite3.Connection) -> Catalog:
        """Read the catalog from the tables that keep it."""
        indexes: dict[int, list[Index]] = {}
        rows = connection.execute("SELECT id, collection, spec, multikey FROM indexes ORDER BY id")
        for number, owner, spec, multikey in rows:
            made = Index(number, decode_document(spec), bool(multikey))
            indexes.setdefault(owner, []).append(made)
        return cls(
            {
                (db, name): Collection(number, db, name, tuple(indexes.get(number, ())))
                for number, db, name in connection.execute("SELECT id, db, name FROM collections")
            }
        )

    def __iter__(self) -> Iterator[Collection]:
        return iter(self._collections.values())

    def find(self, db: str, name: str) -> Collection | None:
        """Return a collection, None when there is none of that name."""
        return self._collections.get((db, name))

    def has(self, collection: Collection) -> bool:
        """Tell whether a collection is still the one of its name."""
        found = self.find(collection.db, collection.name)
        return found is not None and found.id == collection.id

    def with_collection(self, collection: Collection) -> Catalog:
        """Return a catalog in which a collection is added or replaced."""
        key = (collection.db, collection.name)
        return Catalog({**self._collections, key: collection})

    def without(self, collection: Collection) -> Catalog:
        """Return a catalog without a collection."""
        kept = {key: found for key, found in self._collections.items() if found.id != collection.id}
        return Catalog(kept)
