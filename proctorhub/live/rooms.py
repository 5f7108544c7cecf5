"""The rooms of the live plane: who hears what is the choice of a room's name."""

from __future__ import annotations

from proctorhub.domain.permissions import Actor, Right


def session(session_id: str, side: str) -> str:
    """Those who watch one session, as `candidate` or as `staff`."""
    return f"session:{session_id}:{side}"


def own(user_id: str) -> str:
    """One candidate's own sessions."""
    return f"own:{user_id}"


def assigned(user_id: str) -> str:
    """The day's table of one proctor: the sessions assigned to them."""
    return f"assigned:{user_id}"


def unassigned(institution_id: str) -> str:
    """The day's tables of all proctors: the sessions nobody has taken."""
    return f"unassigned:{institution_id}"


def every(institution_id: str) -> str:
    """The day's table of reviewers and administrators: all sessions."""
    return f"every:{institution_id}"


def news(institution_id: str) -> str:
    """Everybody of an institution who watches a table: exams and availability changed."""
    return f"news:{institution_id}"


def of_day(actor: Actor) -> list[str]:
    """Return the rooms of the day's table as `actor` may see it; empty for a candidate."""
    rooms = []
    if actor.may(Right.PROCTOR):
        rooms += [assigned(actor.user_id), unassigned(actor.institution_id)]
    if actor.may(Right.REVIEW):
        rooms.append(every(actor.institution_id))
    return [*rooms, news(actor.institution_id)] if rooms else []
