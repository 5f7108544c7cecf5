"""What the API answers about sending and watching media."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from proctorhub.domain.session import State
from proctorhub.web.api.evidence_answers import Recording
from proctorhub.web.api.fields import Answer
from proctorhub.web.api.session_answers import Session, SourceState


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
    still_url: str | None = None


class StillTicket(Answer):
    """A signed right to stills of one session's camera, and their address."""

    session_id: str
    url: str
    ticket: str
    expires_at: AwareDatetime


class CheckTicket(Ticket):
    """A ticket for the equipment check."""

    probe_url: str


class Joined(Answer):
    """A session opened for a candidate; the token is null while nothing may be sent yet."""

    session_id: str
    media_server_url: str
    webrtc_token: str | None
    session: Session


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


class TicketKey(Answer):
    """The public key that media nodes check tickets with."""

    key: str
    sha256: str


class Node(Answer):
    """A media node, as it last told of itself.

    One that does not take our tickets checks them with another key, and gets no sessions.
    """

    id: str
    url: str
    alive: bool
    takes_our_tickets: bool
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
