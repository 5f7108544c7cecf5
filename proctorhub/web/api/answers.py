"""What every part of the API may answer, as docs/api.md describes it."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

from pydantic import AwareDatetime

from proctorhub.domain.media_settings import Codec
from proctorhub.domain.session import State, Tier
from proctorhub.web.api.fields import Answer

Item = TypeVar("Item")


class Items(Answer, Generic[Item]):
    """A list."""

    items: list[Item]


class Problem(Answer):
    """A refusal (RFC 9457)."""

    type: Literal["about:blank"]
    title: str
    status: int
    code: str
    detail: str
    field: str | None = None
    state: State | None = None
    request_id: str | None = None


class Now(Answer):
    """The server's time."""

    now: AwareDatetime


class Me(Answer):
    """The own account."""

    id: str
    login: str
    name: str
    roles: list[str]
    institution_id: str
    time_zone: str | None
    must_change_password: bool
    csrf_token: str


class User(Answer):
    """An account."""

    id: str
    login: str
    name: str
    email: str
    roles: list[str]
    active: bool
    time_zone: str | None
    has_photo: bool


class Token(Answer):
    """A machine's token, without the secret."""

    id: str
    name: str
    roles: list[str]
    created_at: AwareDatetime


class NewToken(Token):
    """A token with the secret, shown this once."""

    token: str


class Rules(Answer):
    """What a candidate may use and must show."""

    allowed: list[str]
    forbidden: list[str]
    require_screen: bool
    require_microphone: bool
    instructions: str


class Video(Answer):
    """What is sent of one source at most, and the codec that is asked for first."""

    width: int
    height: int
    frame_rate: int
    kbit: int
    codec: Codec


class Media(Answer):
    """What the exam's pages send."""

    camera: Video
    screen: Video
    microphone_kbit: int
    low_bandwidth: bool


class Identification(Answer):
    """Whether software identifies, and may compare with the face of an earlier exam."""

    software: bool
    enrolment: bool


class Exam(Answer):
    """An exam."""

    id: str
    title: str
    opens_at: AwareDatetime
    closes_at: AwareDatetime
    duration_min: int
    tier: Tier
    open: bool
    rules: Rules
    identity: Identification
    media: Media
    candidates: list[str]
    proctors: list[str]
    url: str | None
    session_counts: int | None = None


class Availability(Answer):
    """Time a proctor offers."""

    id: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    capacity: int
    taken: int


class Time(Answer):
    """A start that can be booked."""

    start: AwareDatetime
    places: int
