"""Sessions: looking at them, and opening one for a candidate."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from proctorhub.domain.permissions import Actor
from proctorhub.domain.session import State
from proctorhub.domain.ticket import Direction, Source
from proctorhub.services import low_bandwidth, placing, sessions, sitting, ticketing
from proctorhub.services.errors import Busy, Conflict, Invalid
from proctorhub.web.api.answers import Items
from proctorhub.web.api.fields import Body, Id, Moment, Query
from proctorhub.web.api.media_answers import Joined
from proctorhub.web.api.routing import Resource
from proctorhub.web.api.session_answers import Session
from proctorhub.web.security import called_hostname

resource = Resource("sessions")


class SessionQuery(Query):
    """Which sessions; `day` is in the account's time zone, `from` and `to` are one day's bounds."""

    model_config = ConfigDict(extra="forbid", serialize_by_alias=True)
    day: date | None = None
    start: Annotated[Moment | None, Field(alias="from")] = None
    end: Annotated[Moment | None, Field(alias="to")] = None
    state: State | None = None


class Join(Body):
    """Which exam; a machine also names the student, and may name their institution."""

    exam_id: Id
    student_id: Id | None = None
    institution_id: Id | None = None


class Switch(Body):
    """On or off."""

    on: bool


@resource.route("GET", "/sessions", query=SessionQuery, answer=Items[Session])
def list_sessions(actor: Actor, query: SessionQuery) -> dict[str, Any]:
    """List the sessions that concern this person."""
    span = (query.start, query.end)
    return {"items": sessions.list_for(actor, query.day, query.state, span)}


@resource.route("POST", "/sessions", body=Join, answer=Joined, status=201)
def join_session(actor: Actor, body: Join) -> dict[str, Any]:
    """Open a session of an exam that needs no booking, or return the one there is."""
    if body.institution_id not in (None, actor.institution_id):
        raise Invalid("institution_id", "There is no such institution.")
    view = sitting.join(actor, body.exam_id, body.student_id)
    webrtc_token = _ticket(actor, view)
    return {
        "session_id": view["id"],
        "media_server_url": placing.address(view["id"], called_hostname()),
        "webrtc_token": webrtc_token,
        "session": view,
    }


@resource.route("GET", "/sessions/<session_id>", answer=Session)
def get_session(actor: Actor, session_id: str) -> dict[str, Any]:
    """Read a session."""
    return sessions.view(actor, session_id)


@resource.route("POST", "/sessions/<session_id>/low-bandwidth", body=Switch, answer=Session)
def switch_low_bandwidth(actor: Actor, session_id: str, body: Switch) -> dict[str, Any]:
    """Save bandwidth in this session, or send what the exam says again."""
    low_bandwidth.switch(actor, session_id, on=body.on)
    return sessions.view(actor, session_id)


def _ticket(actor: Actor, view: dict[str, Any]) -> str | None:
    if view["candidate"]["id"] != actor.user_id:
        issued = ticketing.issue_for_machine(actor, view["id"])
        return str(issued["ticket"])
    try:
        issued = ticketing.issue(actor, view["id"], Source.CAMERA, Direction.SEND)
    except (Busy, Conflict):
        return None
    return str(issued["ticket"])
