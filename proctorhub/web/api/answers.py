"""What the operations answer, as docs/api.md describes it."""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

from pydantic import AwareDatetime

from proctorhub.domain.session import State, Tier, Verdict
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


class ExamOfSession(Answer):
    """The exam as a session shows it; `url` is null until access is open."""

    id: str
    title: str
    duration_min: int
    tier: Tier
    open: bool
    rules: Rules
    url: str | None


class Candidate(Answer):
    """Who sits the exam."""

    id: str
    name: str
    photo_url: str | None


class Proctor(Answer):
    """Who looks after it."""

    id: str
    name: str


class Booking(Answer):
    """The booked time."""

    start: AwareDatetime
    end: AwareDatetime


class CheckResult(Answer):
    """One part of the equipment check."""

    name: str
    ok: bool
    detail: str


class Equipment(Answer):
    """The equipment check."""

    ok: bool
    at: AwareDatetime
    results: list[CheckResult]


class Consent(Answer):
    """What the candidate agreed to."""

    version: str
    sha256: str
    at: AwareDatetime


class ConsentText(Answer):
    """The text to agree to."""

    version: str
    text: str
    sha256: str


class Identity(Answer):
    """The decision about who it is; the stills are for staff."""

    status: Literal["approved", "rejected"]
    reason: str
    document_still: str | None = None
    face_still: str | None = None
    at: AwareDatetime | None = None


class Conclusion(Answer):
    """The signed verdict."""

    verdict: Verdict
    comment: str
    by: str
    at: AwareDatetime


class SourceState(Answer):
    """The connection of one source."""

    state: Literal["live", "silent", "closed"]
    chain: str
    at: AwareDatetime


class Actions(Answer):
    """What each side may do now."""

    candidate: list[str]
    proctor: list[str]


class Session(Answer):
    """One candidate sitting one exam."""

    id: str
    institution_id: str
    exam: ExamOfSession | None
    candidate: Candidate
    proctor: Proctor | None
    state: State
    attempt: int
    booking: Booking | None
    scheduled_at: AwareDatetime
    created_at: AwareDatetime | None
    checked_in_at: AwareDatetime | None
    started_at: AwareDatetime | None
    ends_at: AwareDatetime | None
    paused_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    reason: str | None
    equipment: Equipment | None
    consent: Consent | None
    identity: Identity | None
    conclusion: Conclusion | None
    sources: dict[str, SourceState]
    warnings: int
    actions: Actions
    server_now: AwareDatetime


class Joined(Answer):
    """A session opened for a candidate; the token is null while nothing may be sent yet."""

    session_id: str
    media_server_url: str
    webrtc_token: str | None
    session: Session


class IceServer(Answer):
    """A TURN or STUN server, as `RTCPeerConnection` takes it."""

    urls: list[str]
    username: str | None = None
    credential: str | None = None


class Ticket(Answer):
    """A signed right to one source, the address it opens, and how to get through to it."""

    ticket: str
    url: str
    expires_at: AwareDatetime
    ice_servers: list[IceServer]
    ice_transport_policy: Literal["all", "relay"]


class CheckTicket(Ticket):
    """A ticket for the equipment check."""

    probe_url: str


class SourceTicket(Ticket):
    """A ticket to send one source."""

    source: Literal["camera", "screen"]


class MediaSession(Answer):
    """The media of a session that an outside test engine runs."""

    session_id: str
    exam_id: str
    student_id: str
    state: State
    media_server_url: str
    started_at: AwareDatetime | None
    stopped_at: AwareDatetime | None
    sources: dict[str, SourceState]


class StartedMediaSession(MediaSession):
    """What the student's page needs to send."""

    tickets: list[SourceTicket]


class MediaSessionStatus(MediaSession):
    """How the recording stands; `settled` once every recording is whole and was announced."""

    recordings: list[Recording]
    settled: bool


class Node(Answer):
    """A media node, as it last told of itself."""

    id: str
    url: str
    alive: bool
    draining: bool
    placed: int
    limit: int
    cpu: float
    lag_ms: float
    sessions: int
    sources: int
    viewers: int
    waiting: int
    spool_bytes: int
    spool_age_s: float
    octets: int
    beat_at: AwareDatetime
    registered_at: AwareDatetime


class NewStill(Answer):
    """A picture that was kept."""

    id: str
    url: str
    sha256: str


class EntryActor(Answer):
    """Who did something."""

    id: str
    name: str
    role: str


class Entry(Answer):
    """One entry of a session's log, with its place in the hash chain."""

    session_id: str
    seq: int
    id: str
    kind: str
    at: AwareDatetime
    actor: EntryActor | None
    data: dict[str, Any]
    previous: str
    hash: str


class Gap(Answer):
    """A stretch of missing media."""

    track: str
    started_at: AwareDatetime
    ended_at: AwareDatetime
    cause: str


class Healed(Gap):
    """What the media node missed and the candidate's own browser filled: weaker trust."""

    origin: Literal["client"]


class Recording(Answer):
    """One playable file; a source whose codec changed has several parts."""

    source: str
    part: int
    url: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    duration_s: float
    bytes: int
    completeness: float
    gaps: list[Gap]
    healed: list[Healed]
    video_codec: str | None
    has_audio: bool | None


class LogCheck(Answer):
    """Whether the hash chain holds."""

    entries: int
    intact: bool
    head: str


class Report(Answer):
    """The whole session afterwards."""

    session: Session
    entries: list[Entry]
    sources: list[Recording]
    log: LogCheck


class Segment(Answer):
    """One stored piece of a recording."""

    id: str
    chain: str
    seq: int
    started_at: AwareDatetime
    ended_at: AwareDatetime
    bytes: int
    sha256: str
    origin: Literal["node", "client"]
    video_codec: str | None
    has_audio: bool | None


class Track(Answer):
    """What is recorded of one source, and what is missing.

    `recorded_s` is the media node's own; `backfilled_s` came from the candidate's browser.
    """

    source: str
    segments: list[Segment]
    gaps: list[Gap]
    healed: list[Healed]
    expected_s: float
    recorded_s: float
    backfilled_s: float
    completeness: float


class MediaOverview(Answer):
    """All sources of a session."""

    tracks: list[Track]


class Span(Answer):
    """A stretch of time."""

    started_at: AwareDatetime
    ended_at: AwareDatetime


class BackfillSource(Answer):
    """What is still missing of one source, and the number that its next chunk must have."""

    source: Literal["camera", "screen"]
    next_number: int
    gaps: list[Span]


class FilledSpan(Span):
    """A segment made of a chunk."""

    segment_id: str


class Filled(Answer):
    """What a chunk was good for."""

    number: int
    filled: list[FilledSpan]
