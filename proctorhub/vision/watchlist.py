"""The sessions to look at, kept fresh beside the looking, and the worker's own sign of life."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import structlog
from pymongo.errors import PyMongoError

from proctorhub.domain.incident_terms import Detector
from proctorhub.services import monitoring, watchers
from proctorhub.services.monitoring import Watched

log = structlog.get_logger(__name__)

EVERY_S = 1.0


class Watchlist:
    """`sessions` maps ids to what is watched. `away` says that the database does not answer."""

    def __init__(self, worker_id: str, able: frozenset[Detector]) -> None:
        self.sessions: Mapping[str, Watched] = {}
        self.away = True
        self._worker_id = worker_id
        self._able = able
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchlist", daemon=True)

    def start(self) -> None:
        """Read it for the first time, and go on reading."""
        self._read()
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            self._read()

    def _read(self) -> None:
        try:
            watchers.beat(self._worker_id, self._able)
            self.sessions = {one.session_id: one for one in monitoring.watched()}
            self.away = False
        except PyMongoError as error:
            if not self.away:
                log.warning("database_away", error=type(error).__name__)
            self.away = True
