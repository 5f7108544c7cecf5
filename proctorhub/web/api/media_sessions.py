"""Media sessions for an outside test engine: it runs the exam, we record."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from proctorhub.domain.permissions import Actor
from proctorhub.services import media_sessions
from proctorhub.web.api.fields import Body, Id, Nothing
from proctorhub.web.api.media_answers import MediaSessionStatus, StartedMediaSession
from proctorhub.web.api.routing import Resource
from proctorhub.web.api.sitting import Agreement
from proctorhub.web.security import called_hostname

resource = Resource("media sessions")

Sources = Annotated[list[Literal["camera", "screen"]], Field(min_length=1, max_length=2)]


class Start(Body):
    """Whose media, for which exam; `consent` is what the student agreed to in the test engine."""

    exam_id: Id
    student_id: Id
    consent: Agreement
    sources: Sources = Field(default_factory=lambda: ["camera", "screen"])


@resource.route("POST", "/media-sessions", body=Start, answer=StartedMediaSession, status=201)
def start_media_session(actor: Actor, body: Start) -> dict[str, Any]:
    """Begin to record a student, or get fresh tickets for a session that has begun."""
    return media_sessions.start(
        actor,
        body.exam_id,
        body.student_id,
        consent=(body.consent.version, body.consent.sha256),
        sources=body.sources,
        hostname=called_hostname(),
    )


@resource.route("GET", "/media-sessions/<session_id>", answer=MediaSessionStatus)
def get_media_session(actor: Actor, session_id: str) -> dict[str, Any]:
    """See how the recording of a student stands."""
    return media_sessions.status(actor, session_id, hostname=called_hostname())


@resource.route(
    "POST", "/media-sessions/<session_id>/stop", body=Nothing, answer=MediaSessionStatus
)
def stop_media_session(actor: Actor, session_id: str, body: Nothing) -> dict[str, Any]:
    """End the recording; what is on its way is still stored."""
    return media_sessions.stop(actor, session_id, hostname=called_hostname())
