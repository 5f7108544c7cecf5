"""Signed rights to send or watch one source at the media node."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from proctorhub.domain.permissions import Actor
from proctorhub.services import ticketing
from proctorhub.web.api.answers import Items
from proctorhub.web.api.fields import Body, Id, Nothing
from proctorhub.web.api.media_answers import CheckTicket, StillTicket, Ticket
from proctorhub.web.api.routing import Resource
from proctorhub.web.security import called_hostname

resource = Resource("tickets")


class Wanted(Body):
    """Which source, and what to do with it."""

    source: Literal["camera", "screen", "proctor"]
    direction: Literal["send", "watch"]


class WantedStills(Body):
    """Whose cameras."""

    session_ids: Annotated[list[Id], Field(min_length=1, max_length=ticketing.MOST_STILLS)]


@resource.route("POST", "/sessions/<session_id>/tickets", body=Wanted, answer=Ticket)
def issue_ticket(actor: Actor, session_id: str, body: Wanted) -> dict[str, Any]:
    """Get a ticket for one source."""
    return ticketing.issue(
        actor, session_id, body.source, body.direction, hostname=called_hostname()
    )


@resource.route("POST", "/tickets/check", body=Nothing, answer=CheckTicket)
def issue_check_ticket(actor: Actor, body: Nothing) -> dict[str, Any]:
    """Get a ticket for the equipment check."""
    return ticketing.issue_check(actor, hostname=called_hostname())


@resource.route("POST", "/tickets/stills", body=WantedStills, answer=Items[StillTicket])
def issue_still_tickets(actor: Actor, body: WantedStills) -> dict[str, Any]:
    """Get tickets for stills of the cameras of own sessions; others are left out."""
    found = ticketing.issue_stills(actor, body.session_ids, hostname=called_hostname())
    return {"items": found}
