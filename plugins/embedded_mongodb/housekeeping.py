"""Work that nobody waits for: TTL indexes, idle cursors, giving space back to the disk."""

from __future__ import annotations

import datetime as dt
import itertools
import sqlite3
import sys
import threading

from .catalog import Collection
from .cursors import Cursors
from .errors import CommandError
from .indexes import Index
from .search import Query, search
from .storage import Storage

PERIOD_SECONDS = 0.1
_ROUNDS_PER_SECOND = 10
_TTL_BATCH = 200
# A short step keeps the write lock free for clients; some free pages are kept for new rows.
_VACUUM_PAGES = 256
_SPARE_PAGES = 64
# Copying little at a time keeps the disk free for what clients wait for.
_LOG_BYTES = 4 << 20


class Housekeeper:
    """One thread that does a little of everything, once a second or (the log) more often."""

    def __init__(self, storage: Storage, cursors: Cursors) -> None:
        self._storage = storage
        self._cursors = cursors
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def start(self) -> None:
        """Begin the rounds."""
        self._thread.start()

    def stop(self) -> None:
        """End the rounds and wait for the last one."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        for number in itertools.count(1):
            if self._stopped.wait(PERIOD_SECONDS):
                break
            try:
                self.keep_log_short()
                if number % _ROUNDS_PER_SECOND == 0:
                    self._cursors.expire()
                    self.expire_documents()
                    self.give_space_back()
            except (sqlite3.Error, CommandError) as error:
                print(f"embedded_mongodb: housekeeping: {error}", file=sys.stderr, flush=True)

    def keep_log_short(self) -> None:
        """Copy the write-ahead log into the file when there is enough of it."""
        if self._storage.log_bytes > _LOG_BYTES:
            self._storage.checkpoint()

    def expire_documents(self) -> None:
        """Remove documents that a TTL index says are over."""
        for collection in list(self._storage.catalog):
            for index in collection.indexes:
                if index.expire_after is not None:
                    while self._expire_some(collection, index):
                        pass

    def _expire_some(self, collection: Collection, index: Index) -> bool:
        limit = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=index.expire_after or 0)
        query = Query({index.fields[0][0]: {"$lte": limit}}, hint=index.name, limit=_TTL_BATCH)
        with self._storage.read() as catalog:
            if (
                not catalog.has(collection)
                or next(search(self._storage, collection, query), None) is None
            ):
                return False
        with self._storage.write():
            current = self._storage.writing_catalog.find(collection.db, collection.name)
            if current is None or index.id not in {known.id for known in current.indexes}:
                return False
            expired = list(search(self._storage, current, query))
            for match in expired:
                self._storage.delete(current, match.row, match.decoded())
        return len(expired) == _TTL_BATCH and not self._stopped.is_set()

    def give_space_back(self) -> None:
        """Shrink the file by the pages that deleted rows have left, step by step."""
        while self._storage.free_pages() > _SPARE_PAGES and not self._stopped.is_set():
            self._storage.vacuum(_VACUUM_PAGES)
            if self._storage.free_pages() <= _SPARE_PAGES:
                self._storage.checkpoint()
