"""When proctors are there."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from proctorhub.domain.permissions import Actor, Right
from proctorhub.domain.scheduling import LONGEST_AVAILABILITY, Offer
from proctorhub.records.base import utc_now
from proctorhub.records.exams import Availability
from proctorhub.services import feed
from proctorhub.services.access import require
from proctorhub.services.errors import Conflict, Invalid, NotFound


def add(actor: Actor, starts_at: datetime, ends_at: datetime, capacity: int) -> dict[str, Any]:
    """Offer time for up to `capacity` candidates at once. Raises Invalid, Conflict `overlap`."""
    require(actor, Right.OFFER_TIME)
    if ends_at <= starts_at:
        raise Invalid("ends_at", "The end must be after the start.")
    if ends_at - starts_at > LONGEST_AVAILABILITY:
        raise Invalid("ends_at", "One entry is at most 24 hours long.")
    if ends_at <= utc_now():
        raise Invalid("ends_at", "This time is over.")
    if not 1 <= capacity <= 200:
        raise Invalid("capacity", "The number of candidates is 1 to 200.")
    mine = Availability.objects(
        proctor_id=actor.user_id, starts_at__lt=ends_at, ends_at__gt=starts_at
    )
    if mine.first():
        raise Conflict("You have entered this time already.", code="overlap")
    record = Availability(
        institution_id=actor.institution_id,
        proctor_id=actor.user_id,
        starts_at=starts_at,
        ends_at=ends_at,
        capacity=capacity,
    ).save(force_insert=True)
    feed.tell(actor.institution_id, "availability.changed", {})
    return _view(record)


def list_for(actor: Actor) -> list[dict[str, Any]]:
    """Return the proctor's own entries that are not over, in order."""
    require(actor, Right.OFFER_TIME)
    mine = Availability.objects(proctor_id=actor.user_id, ends_at__gt=utc_now())
    return [_view(record) for record in mine.order_by("starts_at")]


def remove(actor: Actor, availability_id: str) -> None:
    """Take an entry back that nobody has booked. Raises NotFound, Conflict `has_bookings`."""
    require(actor, Right.OFFER_TIME)
    removed = Availability._get_collection().delete_one(
        {"_id": availability_id, "proctor_id": actor.user_id, "claims": {"$size": 0}}
    )
    if not removed.deleted_count:
        if Availability.objects(id=availability_id, proctor_id=actor.user_id).first():
            raise Conflict("Candidates have booked this time.", code="has_bookings")
        raise NotFound("availability")
    feed.tell(actor.institution_id, "availability.changed", {})


def offer(record: Availability) -> Offer:
    """Return the plain value that domain/scheduling.py reckons with."""
    return Offer(record.starts_at, record.ends_at, record.capacity, dict(record.taken))


def _view(record: Availability) -> dict[str, Any]:
    return {
        "id": record.id,
        "starts_at": record.starts_at,
        "ends_at": record.ends_at,
        "capacity": record.capacity,
        "taken": len(record.claims),
    }
