"""What the API answers about identification by software."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime

from proctorhub.domain.identity import Against, Match, Reason, State
from proctorhub.domain.liveness import Move
from proctorhub.web.api.fields import Answer


class Step(Answer):
    """One move and its window, milliseconds from the start of the burst."""

    move: Move
    from_ms: int
    to_ms: int


class Challenge(Answer):
    """What to do, and how many pictures a second to take of it."""

    nonce: str
    moves: list[Move]
    steps: list[Step]
    seconds: float
    expires_at: AwareDatetime
    frames_per_second: int
    attempts_left: int


class Submitted(Answer):
    """The check that was begun; where nobody can look, a person is asked at once."""

    id: str
    state: Literal[State.PENDING, State.NEEDS_HUMAN_REVIEW]


class Said(Answer):
    """A reason, and its sentence for the person who asks."""

    code: Reason
    sentence: str


class Field(Answer):
    """One thing read from the document."""

    name: Literal["name", "number", "birth_date", "expiry_date"]
    read: str | None
    expected: str | None
    match: Match


class ZoneCheck(Answer):
    """One check digit."""

    name: str
    held: bool


class Zone(Answer):
    """The zone; `repaired` counts characters put right, `confirmed`: the print says the same."""

    format: str
    checks: list[ZoneCheck]
    repaired: int
    confirmed: bool


class FaceMatch(Answer):
    """One comparison of faces."""

    against: Against
    distance: float | None
    match: Match


class Limits(Answer):
    """The thresholds of the embedding space, and where they come from."""

    space_id: str
    accept: float
    reject: float
    false_match_rate: float
    source: str


class MoveSeen(Answer):
    """A move that was asked for, and when it was seen."""

    move: Move
    seen_ms: int | None


class Liveness(Answer):
    """What the moves say."""

    outcome: Literal["passed", "unclear", "failed", "not_checked"]
    reasons: list[str]
    moves: list[MoveSeen]
    frames: int


class Record(Answer):
    """The signed record; `key` is the thumbprint of the key that signed it."""

    payload: dict[str, Any]
    key: str
    signature: str


class Details(Answer):
    """What was measured, for staff."""

    document_still: str
    selfie_still: str
    document_url: str
    selfie_url: str
    fields: list[Field]
    mrz: Zone | None
    faces: list[FaceMatch]
    thresholds: Limits | None
    liveness: Liveness
    models: dict[str, str]
    quality: dict[str, float | None]
    page_quality: dict[str, Any]
    missing: list[str]
    rules: str | None
    record: Record | None


class Check(Answer):
    """The newest check; a pending one is for a person from `answer_by` on."""

    id: str | None
    state: Literal["none", "pending", "verified", "rejected", "needs_human_review"]
    reasons: list[Said]
    attempts_left: int
    at: AwareDatetime | None
    answer_by: AwareDatetime | None
    details: Details | None
