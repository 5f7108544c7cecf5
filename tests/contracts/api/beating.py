"""Media nodes that are nothing but heart-beats."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from proctorhub.domain.placement import Beat
from proctorhub.records.base import utc_now
from proctorhub.records.nodes import MediaNode
from proctorhub.services import nodes


def beat(node_id: str, *, limit: int = 10, sending: tuple[str, ...] = (), **told: Any) -> list[str]:
    """Let a node tell of itself; returns the sessions it has to give up."""
    values: dict[str, Any] = {
        "url": f"https://{node_id}.example:8001",
        "any_name": False,
        "ticket_key": nodes.ticket_key()["sha256"],
        "cpu": 0.1,
        "lag_ms": 2.0,
        "sources": len(sending),
        "viewers": 0,
        "waiting": 0,
        "spool_bytes": 0,
        "spool_age_s": 0.0,
        "octets": 0,
        "holding": (),
        **told,
    }
    told_back = nodes.heartbeat(Beat(node_id=node_id, limit=limit, sending=sending, **values))
    return told_back.elsewhere


def silence(node_id: str) -> None:
    """Let a node's last heart-beat be too old."""
    long_ago = utc_now() - timedelta(hours=1)
    MediaNode._get_collection().update_one({"_id": node_id}, {"$set": {"beat_at": long_ago}})
