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
            total += len(raw)
            if documents and total > _BATCH_BYTES:
                self.held_back = raw
                break
            documents.append(raw)
        return documents, False


class Cursors:
    """The open cursors. A cursor is taken out while in use, so no two clients share one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[int, Cursor] = {}

    def take(self, number: int, namespace: str) -> Cursor:
        """Take out an open cursor. Raises CursorNotFound."""
        with self._lock:
            cursor = self._open.pop(number, None)
        if cursor is None or cursor.namespace != namespace:
            raise CommandError("CursorNotFound", f"cursor id {number} not found")
        return cursor

    def reply(
        self, cursor: Cursor, size: int | None, number: int = 0, single: bool = False
    ) -> bytes:
        """Return the reply with the next batch; what is left stays open under the reply's id.

        `number` is the id of a cursor that was taken out, 0 for a new one.
        """
        documents, done = cursor.batch(size)
        batch = b"nextBatch" if number else b"firstBatch"
        number = 0 if done or single else number or random.getrandbits(62) + 1
        if number:
            cursor.used = time.monotonic()
            with self._lock:
                self._open[number] = cursor
        return cursor_reply(batch, documents, number, cursor.namespace)

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
