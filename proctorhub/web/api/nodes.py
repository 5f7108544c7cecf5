"""Media nodes: how they are, and taking them out of service."""

from __future__ import annotations

from typing import Any

from proctorhub.domain.permissions import Actor
from proctorhub.services import nodes
from proctorhub.web.api.answers import Items
from proctorhub.web.api.fields import Nothing
from proctorhub.web.api.media_answers import Node, TicketKey
from proctorhub.web.api.routing import Resource

resource = Resource("nodes")


@resource.route("GET", "/nodes", answer=Items[Node])
def list_nodes(actor: Actor) -> dict[str, Any]:
    """List the media nodes and their load."""
    return {"items": nodes.overview(actor)}


@resource.route("GET", "/nodes/ticket-key", answer=TicketKey, anyone=True)
def ticket_key() -> dict[str, str]:
    """Return the public key that checks tickets, for nodes on other machines."""
    return nodes.ticket_key()


@resource.route("POST", "/nodes/<node_id>/drain", body=Nothing, answer=Node)
def drain_node(actor: Actor, node_id: str, body: Nothing) -> dict[str, Any]:
    """Give a node no new sessions; those it has stay to their end."""
    return nodes.set_draining(actor, node_id, True)


@resource.route("POST", "/nodes/<node_id>/undrain", body=Nothing, answer=Node)
def undrain_node(actor: Actor, node_id: str, body: Nothing) -> dict[str, Any]:
    """Give a node new sessions again."""
    return nodes.set_draining(actor, node_id, False)


@resource.route("DELETE", "/nodes/<node_id>", status=204)
def forget_node(actor: Actor, node_id: str) -> None:
    """Remove a dead node that will not come back."""
    nodes.forget(actor, node_id)
