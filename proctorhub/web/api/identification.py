"""Stills, and the decision about who it is."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from flask import Response
from pydantic import StringConstraints

from proctorhub.domain.permissions import Actor
from proctorhub.services import identification, proctoring
from proctorhub.web.api.answers import Items
from proctorhub.web.api.fields import Body, Id, Moment, Nothing, Query, Words
from proctorhub.web.api.pictures import picture
from proctorhub.web.api.proctoring import Reason
from proctorhub.web.api.routing import Media, Resource
from proctorhub.web.api.session_answers import NewStill, Session, Still

resource = Resource("identification")


SegmentId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}-[0-9]{6}$")]


class StillForm(Query):
    """Where the picture is from, what for, and what the media node told of it."""

    source: Literal["camera", "screen", "proctor"]
    purpose: Literal["document", "face", "note"]
    frame_at: Moment | None = None
    segment_id: SegmentId | None = None


class Approval(Body):
    """The stills the decision rests on."""

    document_still: Id
    face_still: Id
    comment: Words | Literal[""] = ""


@resource.route("POST", "/sessions/<session_id>/identify", body=Nothing, answer=Session)
def begin_identification(actor: Actor, session_id: str, body: Nothing) -> dict[str, Any]:
    """Begin the identification."""
    return proctoring.identify(actor, session_id)


@resource.route("POST", "/sessions/<session_id>/approve", body=Approval, answer=Session)
def approve_identity(actor: Actor, session_id: str, body: Approval) -> dict[str, Any]:
    """Let the candidate in."""
    return identification.approve(
        actor, session_id, body.document_still, body.face_still, body.comment
    )


@resource.route("POST", "/sessions/<session_id>/reject", body=Reason, answer=Session)
def reject_identity(actor: Actor, session_id: str, body: Reason) -> dict[str, Any]:
    """Turn the candidate away."""
    return identification.reject(actor, session_id, body.reason)


@resource.route(
    "POST",
    "/sessions/<session_id>/stills",
    upload="image",
    form=StillForm,
    answer=NewStill,
    status=201,
)
def add_still(actor: Actor, session_id: str, form: StillForm, data: bytes) -> dict[str, Any]:
    """Keep a picture taken from a source, JPEG or PNG."""
    return identification.add_still(
        actor,
        session_id,
        form.source,
        form.purpose,
        data,
        frame_at=form.frame_at,
        segment_id=form.segment_id,
    )


@resource.route("GET", "/sessions/<session_id>/stills", answer=Items[Still])
def list_stills(actor: Actor, session_id: str) -> dict[str, Any]:
    """List the stills."""
    return {"items": identification.stills(actor, session_id)}


@resource.route("GET", "/sessions/<session_id>/stills/<still_id>", answer=Media("image/*"))
def get_still(actor: Actor, session_id: str, still_id: str) -> Response:
    """Read a still."""
    return picture(*identification.still(actor, session_id, still_id))
