"""Giving a session its media node: once, for all its sources, and again only if the node dies."""

from __future__ import annotations

from typing import Any

import structlog
from pymongo import ReturnDocument

from proctorhub.domain import placement
from proctorhub.domain.session import MEDIA_OPEN, State
from proctorhub.records.base import utc_now
from proctorhub.records.connection import server_time
from proctorhub.records.nodes import MediaNode
from proctorhub.records.sessions import Session
from proctorhub.services import changing, nodes
from proctorhub.services.changing import Document
from proctorhub.services.errors import Busy
from proctorhub.services.runtime import current

_log = structlog.get_logger()


def place(session_id: str) -> Document | None:
    """Return the node of a session; None while no node has ever told of itself.

    A session that has a living node keeps it. One whose node is dead moves, above the limits if
    it must; when nobody else is alive it waits for its own to come back. One that has not begun
    yet has a place for PLACE_GRACE, and then asks as a new one does. Raises Busy `no_capacity`
    for a new session that no node has room for.
    """
    while True:
        session = changing.raw(session_id)
        known = nodes.all_stored()
        if not known:
            return None
        mine = next((n for n in known if n["_id"] == session.get("media_node")), None)
        had = bool(session.get("placed_at"))
        begun = session["state"] in MEDIA_OPEN
        if mine and had and nodes.load(mine, server_time()).alive:
            if begun:
                nodes.keep_place(mine, session_id)
                return mine
            if kept := _claim(mine["_id"], session_id, unlimited=False):
                return kept
        displaced = had and begun
        found = _claim_one(session, known, displaced=displaced)
        if found is None and mine and displaced:
            return mine
        if found is None:
            raise Busy(
                "All places for recording are taken at the moment. Try again in about"
                " %(minutes)d min; your place in the exam is kept.",
                code="no_capacity",
                retry_after_s=(retry_after := _come_back_in(known)),
                values={"minutes": -(-retry_after // 60)},
            )
        if _settle(session, found):
            return found


def address(session_id: str, hostname: str | None) -> str:
    """Return where a session's media goes, or most likely will go once it is placed."""
    session = changing.raw(session_id)
    known = nodes.all_stored()
    mine = next((n for n in known if n["_id"] == session.get("media_node")), None)
    if mine is None:
        mine = _likeliest(known)
        if mine is not None:
            Session._get_collection().update_one(
                {"_id": session_id, "media_node": None}, {"$set": {"media_node": mine["_id"]}}
            )
    return url(mine, hostname)


def addresses(sessions: list[Document], hostname: str | None) -> list[str]:
    """Return where the media of several placed sessions is, in their order."""
    known = {node["_id"]: node for node in nodes.all_stored()}
    return [url(known.get(session.get("media_node") or ""), hostname) for session in sessions]


def for_check(hostname: str | None) -> str:
    """Return a node for the equipment check, which takes no place."""
    return url(_likeliest(nodes.all_stored()), hostname)


def url(node: Document | None, hostname: str | None) -> str:
    """Return where a browser finds a node; without one, where the settings say it will be."""
    if node is None:
        return current().settings.media_url_from(hostname)
    return nodes.url_of(node, hostname)


def _likeliest(known: list[Document]) -> Document | None:
    now = server_time()
    likeliest = placement.likeliest(nodes.load(n, now) for n in known)
    return next((n for n in known if n["_id"] == likeliest), None)


def _claim_one(session: Document, known: list[Document], *, displaced: bool) -> Document | None:
    # A page is there when the consent is given; a test engine's pages have no policy of ours.
    consent = session.get("consent") if not session.get("opened_by") else None
    page_since = consent["at"] if consent else None
    for node in known:
        if not nodes.takes_our_tickets(node):
            _log.warning("node.has_another_ticket_key", node=node["_id"])
    for again in (False, True):
        if again:
            if not any(nodes.tidy(node) for node in known):
                return None
            known = nodes.all_stored()
        now = server_time()
        order = placement.ranked(
            [nodes.load(n, now, page_since) for n in known],
            preferred=None if displaced else session.get("media_node"),
            displaced=displaced,
        )
        for node_id in order:
            claimed = _claim(node_id, session["_id"], unlimited=displaced)
            if claimed:
                return claimed
    return None


def _claim(node_id: str, session_id: str, *, unlimited: bool) -> Document | None:
    """Take a place on a node; one update decides whether it still has room."""
    collection = MediaNode._get_collection()
    node: Document | None = collection.find_one({"_id": node_id})
    if node is None:
        return None
    query: dict[str, Any] = {"_id": node_id, "places.session_id": {"$ne": session_id}}
    if not unlimited:
        # An array has room while its last allowed element is not there.
        query |= {"draining": False, f"places.{node['limit'] - 1}": {"$exists": False}}
    now = server_time()
    taken: Document | None = collection.find_one_and_update(
        query,
        {"$push": {"places": {"session_id": session_id, "at": now}}},
        return_document=ReturnDocument.AFTER,
    )
    # Another request for the same session may have been faster: its place counts from now on.
    return taken or collection.find_one_and_update(
        {"_id": node_id, "places.session_id": session_id},
        {"$set": {"places.$.at": now}},
        return_document=ReturnDocument.AFTER,
    )


def _settle(session: Document, node: Document) -> bool:
    """Write the node into the session; False when somebody else was faster."""
    before = session.get("media_node")
    settled = Session._get_collection().update_one(
        {"_id": session["_id"], "media_node": before, "placed_at": session.get("placed_at")},
        {"$set": {"media_node": node["_id"], "placed_at": utc_now()}},
    )
    if settled.matched_count:
        if before not in (None, node["_id"]):
            _release(before, session["_id"])
            _log.info(
                "session.moved", session_id=session["_id"], node=node["_id"], former_node=before
            )
        return True
    if changing.raw(session["_id"]).get("media_node") != node["_id"]:
        _release(node["_id"], session["_id"])
    return False


def _release(node_id: str, session_id: str) -> None:
    MediaNode._get_collection().update_one(
        {"_id": node_id}, {"$pull": {"places": {"session_id": session_id}}}
    )


def _come_back_in(known: list[Document]) -> int:
    ids = [place["session_id"] for node in known for place in node["places"]]
    now = utc_now()
    running = Session._get_collection().find(
        {"_id": {"$in": ids}, "state": State.RUNNING.value, "ends_at": {"$ne": None}},
        {"ends_at": 1},
    )
    return placement.come_back_in((s["ends_at"] - now).total_seconds() for s in running)
