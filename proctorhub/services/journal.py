"""The journal of looks: vision workers and the browser's signals write it, evidence reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pymongo import UpdateOne

from proctorhub.domain import journal
from proctorhub.domain.observation import Observation, Source
from proctorhub.records.journal import JournalPage


def add(looks: Iterable[tuple[str, Observation]]) -> None:
    """Keep looks (session id, observation); one that is kept already is only written again."""
    pages: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
    for session_id, observation in looks:
        source, from_ms = observation.source.value, journal.page_start(observation.at_ms)
        page = {"session_id": session_id, "source": source, "from_ms": from_ms}
        _, values = pages.setdefault(f"{session_id}:{source}:{from_ms}", (page, {}))
        values[f"looks.{observation.at_ms}"] = journal.to_plain(observation)
        if observation.models:
            values[f"models.{journal.models_key(observation.models)}"] = dict(observation.models)
    writes = [
        UpdateOne({"_id": page_id}, {"$set": values, "$setOnInsert": page}, upsert=True)
        for page_id, (page, values) in pages.items()
    ]
    if writes:
        JournalPage._get_collection().bulk_write(writes, ordered=False)


def looks(session_id: str, source: Source | None = None) -> Iterator[Observation]:
    """Yield the looks of a session, source by source, each in the order of their times."""
    query = {"session_id": session_id, **({"source": source.value} if source else {})}
    found = JournalPage._get_collection().find(query).sort([("source", 1), ("from_ms", 1)])
    for page in found:
        yield from journal.read_page(page)


def erase(session_id: str) -> int:
    """Remove a session's looks; returns how many pages there were."""
    count: int = JournalPage._get_collection().delete_many({"session_id": session_id}).deleted_count
    return count
