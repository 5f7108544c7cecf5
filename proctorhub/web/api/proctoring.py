"""What a proctor does to a session."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from proctorhub.domain.permissions import Actor
from proctorhub.domain.session import Verdict
from proctorhub.live import wire
from proctorhub.services import concluding, proctoring, sessions, sitting, watching
from proctorhub.web.api.answers import Items
from proctorhub.web.api.fields import Body, Nothing, Words
from proctorhub.web.api.routing import Resource
from proctorhub.web.api.session_answers import Entry, Session, Watched

resource = Resource("proctoring")


class Reason(Body):
    """Why; the candidate reads it."""

    reason: Words


class Text(Body):
    """Some words."""

    text: Words


class Minutes(Body):
    """How much longer."""

    minutes: Annotated[int, Field(ge=1, le=240)]


class Signed(Body):
    """The verdict; anything but `clean` needs a comment."""

    verdict: Verdict
    comment: Annotated[str, StringConstraints(max_length=5000)] = ""


@resource.route("GET", "/proctoring/grid", answer=Items[Watched])
def watch_all(actor: Actor) -> dict[str, Any]:
    """List the own sessions that are going on, with what a tile of the grid shows."""
    tiles = watching.grid(actor)
    return {"items": [{**t, "chat": t["chat"] and wire.entry(t["chat"])} for t in tiles]}


@resource.route("POST", "/sessions/<session_id>/take", body=Nothing, answer=Session)
def take_session(actor: Actor, session_id: str, body: Nothing) -> dict[str, Any]:
    """Become the proctor of a session nobody has."""
    return proctoring.take(actor, session_id)


@resource.route("POST", "/sessions/<session_id>/pause", body=Nothing, answer=Session)
def pause_session(actor: Actor, session_id: str, body: Nothing) -> dict[str, Any]:
    """Stop the exam's clock."""
    return proctoring.pause(actor, session_id)


@resource.route("POST", "/sessions/<session_id>/resume", body=Nothing, answer=Session)
def resume_session(actor: Actor, session_id: str, body: Nothing) -> dict[str, Any]:
    """Start the clock again; the time of the pause is given back."""
    return proctoring.resume(actor, session_id)


@resource.route("POST", "/sessions/<session_id>/extend", body=Minutes, answer=Session)
def extend_session(actor: Actor, session_id: str, body: Minutes) -> dict[str, Any]:
    """Add minutes."""
    return proctoring.extend(actor, session_id, body.minutes)


@resource.route("POST", "/sessions/<session_id>/finish", body=Nothing, answer=Session)
def finish_session(actor: Actor, session_id: str, body: Nothing) -> dict[str, Any]:
    """Hand in, or collect the exam as its proctor."""
    own = sessions.view(actor, session_id)["candidate"]["id"] == actor.user_id
    return sitting.finish(actor, session_id) if own else proctoring.finish(actor, session_id)


@resource.route("POST", "/sessions/<session_id>/interrupt", body=Reason, answer=Session)
def interrupt_session(actor: Actor, session_id: str, body: Reason) -> dict[str, Any]:
    """End early."""
    return proctoring.interrupt(actor, session_id, body.reason)


@resource.route("POST", "/sessions/<session_id>/warn", body=Text, answer=Session)
def warn_candidate(actor: Actor, session_id: str, body: Text) -> dict[str, Any]:
    """Warn the candidate."""
    return proctoring.warn(actor, session_id, body.text)


@resource.route("POST", "/sessions/<session_id>/notes", body=Text, answer=Entry, status=201)
def add_note(actor: Actor, session_id: str, body: Text) -> dict[str, Any]:
    """Write a note that the candidate never sees."""
    return wire.entry(proctoring.note(actor, session_id, body.text))


@resource.route("POST", "/sessions/<session_id>/conclusion", body=Signed, answer=Session)
def sign_conclusion(actor: Actor, session_id: str, body: Signed) -> dict[str, Any]:
    """Sign the conclusion."""
    return concluding.sign(actor, session_id, body.verdict, body.comment)
