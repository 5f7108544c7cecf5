"""Candidates' pages say that they are there; once a second that is noted for all of them."""

from __future__ import annotations

import threading

import structlog
from pymongo.errors import PyMongoError

from proctorhub.services import watchers

log = structlog.get_logger(__name__)

ROUND_S = 1.0


class Pulse:
    """The sessions whose pages were heard since the last round; the rounds run in a thread."""

    def __init__(self) -> None:
        self._heard: dict[str, bool] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def hear(self, session_id: str, *, elsewhere: bool) -> None:
        """Note one page's sign of life, and whether the exam is in another tab."""
        with self._lock:
            self._heard[session_id] = elsewhere

    def start(self) -> None:
        """Begin the rounds."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="live-pulse", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End after the current round."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(ROUND_S):
            with self._lock:
                heard, self._heard = self._heard, {}
            try:
                watchers.pages_alive(heard)
            except PyMongoError as error:
                log.warning("pulse_failed", error=type(error).__name__)
