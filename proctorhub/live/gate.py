"""A bound on connections that stay: each holds a thread, and plain requests need threads too."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class GateFull(Exception):
    """No more connections; `code` says whether it is this person or everybody."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Gate:
    """Counts connections, altogether and per holder."""

    def __init__(self, limit: int, per_holder: int) -> None:
        self.limit = limit
        self._per_holder = per_holder
        self._held: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def count(self) -> int:
        """How many connections are held now."""
        return self._held.total()

    def enter(self, holder: str) -> None:
        """Take a place. Raises GateFull."""
        with self._lock:
            if self._held[holder] >= self._per_holder:
                raise GateFull(
                    "too_many_connections",
                    "You have too many pages open. Close some of them and try again.",
                )
            if self._held.total() >= self.limit:
                raise GateFull(
                    "sockets_full",
                    "This server holds as many live connections as it can. Try again in a moment.",
                )
            self._held[holder] += 1

    def leave(self, holder: str) -> None:
        """Give the place back."""
        with self._lock:
            self._held[holder] -= 1
            if self._held[holder] <= 0:
                del self._held[holder]

    @contextmanager
    def place(self, holder: str) -> Iterator[None]:
        """Hold a place for as long as the block runs. Raises GateFull."""
        self.enter(holder)
        try:
            yield
        finally:
            self.leave(holder)
