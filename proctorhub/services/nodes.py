"""The registry of media nodes: they tell how they are, operators take them out of service."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from proctorhub.config import under_name
from proctorhub.domain.permissions import Actor, Right
from proctorhub.domain.placement import DEAD_AFTER_S, GONE_AFTER_S, Beat, NodeLoad, Orders
from proctorhub.domain.session import MEDIA_ENDED, MEDIA_OPEN
from proctorhub.records.base import utc_now
from proctorhub.records.connection import server_time
from proctorhub.records.nodes import MediaNode
from proctorhub.records.sessions import Session
from proctorhub.services import access, keys
from proctorhub.services.changing import Document
from proctorhub.services.errors import Conflict, NotFound
from proctorhub.services.runtime import current

#: A place is taken before its session says that it begins there; after so long it was left.
PLACE_GRACE = timedelta(seconds=10)


def ticket_key() -> dict[str, str]:
    """Return the public key that checks tickets; it is no secret."""
    key, sha256 = keys.ticket_public(current().settings)
    return {"key": key, "sha256": sha256}


def heartbeat(beat: Beat) -> Orders:
    """Keep what a node tells; returns what it is to do with the sessions that send there.

    One that was never placed is the node's from now on; one that was placed here and whose place is
    missing gets it back. A node hears of an end as it happens, unless it could not listen then.
    """
    told = {
        "url": beat.url,
        "any_name": beat.any_name,
        "ticket_key": beat.ticket_key,
        "left": False,
        "limit": beat.limit,
        "cpu": beat.cpu,
        "lag_ms": beat.lag_ms,
        "sessions": len(beat.sending),
        "sources": beat.sources,
        "viewers": beat.viewers,
        "waiting": beat.waiting,
        "spool_bytes": beat.spool_bytes,
        "spool_age_s": beat.spool_age_s,
        "octets": beat.octets,
        "holding": list(beat.holding),
    }
    MediaNode._get_collection().update_one(
        {"_id": beat.node_id},
        {
            "$set": told,
            "$currentDate": {"beat_at": True},
            "$setOnInsert": {"draining": False, "places": [], "registered_at": utc_now()},
        },
        upsert=True,
    )
    node = stored(beat.node_id)
    orders = Orders()
    found = _states(beat.sending)
    for session_id in beat.sending:
        session = found.get(session_id)
        if session is None or session["state"] in MEDIA_ENDED:
            orders.over.append(session_id)
        elif session["state"] not in MEDIA_OPEN:
            continue
        elif not session.get("placed_at"):
            _adopt(beat.node_id, session_id)
        elif session.get("media_node") == beat.node_id:
            keep_place(node, session_id)
        else:
            orders.elsewhere.append(session_id)
    tidy(node)
    return orders


def leave(node_id: str) -> None:
    """Take a node that stops out of service at once, instead of when its beats stay away."""
    MediaNode._get_collection().update_one({"_id": node_id}, {"$set": {"left": True}})


def stored(node_id: str) -> Document:
    """Return what is kept of a node. Raises NotFound."""
    document: Document | None = MediaNode._get_collection().find_one({"_id": node_id})
    if document is None:
        raise NotFound("media node")
    return document


def all_stored() -> list[Document]:
    """Return what is kept of every node."""
    return list(MediaNode._get_collection().find().sort("_id", 1))


def load(node: Document, now: datetime, page_since: datetime | None = None) -> NodeLoad:
    """Return what choosing needs to know; `now` is the database's time.

    `page_since` is when the page that will send was there already, if that is known.
    """
    ours = takes_our_tickets(node)
    return NodeLoad(
        id=node["_id"],
        alive=ours and is_alive(node, now),
        draining=node["draining"],
        placed=len(node["places"]),
        limit=node["limit"],
        cpu=node["cpu"],
        late=ours and _is_late(node, now),
        newcomer=page_since is not None and node["registered_at"] > page_since,
    )


def is_alive(node: Document, now: datetime) -> bool:
    """Tell whether a node's last heart-beat is young enough."""
    beat_at: datetime | None = node.get("beat_at")
    if node.get("left") or beat_at is None:
        return False
    return now - beat_at < timedelta(seconds=DEAD_AFTER_S)


def takes_our_tickets(node: Document) -> bool:
    """Tell whether a node checks tickets with the key that belongs to ours."""
    return bool(node.get("ticket_key") == keys.ticket_public(current().settings)[1])


def _is_late(node: Document, now: datetime) -> bool:
    beat_at: datetime | None = node.get("beat_at")
    if node.get("left") or beat_at is None or is_alive(node, now):
        return False
    return now - beat_at < timedelta(seconds=GONE_AFTER_S)


def url_of(node: Document, hostname: str | None) -> str:
    """Return where a browser that calls us `hostname` finds a node."""
    url: str = node["url"]
    return under_name(url, hostname) if node["any_name"] else url


def overview(actor: Actor | None) -> list[dict[str, Any]]:
    """Return every node and how it is. No actor means the operator at the machine."""
    _require(actor)
    now = server_time()
    return [_view(node, now) for node in all_stored()]


def set_draining(actor: Actor | None, node_id: str, draining: bool) -> dict[str, Any]:
    """Let a node take no new sessions, or take them again; it keeps those it has.

    Raises NotFound.
    """
    _require(actor)
    stored(node_id)
    MediaNode._get_collection().update_one({"_id": node_id}, {"$set": {"draining": draining}})
    return _view(stored(node_id), server_time())


def forget(actor: Actor | None, node_id: str) -> None:
    """Remove a node that will not come back. Raises NotFound, Conflict `node_alive`."""
    _require(actor)
    if is_alive(stored(node_id), server_time()):
        raise Conflict("This node is alive: stop it first.", code="node_alive")
    MediaNode._get_collection().delete_one({"_id": node_id})


def keep_place(node: Document, session_id: str) -> None:
    """Give a session that is on a node back its place if it is missing, whatever the limit."""
    if all(place["session_id"] != session_id for place in node["places"]):
        _add_place(node["_id"], session_id)


def tidy(node: Document) -> int:
    """Give back places that no session has or is about to have; returns how many.

    Those of sessions that are over go at once. Those of sessions that have not begun, or are
    elsewhere, go after PLACE_GRACE.
    """
    before = server_time() - PLACE_GRACE
    found = _states(place["session_id"] for place in node["places"])
    left = [
        place
        for place in node["places"]
        if _is_left(place, found.get(place["session_id"]), node["_id"], before)
    ]
    if left:
        # Whole places: one that was claimed anew meanwhile has another time and stays.
        MediaNode._get_collection().update_one({"_id": node["_id"]}, {"$pullAll": {"places": left}})
    return len(left)


def _is_left(place: Document, session: Document | None, node_id: str, before: datetime) -> bool:
    if session is None or session["state"] in MEDIA_ENDED:
        return True
    is_here = session["state"] in MEDIA_OPEN and session.get("media_node") == node_id
    return not is_here and place["at"] < before


def _states(session_ids: Iterable[str]) -> dict[str, Document]:
    """Return where these sessions stand and on which node, those that are there."""
    needed = {"state": 1, "media_node": 1, "placed_at": 1}
    query = {"_id": {"$in": list(session_ids)}}
    return {s["_id"]: s for s in Session._get_collection().find(query, needed)}


def _adopt(node_id: str, session_id: str) -> None:
    adopted = Session._get_collection().update_one(
        {"_id": session_id, "placed_at": None},
        {"$set": {"media_node": node_id, "placed_at": utc_now()}},
    )
    if adopted.modified_count:
        _add_place(node_id, session_id)


def _add_place(node_id: str, session_id: str) -> None:
    MediaNode._get_collection().update_one(
        {"_id": node_id, "places.session_id": {"$ne": session_id}},
        {"$push": {"places": {"session_id": session_id, "at": server_time()}}},
    )


def _require(actor: Actor | None) -> None:
    if actor is not None:
        access.require(actor, Right.OPERATE)


def _view(node: Document, now: datetime) -> dict[str, Any]:
    told = ("url", "draining", "limit", "cpu", "lag_ms", "sessions", "sources", "viewers")
    spool = ("waiting", "spool_bytes", "spool_age_s", "octets", "beat_at", "registered_at")
    return {
        "id": node["_id"],
        "alive": is_alive(node, now),
        "takes_our_tickets": takes_our_tickets(node),
        "placed": len(node["places"]),
        **{name: node[name] for name in (*told, *spool)},
    }
