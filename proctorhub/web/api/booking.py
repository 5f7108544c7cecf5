"""When proctors are there, and booking their time."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from proctorhub.domain.permissions import Actor
from proctorhub.records.base import utc_now
from proctorhub.services import availability, booking
from proctorhub.services.errors import Invalid
from proctorhub.web.api.answers import Availability, Items, Time
from proctorhub.web.api.fields import Body, Moment, Query
from proctorhub.web.api.routing import Resource
from proctorhub.web.api.session_answers import Session

resource = Resource("booking")

#: How far ahead times are shown when nothing else is asked for, and at most.
USUAL_SPAN = timedelta(days=31)
LONGEST_SPAN = timedelta(days=100)


class Offer(Body):
    """Time a proctor offers, for up to `capacity` candidates at once."""

    starts_at: Moment
    ends_at: Moment
    capacity: Annotated[int, Field(ge=1, le=200)]


class TimesQuery(Query):
    """From when to when."""

    model_config = ConfigDict(extra="forbid", serialize_by_alias=True)
    start: Annotated[Moment | None, Field(alias="from")] = None
    end: Annotated[Moment | None, Field(alias="to")] = None


class Start(Body):
    """The chosen time."""

    start: Moment


@resource.route("GET", "/availability", answer=Items[Availability])
def list_availability(actor: Actor) -> dict[str, Any]:
    """List the own entries that are not over."""
    return {"items": availability.list_for(actor)}


@resource.route("POST", "/availability", body=Offer, answer=Availability, status=201)
def add_availability(actor: Actor, body: Offer) -> dict[str, Any]:
    """Offer time."""
    return availability.add(actor, body.starts_at, body.ends_at, body.capacity)


@resource.route("DELETE", "/availability/<availability_id>", status=204)
def remove_availability(actor: Actor, availability_id: str) -> None:
    """Take time back that nobody has booked."""
    availability.remove(actor, availability_id)


@resource.route("GET", "/exams/<exam_id>/times", query=TimesQuery, answer=Items[Time])
def list_times(actor: Actor, exam_id: str, query: TimesQuery) -> dict[str, Any]:
    """List the starts that can be booked."""
    start = query.start or utc_now()
    end = query.end or start + USUAL_SPAN
    if end < start:
        raise Invalid("to", "The end must be after the start.")
    if end - start > LONGEST_SPAN:
        raise Invalid("to", f"Ask for at most {LONGEST_SPAN.days} days.")
    return {"items": booking.times(actor, exam_id, start, end)}


@resource.route("POST", "/exams/<exam_id>/bookings", body=Start, answer=Session, status=201)
def book(actor: Actor, exam_id: str, body: Start) -> dict[str, Any]:
    """Book a start; a free proctor is assigned at once."""
    return booking.book(actor, exam_id, body.start)


@resource.route("DELETE", "/sessions/<session_id>/booking", status=204)
def cancel_booking(actor: Actor, session_id: str) -> None:
    """Give a booking back."""
    booking.cancel(actor, session_id)
