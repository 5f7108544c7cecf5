"""The hash-chained log of a session, and the feed's source.

A change of a session and its entry are written in one update (`pending`), then `drain` moves the
entry into the chain. Both steps can be repeated: an entry's id is in the chain at most once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from mongoengine import Document
from pymongo.errors import DuplicateKeyError

from proctorhub.domain import evidence
from proctorhub.domain.permissions import Actor
from proctorhub.records.base import new_id, utc_now
from proctorhub.records.incidents import Incident, Watch
from proctorhub.records.sessions import LogEntry, Session

Entry = dict[str, Any]

_listeners: list[Callable[[], None]] = []


def on_append(listener: Callable[[], None]) -> None:
    """Call `listener` after every entry this process appends (the feed's wake-up)."""
    _listeners.append(listener)


def millis(moment: datetime) -> int:
    """Return epoch milliseconds."""
    return round(moment.timestamp() * 1000)


def entry(
    kind: str,
    actor: Actor | None,
    data: dict[str, Any] | None = None,
    *,
    side: str = "staff",
    at: datetime | None = None,
    entry_id: str | None = None,
) -> Entry:
    """Return a new entry that is not in any chain yet; no actor means the platform itself."""
    return {
        "id": entry_id or new_id(),
        "kind": kind,
        "at": millis(at or utc_now()),
        "actor": {"id": actor.user_id, "name": actor.name, "role": side} if actor else None,
        "data": data or {},
    }


def append(session_id: str, new: Entry) -> Entry:
    """Put an entry at the end of the session's chain and return the link; idempotent by its id."""
    collection = LogEntry._get_collection()
    while True:
        last = collection.find_one({"session_id": session_id}, sort=[("seq", -1)])
        link: Entry = {
            **new,
            "session_id": session_id,
            "seq": last["seq"] + 1 if last else 0,
            "previous": last["hash"] if last else evidence.GENESIS,
        }
        link["hash"] = evidence.entry_hash(link)
        document = {**link, "_id": link["id"], "stored_at": utc_now()}
        del document["id"]
        try:
            collection.insert_one(document)
        except DuplicateKeyError:
            existing = collection.find_one({"_id": new["id"]})
            if existing:
                return _link(existing)
            continue
        for listener in _listeners:
            listener()
        return link


def drain(session_id: str) -> None:
    """Move the session's pending entries into its chain, in order."""
    drain_from(Session, session_id, session_id)


def drain_from(kind: type[Document], document_id: str, session_id: str) -> None:
    """Move the entries that wait in a document beside the session into the session's chain."""
    collection = kind._get_collection()
    document = collection.find_one({"_id": document_id}, {"pending": 1})
    for waiting in (document or {}).get("pending", []):
        append(session_id, waiting)
        collection.update_one({"_id": document_id}, {"$pull": {"pending": {"id": waiting["id"]}}})


def drain_all() -> int:
    """Finish what a crash left pending; returns the number of documents touched."""
    count = 0
    for kind, session_field in ((Session, "_id"), (Incident, "session_id"), (Watch, "_id")):
        left = kind._get_collection().find({"pending.id": {"$exists": True}}, {session_field: 1})
        for document in list(left):
            drain_from(kind, document["_id"], document[session_field])
            count += 1
    return count


def entries(session_id: str, after: int = -1) -> Iterator[Entry]:
    """Yield the chain's links with a seq above `after`."""
    query = {"session_id": session_id, "seq": {"$gt": after}}
    for document in LogEntry._get_collection().find(query).sort("seq", 1):
        yield _link(document)


def of_kind(session_id: str, kind: str) -> list[Entry]:
    """Return all links of one kind, in order."""
    query = {"session_id": session_id, "kind": kind}
    return [_link(d) for d in LogEntry._get_collection().find(query).sort("seq", 1)]


def last_of_kind(session_id: str, kind: str) -> Entry | None:
    """Return the newest link of one kind."""
    query = {"session_id": session_id, "kind": kind}
    document = LogEntry._get_collection().find_one(query, sort=[("seq", -1)])
    return _link(document) if document else None


def _link(document: Entry) -> Entry:
    link = {key: value for key, value in document.items() if key not in ("_id", "stored_at")}
    return {"id": document["_id"], **link}
