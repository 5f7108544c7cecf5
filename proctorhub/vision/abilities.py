"""Which detectors a composition of backends can serve."""

from __future__ import annotations

from proctorhub.domain.incident_terms import Detector
from proctorhub.plugins import Capability
from proctorhub.vision.composition import Composition

#: What a detector of the media sources needs. The page's own signals need no worker.
NEEDS: dict[Detector, Capability | None] = {
    Detector.NO_FACE: Capability.DETECT,
    Detector.SECOND_FACE: Capability.DETECT,
    Detector.OTHER_PERSON: Capability.EMBED,
    Detector.LOOKING_AWAY: Capability.POSE,
    Detector.CAMERA_COVERED: None,
    Detector.CAMERA_FROZEN: None,
    Detector.TOO_DARK: None,
    Detector.SPEECH: Capability.SPEECH,
    Detector.FORBIDDEN_APPLICATION: Capability.OCR,
    Detector.EXAM_NOT_SHOWN: Capability.OCR,
}


def able(backends: Composition) -> frozenset[Detector]:
    """Return the detectors that can be served."""
    return frozenset(d for d, needed in NEEDS.items() if needed is None or needed in backends)
