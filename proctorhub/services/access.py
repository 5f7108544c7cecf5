"""Opening a session for somebody: what is not theirs does not exist for them."""

from __future__ import annotations

from proctorhub.domain.permissions import Actor, Parties, Right, Standing, standing
from proctorhub.services.changing import Document, raw
from proctorhub.services.errors import Forbidden, NotFound


def parties(session: Document) -> Parties:
    """Return whose session it is."""
    return Parties(session["candidate_id"], session.get("proctor_id"), session["institution_id"])


def opened(actor: Actor, session_id: str) -> tuple[Document, Standing]:
    """Return a session and how the actor stands to it. Raises NotFound."""
    session = raw(session_id)
    stands = standing(actor, parties(session))
    if stands is Standing.NONE:
        raise NotFound("session")
    return session, stands


def as_candidate(actor: Actor, session_id: str) -> Document:
    """Return the actor's own session. Raises NotFound."""
    session, stands = opened(actor, session_id)
    if stands is not Standing.CANDIDATE:
        raise NotFound("session")
    return session


def as_proctor(actor: Actor, session_id: str) -> Document:
    """Return a session the actor proctors. Raises NotFound, or Forbidden for other staff."""
    session, stands = opened(actor, session_id)
    if stands is Standing.CANDIDATE:
        raise NotFound("session")
    if stands is not Standing.PROCTOR:
        raise Forbidden("Another proctor looks after this session.", code="not_your_session")
    return session


def as_staff(actor: Actor, session_id: str) -> Document:
    """Return a session the actor may read as staff. Raises NotFound."""
    session, stands = opened(actor, session_id)
    if stands is Standing.CANDIDATE:
        raise NotFound("session")
    return session


def require(actor: Actor, right: Right) -> None:
    """Raise Forbidden unless one of the actor's roles carries the right."""
    if not actor.may(right):
        raise Forbidden("Your account may not do this.", code="forbidden")
