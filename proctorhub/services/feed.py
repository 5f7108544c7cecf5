"""What just happened, anywhere: the log and the notices as one stream for any process."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from proctorhub.records.base import utc_now
from proctorhub.records.sessions import LogEntry, Notice
from proctorhub.services import log

#: How often the log is looked at for entries of other processes, seconds.
POLL_S = 0.2
#: Entries are stamped by their writer's clock and become visible a moment later; looking this far
#: back finds those that came in late.
OVERLAP = timedelta(seconds=3)
_REMEMBERED = 20_000


@dataclass(frozen=True)
class FeedEntry:
    """One log entry (`session_id` set) or one notice (`session_id` None). `at` is epoch ms."""

    id: str
    session_id: str | None
    seq: int
    kind: str
    at: int
    actor: dict[str, Any] | None
    data: dict[str, Any]
    institution_id: str | None = None


def tell(institution_id: str, kind: str, data: dict[str, Any]) -> None:
    """Leave a notice about something that belongs to no session."""
    Notice(institution_id=institution_id, kind=kind, data=data, stored_at=utc_now()).save()
    _wake_all()


def follow(
    kinds: Iterable[str] | None, stop: threading.Event, since: datetime | None = None
) -> Iterator[FeedEntry]:
    """Yield what happens from `since` (default: now) on, each entry once, until `stop` is set.

    Raises what pymongo raises when the database is away; the caller decides about trying again.
    """
    wake = threading.Event()
    _wakers.append(wake)
    horizon = since or utc_now()
    seen: OrderedDict[str, None] = OrderedDict()
    wanted = list(kinds) if kinds is not None else None
    try:
        while not stop.is_set():
            wake.clear()
            looked_at = utc_now()
            for found in _between(horizon, wanted):
                if found.id not in seen:
                    seen[found.id] = None
                    yield found
            while len(seen) > _REMEMBERED:
                seen.popitem(last=False)
            horizon = max(horizon, looked_at - OVERLAP)
            wake.wait(POLL_S)
    finally:
        _wakers.remove(wake)


_wakers: list[threading.Event] = []


def _wake_all() -> None:
    for wake in list(_wakers):
        wake.set()


log.on_append(_wake_all)


def _between(horizon: datetime, kinds: list[str] | None) -> list[FeedEntry]:
    query: dict[str, Any] = {"stored_at": {"$gte": horizon}}
    if kinds is not None:
        query["kind"] = {"$in": kinds}
    found = [
        FeedEntry(
            id=d["_id"],
            session_id=d["session_id"],
            seq=d["seq"],
            kind=d["kind"],
            at=d["at"],
            actor=d.get("actor"),
            data=d["data"],
        )
        for d in LogEntry._get_collection().find(query).sort("stored_at", 1)
    ]
    found += [
        FeedEntry(
            id=d["_id"],
            session_id=None,
            seq=-1,
            kind=d["kind"],
            at=log.millis(d["stored_at"]),
            actor=None,
            data=d["data"],
            institution_id=d["institution_id"],
        )
        for d in Notice._get_collection().find(query).sort("stored_at", 1)
    ]
    return found
