"""What software looks for: the table of rules, an exam's settings, accommodations."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from proctorhub.domain.incident_policy import LARGEST_RELAXATION
from proctorhub.domain.incident_rules import RULES, RULES_VERSION
from proctorhub.domain.incident_terms import Detector, Severity
from proctorhub.domain.permissions import Actor
from proctorhub.services import monitoring_settings
from proctorhub.web.api.answers import Items
from proctorhub.web.api.fields import Body
from proctorhub.web.api.incident_answers import Accommodation, MonitoringSettings, Rules
from proctorhub.web.api.routing import Resource

resource = Resource("monitoring")

Off = Annotated[list[Detector], Field(max_length=len(Detector))]
Weight = Annotated[int, Field(ge=0, le=100)]
Factor = Annotated[float, Field(gt=1, le=LARGEST_RELAXATION, allow_inf_nan=False)]
Application = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]


class SettingsDraft(Body):
    """What software looks for during an exam."""

    off: Off = Field(default_factory=list)
    weights: dict[Detector, Weight] = Field(default_factory=dict)
    severity: dict[Detector, Severity] = Field(default_factory=dict)
    forbidden_applications: Annotated[
        list[Application], Field(max_length=monitoring_settings.MOST_APPLICATIONS)
    ] = Field(default_factory=list)


class AccommodationDraft(Body):
    """What is not looked for, or less strictly; empty takes an accommodation away."""

    off: Off = Field(default_factory=list)
    relaxed: dict[Detector, Factor] = Field(default_factory=dict)
    reason: Annotated[str, StringConstraints(max_length=2000, strip_whitespace=True)] = ""


@resource.route("GET", "/monitoring/rules", answer=Rules)
def list_rules(actor: Actor) -> dict[str, Any]:
    """Read the table of rules."""
    return {
        "version": RULES_VERSION,
        "items": [
            {
                "detector": detector.value,
                "source": rule.source.value,
                "severity": rule.severity.value,
                "weight": rule.weight,
                "thresholds": [
                    {
                        "value": criterion.value.value,
                        "sense": criterion.sense.value,
                        "enter": criterion.enter,
                        "leave": criterion.leave,
                    }
                    for criterion in rule.criteria
                ],
                "looks": rule.looks,
                "min_ms": rule.min_ms,
                "merge_ms": rule.merge_ms,
            }
            for detector, rule in RULES.items()
        ],
    }


@resource.route("GET", "/exams/<exam_id>/monitoring", answer=MonitoringSettings)
def get_exam_monitoring(actor: Actor, exam_id: str) -> dict[str, Any]:
    """Read what software looks for during an exam."""
    return monitoring_settings.get(actor, exam_id)


@resource.route("PUT", "/exams/<exam_id>/monitoring", body=SettingsDraft, answer=MonitoringSettings)
def put_exam_monitoring(actor: Actor, exam_id: str, body: SettingsDraft) -> dict[str, Any]:
    """Say what software looks for during an exam."""
    return monitoring_settings.put(actor, exam_id, body.model_dump(mode="json"))


@resource.route("GET", "/exams/<exam_id>/accommodations", answer=Items[Accommodation])
def list_accommodations(actor: Actor, exam_id: str) -> dict[str, Any]:
    """List the accommodations of an exam, with their reasons."""
    return {"items": monitoring_settings.accommodations_of(actor, exam_id)}


@resource.route(
    "PUT",
    "/exams/<exam_id>/accommodations/<candidate_id>",
    body=AccommodationDraft,
    answer=Items[Accommodation],
)
def put_accommodation(
    actor: Actor, exam_id: str, candidate_id: str, body: AccommodationDraft
) -> dict[str, Any]:
    """Accommodate a candidate."""
    wanted = body.model_dump(mode="json")
    return {"items": monitoring_settings.accommodate(actor, exam_id, candidate_id, wanted)}
