"""Server-side cursors: results that are fetched in batches."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from .catalog import Collection
from .errors import CommandError
from .wire import cursor_reply

FIRST_BATCH = 101
IDLE_SECONDS = 600
_BATCH_BYTES = 16_000_000


@dataclass
class Cursor:
    """Encoded results still to come, and the collection they come from (None: computed)."""

    namespace: str
    results: Iterator[bytes]
    collection: Collection | None = None
    used: float = field(default_factory=time.monotonic)
    held_back: bytes | None = None

    def batch(self, size: int | None) -> tuple[list[bytes], bool]:
        """Return the next batch, limited in bytes, and whether there is nothing more."""
        documents: list[bytes] = []
        total = 0
        while size is None or len(documents) < size:
            raw = self.held_back or next(self.results, None)
            self.held_back = None
            if raw is None:
                return documents, True
            if documents and total + len(raw) > _BATCH_BYTES:
                self.held_back = raw
                return documents, False
            documents.append(raw)
            total += len(raw)
        return documents, False


class Cursors:
    """The open cursors. A cursor is taken out while in use, so no two clients share one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[int, Cursor] = {}

    def first(self, cursor: Cursor, size: int | None, single: bool = False) -> bytes:
        """Return the reply with the first batch; the rest stays open under the reply's id."""
        documents, done = cursor.batch(size)
        if done or single:
            number = 0
        else:
            number = random.getrandbits(62) + 1
            with self._lock:
                self._open[number] = cursor
        return cursor_reply(b"firstBatch", documents, number, cursor.namespace)

    def take(self, number: int, namespace: str) -> Cursor:
        """Take out an open cursor. Raises CursorNotFound."""
        with self._lock:
            cursor = self._open.pop(number, None)
        if cursor is None or cursor.namespace != namespace:
            raise CommandError("CursorNotFound", f"cursor id {number} not found")
        return cursor

    def next(self, number: int, cursor: Cursor, size: int | None) -> bytes:
        """Return the reply with the next batch of a cursor that was taken out."""
        documents, done = cursor.batch(size)
        if not done:
            cursor.used = time.monotonic()
            with self._lock:
                self._open[number] = cursor
        return cursor_reply(b"nextBatch", documents, 0 if done else number, cursor.namespace)

    def kill(self, numbers: list[int]) -> tuple[list[int], list[int]]:
        """Close cursors; returns those that were open and those that were not found."""
        with self._lock:
            killed = [number for number in numbers if self._open.pop(number, None) is not None]
        return killed, [number for number in numbers if number not in killed]

    def expire(self) -> None:
        """Close cursors that nobody used for ten minutes."""
        oldest = time.monotonic() - IDLE_SECONDS
        with self._lock:
            for number in [n for n, cursor in self._open.items() if cursor.used < oldest]:
                del self._open[number]
