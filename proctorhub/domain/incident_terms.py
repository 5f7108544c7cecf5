"""The terms that rules of conduct are written in: detectors, severities, thresholds, rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from proctorhub.domain.observation import Source, Value


class Detector(StrEnum):
    """What can be found."""

    NO_FACE = "no_face"
    SECOND_FACE = "second_face"
    OTHER_PERSON = "other_person"
    LOOKING_AWAY = "looking_away"
    CAMERA_COVERED = "camera_covered"
    CAMERA_FROZEN = "camera_frozen"
    TOO_DARK = "too_dark"
    SPEECH = "speech"
    TAB_HIDDEN = "tab_hidden"
    FOCUS_LOST = "focus_lost"
    FULLSCREEN_LEFT = "fullscreen_left"
    CLIPBOARD = "clipboard"
    SECOND_DISPLAY = "second_display"
    SHARE_STOPPED = "share_stopped"
    SHARE_NOT_MONITOR = "share_not_monitor"
    DEVTOOLS = "devtools"
    VIRTUAL_CAMERA = "virtual_camera"
    RECONNECTED = "reconnected"
    FORBIDDEN_APPLICATION = "forbidden_application"
    EXAM_NOT_SHOWN = "exam_not_shown"


class Severity(StrEnum):
    """How much it wants a person's eyes; from the lowest to the highest."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


ORDER = {severity: place for place, severity in enumerate(Severity)}


class Sense(StrEnum):
    """On which side of a threshold a value speaks for the incident."""

    ABOVE = "above"
    BELOW = "below"
    BEYOND = "beyond"


class Mode(StrEnum):
    """How looks add up.

    `sampled`: looks that must follow each other. `sum`: seconds that add up within a window.
    `level`: a signal that holds until it is taken back. `event`: what happens and is over.
    """

    SAMPLED = "sampled"
    SUM = "sum"
    LEVEL = "level"
    EVENT = "event"


@dataclass(frozen=True)
class Criterion:
    """A value and its thresholds: `enter` begins an incident, `leave` (milder) ends it.

    `above` and `beyond` (the value's size) count from the threshold on, `below` counts under it.
    `calibrated` values are taken from the candidate's own rest (domain/calibration.py). From `wary`
    on a closer look is worth it already, where a rule asks for bursts.
    """

    value: Value
    sense: Sense
    enter: float
    leave: float
    calibrated: bool = False
    wary: float | None = None

    def excess(self, measured: float) -> float:
        """Return how far a value is over `enter`; negative when it is not."""
        if self.sense is Sense.BELOW:
            return self.enter - measured
        return (abs(measured) if self.sense is Sense.BEYOND else measured) - self.enter

    def over(self, measured: float) -> bool:
        """Tell whether a value begins an incident."""
        excess = self.excess(measured)
        return excess > 0 if self.sense is Sense.BELOW else excess >= 0

    def holds(self, measured: float) -> bool:
        """Tell whether a value keeps an incident open."""
        return replace(self, enter=self.leave).over(measured)

    def suspects(self, measured: float) -> bool:
        """Tell whether a value that does not count yet deserves a closer look."""
        return self.wary is not None and replace(self, enter=self.wary).over(measured)


@dataclass(frozen=True)
class Rule:
    """One row: any criterion makes a look count.

    An incident begins when `looks` counting looks follow each other, none more than `patience_ms`
    after the one before, and span `min_ms`; it ends when it has not held for `merge_ms`, so two
    that are nearer are one. `severity` grows at the lengths (ms) of `grows`. `window_ms` is the
    window of a `sum`. `burst` asks for pictures at once when a first look counts. A look at which
    a rule of `yields_to` counts says nothing here. `weight` is the default share in the suspicion.
    """

    source: Source
    criteria: tuple[Criterion, ...]
    severity: Severity
    weight: int
    mode: Mode = Mode.SAMPLED
    looks: int = 1
    min_ms: int = 0
    patience_ms: int = 2_500
    merge_ms: int = 3_000
    window_ms: int = 0
    grows: tuple[tuple[int, Severity], ...] = ()
    burst: bool = False
    yields_to: tuple[Detector, ...] = ()

    @property
    def waits_for_rest(self) -> bool:
        """Whether nothing of it is judged before the candidate's own rest is known."""
        return bool(self.criteria) and all(criterion.calibrated for criterion in self.criteria)

    def severity_at(self, length_ms: int) -> Severity:
        """Return the severity of an incident of this length."""
        reached = [severity for at, severity in self.grows if length_ms >= at]
        return max([self.severity, *reached], key=ORDER.__getitem__)
