"""What the API answers about incidents and about who looks."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime

from proctorhub.domain.incident_terms import Detector, Severity
from proctorhub.domain.observation import Source
from proctorhub.domain.watching import Looking
from proctorhub.web.api.fields import Answer


class Decided(Answer):
    """What a person made of an incident; `by` is null for the candidate."""

    value: Literal["confirmed", "dismissed"]
    comment: str
    by: str | None
    at: AwareDatetime


class FlaggedStill(Answer):
    """A picture of one look of an incident."""

    id: str
    frame_sha256: str
    url: str


class Incident(Answer):
    """One incident; `explanation` is as described in docs/rules.md."""

    id: str
    detector: Detector
    source: Source
    severity: Severity
    started_at: AwareDatetime
    ended_at: AwareDatetime | None
    flagged_at: AwareDatetime
    explanation: dict[str, Any]
    stills: list[FlaggedStill]
    decision: Decided | None


class SuspicionPart(Answer):
    """The share of one detector."""

    detector: Detector
    count: int
    weight: int
    points: int


class Suspicion(Answer):
    """A number to sort by, with its parts; it decides nothing."""

    score: int
    parts: list[SuspicionPart]


class Incidents(Answer):
    """The incidents of a session; the score is for staff, `may_decide` for whoever asks."""

    items: list[Incident]
    suspicion: Suspicion | None
    may_decide: bool


class OpenIncident(Answer):
    """An incident as a tile of the grid shows it."""

    id: str
    detector: Detector
    severity: Severity
    started_at: AwareDatetime
    ended_at: AwareDatetime | None


class DetectorState(Answer):
    """How one detector stands now; `since` when it fell silent.

    While `calibrating` it looks, but judges nothing before it knows the candidate's own rest.
    """

    detector: Detector
    source: Source
    state: Looking
    since: AwareDatetime | None
    calibrating: bool


class MonitoringGap(Answer):
    """A stretch in which some detectors did not look."""

    source: Source
    detectors: list[Detector]
    started_at: AwareDatetime
    ended_at: AwareDatetime


class Monitoring(Answer):
    """Who looks at a session."""

    detectors: list[DetectorState]
    gaps: list[MonitoringGap]


class WantedSignals(Answer):
    """What the candidate's page should tell of now; `observed` is all that software looks for."""

    wanted: list[Detector]
    observed: list[Detector]


class Threshold(Answer):
    """A value and what it takes to begin and to end."""

    value: str
    sense: Literal["above", "below", "beyond"]
    enter: float
    leave: float


class RuleRow(Answer):
    """One row of the table of rules."""

    detector: Detector
    source: Source
    severity: Severity
    weight: int
    thresholds: list[Threshold]
    looks: int
    min_ms: int
    merge_ms: int


class Rules(Answer):
    """The table of rules."""

    version: str
    items: list[RuleRow]


class MonitoringSettings(Answer):
    """What software looks for during an exam; what is not named is as in the table of rules."""

    off: list[Detector]
    weights: dict[Detector, int]
    severity: dict[Detector, Severity]
    forbidden_applications: list[str]


class Accommodated(Answer):
    """For whom."""

    id: str
    name: str


class Accommodation(Answer):
    """What is not looked for, or less strictly, for one candidate."""

    candidate: Accommodated
    off: list[Detector]
    relaxed: dict[Detector, float]
    reason: str
    by: str
    at: AwareDatetime
