"""Incidents: what the rules found, the page's own signals, and people's decisions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from flask import Response
from pydantic import Field, StringConstraints

from proctorhub.domain.incident_terms import Detector
from proctorhub.domain.permissions import Actor
from proctorhub.domain.signals import Signal
from proctorhub.services import incidents, log, signals, watchers
from proctorhub.web.api.fields import Body, Moment
from proctorhub.web.api.incident_answers import Incident, Incidents, Monitoring, WantedSignals
from proctorhub.web.api.pictures import picture
from proctorhub.web.api.routing import Media, Resource
from proctorhub.web.limits import limiter

resource = Resource("incidents")

#: A page sends what it noticed together; an honest one stays far below this.
SIGNALS = "60 per minute"

Decision = Literal["confirmed", "dismissed"]
PageSignal = Literal[
    "tab_hidden",
    "focus_lost",
    "fullscreen_left",
    "clipboard",
    "second_display",
    "share_stopped",
    "share_not_monitor",
    "devtools",
    "virtual_camera",
    "reconnected",
]


class DecisionDraft(Body):
    """What somebody makes of an incident; `was` is the decision they saw before, if any."""

    decision: Decision
    comment: Annotated[str, StringConstraints(max_length=incidents.LONGEST_COMMENT)] = ""
    was: Decision | None = None


class SignalDraft(Body):
    """One thing the page noticed, and when; `label` is the camera's name."""

    kind: PageSignal
    at: Moment
    on: bool = True
    label: Annotated[str, StringConstraints(max_length=200)] = ""


class SignalsDraft(Body):
    """What the page noticed, oldest first."""

    signals: Annotated[list[SignalDraft], Field(max_length=signals.MOST_SIGNALS)]


@resource.route("GET", "/sessions/<session_id>/incidents", answer=Incidents)
def list_incidents(actor: Actor, session_id: str) -> dict[str, Any]:
    """List the incidents with their reasons."""
    return incidents.list_for(actor, session_id)


@resource.route(
    "POST",
    "/sessions/<session_id>/incidents/<incident_id>/decision",
    body=DecisionDraft,
    answer=Incident,
)
def decide_incident(
    actor: Actor, session_id: str, incident_id: str, body: DecisionDraft
) -> dict[str, Any]:
    """Confirm or dismiss an incident."""
    return incidents.decide(actor, session_id, incident_id, body.decision, body.comment, body.was)


@resource.route(
    "GET",
    "/sessions/<session_id>/incidents/<incident_id>/stills/<still_id>",
    answer=Media("image/jpeg"),
)
def get_incident_still(actor: Actor, session_id: str, incident_id: str, still_id: str) -> Response:
    """Read a picture of an incident."""
    return picture(*incidents.still(actor, session_id, incident_id, still_id))


@resource.route("GET", "/sessions/<session_id>/monitoring", answer=Monitoring)
def get_monitoring(actor: Actor, session_id: str) -> dict[str, Any]:
    """Read which detectors look, which are silent, and when none looked."""
    return watchers.of_session(actor, session_id)


@resource.route("GET", "/sessions/<session_id>/signals", answer=WantedSignals)
def list_wanted_signals(actor: Actor, session_id: str) -> dict[str, Any]:
    """List what the candidate's page should tell of now, and all that software looks for."""
    return signals.wanted(actor, session_id)


@resource.route(
    "POST",
    "/sessions/<session_id>/signals",
    body=SignalsDraft,
    answer=WantedSignals,
    guard=limiter.limit(SIGNALS),
)
def send_signals(actor: Actor, session_id: str, body: SignalsDraft) -> dict[str, Any]:
    """Tell what the candidate's page noticed; answers with what is wanted now."""
    told = [
        Signal(Detector(one.kind), log.millis(one.at), one.on, one.label) for one in body.signals
    ]
    return signals.take(actor, session_id, told)
