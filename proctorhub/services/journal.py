"""The journal of looks: vision workers and the browser's signals write it, evidence reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pymongo import UpdateOne

from proctorhub.domain import journal
from proctorhub.domain.incident_policy import Policy
from proctorhub.domain.journal import Entry
from proctorhub.domain.observation import Observation, Source
from proctorhub.records.base import utc_now
from proctorhub.records.journal import JournalPage
from proctorhub.services import log


def add(looks: Iterable[tuple[str, Observation, Policy]]) -> None:
    """Keep looks with the policy they are about to be judged by; one is kept once."""
    came_ms = log.millis(utc_now())
    pages: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
    for number, (session_id, observation, policy) in enumerate(looks):
        which, page = _page(session_id, observation.source, observation.at_ms)
        _, values = pages.setdefault(which, (page, {}))
        values.update(journal.page_values(Entry(observation, policy, came_ms), number))
    writes = [
        UpdateOne({"_id": which}, {"$set": values, "$setOnInsert": page}, upsert=True)
        for which, (page, values) in pages.items()
    ]
    if writes:
        JournalPage._get_collection().bulk_write(writes, ordered=False)


def find(session_id: str, source: Source, at_ms: int) -> Entry | None:
    """Return the look at the frame of one moment, if it is kept already."""
    which, _ = _page(session_id, source, at_ms)
    page = JournalPage._get_collection().find_one({"_id": which, f"looks.{at_ms}": {"$ne": None}})
    found = journal.read_page(page) if page else ()
    return next((entry for entry in found if entry.observation.at_ms == at_ms), None)


def entries(session_id: str, source: Source | None = None) -> Iterator[Entry]:
    """Yield the looks of a session, source by source, each in the order of their times."""
    query = {"session_id": session_id, **({"source": source.value} if source else {})}
    found = JournalPage._get_collection().find(query).sort([("source", 1), ("from_ms", 1)])
    for page in found:
        yield from journal.read_page(page)


def _page(session_id: str, source: Source, at_ms: int) -> tuple[str, dict[str, Any]]:
    from_ms = journal.page_start(at_ms)
    page = {"session_id": session_id, "source": source.value, "from_ms": from_ms}
    return f"{session_id}:{source.value}:{from_ms}", page
