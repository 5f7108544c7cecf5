"""What waits on one side of the bus: bounded, fair between sessions, the oldest gives way.

Each source of each session has room for a few samples. When it is full, or all room is taken, the
oldest sample of that source (or of the one with most bytes) is dropped and counted: a session is
never shut out, it only gets looked at less often.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from typing import Generic, TypeVar

T = TypeVar("T")
Key = tuple[str, str]

#: Samples of one source that may wait; a burst and the second it came in fit.
PER_SOURCE = 6
#: Bytes that may wait altogether.
TOTAL_BYTES = 64 * 1024 * 1024


class Backlog(Generic[T]):
    """A thread-safe queue of (key, item, size); `dropped` counts what gave way."""

    def __init__(self, per_source: int = PER_SOURCE, total_bytes: int = TOTAL_BYTES) -> None:
        self._per_source = per_source
        self._total_bytes = total_bytes
        self._queues: OrderedDict[Key, deque[tuple[T, int]]] = OrderedDict()
        self._bytes = 0
        self._count = 0
        self._changed = threading.Condition()
        self._closed = False
        self.dropped = 0

    def __len__(self) -> int:
        return self._count

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def put(self, key: Key, item: T, size: int) -> list[T]:
        """Add an item of `size` bytes; return those that gave way for it, oldest first."""
        with self._changed:
            queue = self._queues.setdefault(key, deque())
            queue.append((item, size))
            self._bytes += size
            self._count += 1
            gone = []
            if len(queue) > self._per_source:
                gone.append(self._pop(key))
            while self._bytes > self._total_bytes and self._count > 1:
                gone.append(self._pop(max(self._queues, key=self._weight)))
            self.dropped += len(gone)
            self._changed.notify()
            return gone

    def take(self, most: int, timeout_s: float | None = None) -> list[T]:
        """Return up to `most` items, one of each source in turn, each source's oldest first.

        Waits until there is one, the time is up (empty), or the backlog is closed (empty).
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            while not self._count and not self._closed:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return []
                self._changed.wait(left)
            taken: list[T] = []
            while self._count and len(taken) < most:
                key = next(iter(self._queues))
                taken.append(self._pop(key))
                if key in self._queues:
                    self._queues.move_to_end(key)
            return taken

    def close(self) -> None:
        """Wake everybody who waits; what is left can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _pop(self, key: Key) -> T:
        queue = self._queues[key]
        item, size = queue.popleft()
        if not queue:
            del self._queues[key]
        self._bytes -= size
        self._count -= 1
        return item

    def _weight(self, key: Key) -> int:
        return sum(size for _, size in self._queues[key])
