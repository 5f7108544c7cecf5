"""The one thread of this process that follows the feed and hands every entry to all listeners."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from pymongo.errors import ConnectionFailure

from proctorhub.records.base import utc_now
from proctorhub.services import feed
from proctorhub.services.feed import FeedEntry

log = structlog.get_logger(__name__)

Listener = Callable[[FeedEntry], None]

RETRY_S = 1.0
#: How far back to look after a failure; longer than the database driver takes to give up.
LOOK_BACK = timedelta(seconds=60)
_REMEMBERED = 20_000


class Follow(Protocol):
    """What `services.feed.follow` is."""

    def __call__(
        self, kinds: None, stop: threading.Event, since: datetime | None
    ) -> Iterator[FeedEntry]:
        """Yield entries until `stop` is set."""


class Follower:
    """Follows the feed from `start` to `stop`, over outages of the database.

    An entry that a listener could not handle because the database was away is handed out again
    after the outage: what is shown live has no holes, and a listener sees an entry twice rather
    than never.
    """

    def __init__(self, follow: Follow = feed.follow) -> None:
        self._follow = follow
        self._listeners: list[Listener] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._handled: OrderedDict[str, None] = OrderedDict()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def stopping(self) -> threading.Event:
        """Set when this process is going down."""
        return self._stop

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Hand entries to `listener` from now on; returns how to end that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def start(self) -> None:
        """Begin. Call it in the process that serves, after the fork."""
        if self._thread is not None:
            return
        self._thread = threading.Thread(target=self._run, name="feed-follower", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; returns when the thread is gone."""
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        since: datetime | None = utc_now()
        failed_at: datetime | None = None
        while not self._stop.is_set():
            try:
                for entry in self._follow(None, self._stop, since):
                    self._hand_out(entry)
            except Exception as error:  # whatever it was, following goes on
                now = utc_now()
                if failed_at is None or now - failed_at > LOOK_BACK:
                    since = now - LOOK_BACK
                    log.warning("feed_interrupted", error=type(error).__name__)
                failed_at = now
                self._stop.wait(RETRY_S)

    def _hand_out(self, entry: FeedEntry) -> None:
        if entry.id in self._handled:
            return
        for listener in list(self._listeners):
            try:
                listener(entry)
            except ConnectionFailure:
                raise
            except Exception:
                log.exception("listener_failed", kind=entry.kind, session_id=entry.session_id)
        self._handled[entry.id] = None
        while len(self._handled) > _REMEMBERED:
            self._handled.popitem(last=False)
