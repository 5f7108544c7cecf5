"""The candidate's way through a session."""

from __future__ import annotations

from typing import Annotated, Any

from flask_babel import get_locale
from pydantic import Field, StringConstraints

from proctorhub.domain.permissions import Actor
from proctorhub.services import sitting
from proctorhub.web.api.fields import Body, Line, Nothing, Sha256
from proctorhub.web.api.routing import Resource
from proctorhub.web.api.session_answers import ConsentText, Session

resource = Resource("sitting")


class Check(Body):
    """One part of the equipment check."""

    name: Line
    ok: bool
    detail: Annotated[str, StringConstraints(max_length=2000)] = ""


class EquipmentResults(Body):
    """What the check found."""

    results: Annotated[list[Check], Field(min_length=1, max_length=30)]


class Agreement(Body):
    """Which text was agreed to."""

    version: Line
    sha256: Sha256


@resource.route("POST", "/sessions/<session_id>/equipment", body=EquipmentResults, answer=Session)
def report_equipment(actor: Actor, session_id: str, body: EquipmentResults) -> dict[str, Any]:
    """Keep the result of the equipment check."""
    return sitting.equipment(actor, session_id, body.model_dump()["results"])


@resource.route("GET", "/consent", answer=ConsentText)
def get_consent_text(actor: Actor) -> dict[str, Any]:
    """Read the text a candidate agrees to, in the asker's language where there is one."""
    return dict(sitting.consent_text(str(get_locale())))


@resource.route("GET", "/sessions/<session_id>/consent", answer=ConsentText)
def get_consent_text_of_session(actor: Actor, session_id: str) -> dict[str, Any]:
    """Read the text that fits a session's exam, in the asker's language where there is one."""
    return dict(sitting.consent_text_for(actor, session_id, str(get_locale())))


@resource.route("POST", "/sessions/<session_id>/consent", body=Agreement, answer=Session)
def give_consent(actor: Actor, session_id: str, body: Agreement) -> dict[str, Any]:
    """Agree to being recorded."""
    return sitting.consent(actor, session_id, body.version, body.sha256)


@resource.route("POST", "/sessions/<session_id>/check-in", body=Nothing, answer=Session)
def check_in(actor: Actor, session_id: str, body: Nothing) -> dict[str, Any]:
    """Come in."""
    return sitting.check_in(actor, session_id)


@resource.route("POST", "/sessions/<session_id>/ready", body=Nothing, answer=Session)
def be_ready(actor: Actor, session_id: str, body: Nothing) -> dict[str, Any]:
    """Say that everything is on."""
    return sitting.ready(actor, session_id)


@resource.route("POST", "/sessions/<session_id>/start", body=Nothing, answer=Session)
def start_exam(actor: Actor, session_id: str, body: Nothing) -> dict[str, Any]:
    """Start the exam's clock."""
    return sitting.start(actor, session_id)
