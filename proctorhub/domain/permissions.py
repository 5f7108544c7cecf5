"""Who may do and see what."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """The roles a user can hold, several at once."""

    CANDIDATE = "candidate"
    PROCTOR = "proctor"
    REVIEWER = "reviewer"
    EXAM_ADMIN = "exam_admin"
    ADMIN = "admin"


class Right(StrEnum):
    """Rights that do not depend on one session."""

    MANAGE_EXAMS = "manage_exams"
    MANAGE_USERS = "manage_users"
    OFFER_TIME = "offer_time"
    SIT = "sit"
    PROCTOR = "proctor"
    REVIEW = "review"
    OPERATE = "operate"


_ROLE_RIGHTS: dict[Role, frozenset[Right]] = {
    Role.CANDIDATE: frozenset({Right.SIT}),
    Role.PROCTOR: frozenset({Right.OFFER_TIME, Right.PROCTOR}),
    Role.REVIEWER: frozenset({Right.REVIEW}),
    Role.EXAM_ADMIN: frozenset({Right.MANAGE_EXAMS, Right.REVIEW}),
    Role.ADMIN: frozenset({Right.MANAGE_EXAMS, Right.MANAGE_USERS, Right.REVIEW, Right.OPERATE}),
}


@dataclass(frozen=True)
class Actor:
    """Somebody signed on, or a machine with a token."""

    user_id: str
    name: str
    roles: frozenset[str]
    institution_id: str

    def may(self, right: Right) -> bool:
        """Tell whether any of the roles carries the right."""
        return any(right in _ROLE_RIGHTS[Role(role)] for role in self.roles)


@dataclass(frozen=True)
class Parties:
    """Whose session it is."""

    candidate_id: str
    proctor_id: str | None
    institution_id: str


class Standing(StrEnum):
    """How an actor stands to one session."""

    NONE = "none"
    CANDIDATE = "candidate"
    READER = "reader"
    PROCTOR = "proctor"


def standing(actor: Actor, parties: Parties) -> Standing:
    """Return how the actor stands to the session; NONE must look like "there is no such session".

    The proctor of a session acts on it; a proctor may read one that nobody has taken yet;
    reviewers and administrators of the same institution read.
    """
    if actor.institution_id != parties.institution_id:
        return Standing.NONE
    if actor.user_id == parties.candidate_id:
        return Standing.CANDIDATE
    if actor.may(Right.PROCTOR):
        if parties.proctor_id == actor.user_id:
            return Standing.PROCTOR
        if parties.proctor_id is None:
            return Standing.READER
    if actor.may(Right.REVIEW):
        return Standing.READER
    return Standing.NONE


_CANDIDATE_SEES = frozenset(
    {
        "session.created",
        "booking.made",
        "proctor.assigned",
        "equipment.checked",
        "consent.given",
        "identity.challenged",
        "identity.submitted",
        "identity.checked",
        "time.extended",
        "bandwidth.switched",
        "warning",
        "chat",
        "source.opened",
        "source.closed",
        "track.silent",
        "track.live",
        "gap.noted",
    }
)


def visible_to(side: str, kind: str) -> bool:
    """Tell whether a log entry of `kind` may be shown to `side` (`candidate` or `staff`)."""
    return side == "staff" or kind in _CANDIDATE_SEES or kind.startswith("state.")
