"""Is this the person of the profile? What software may say, from what it measured.

VERIFIED needs every comparison to hold. REJECTED is for what good pictures contradict. Everything
in between, and whatever could not be measured well, is for a person (`NEEDS_HUMAN_REVIEW`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from proctorhub.domain import liveness, names

VERSION = "2026-11.4"


class State(StrEnum):
    """How a check stands."""

    PENDING = "pending"
    VERIFIED = "verified"
    REJECTED = "rejected"
    NEEDS_HUMAN_REVIEW = "needs_human_review"


class Against(StrEnum):
    """What the live picture of the face is compared with.

    The moves are made by the same person as the picture shows; the enrolment is the face that the
    same user was last approved with.
    """

    DOCUMENT = "document"
    BURST = "burst"
    ENROLMENT = "enrolment"


class Match(StrEnum):
    """What became of one comparison."""

    SAME = "same"
    UNSURE = "unsure"
    DIFFERENT = "different"
    NOT_CHECKED = "not_checked"


class Reason(StrEnum):
    """Why a check is no better than it is."""

    FACE_DIFFERENT = "face_different"
    MOVES_DIFFERENT = "moves_different"
    ENROLMENT_DIFFERENT = "enrolment_different"
    NAME_DIFFERENT = "name_different"
    NOT_LIVE = "not_live"
    FACE_UNSURE = "face_unsure"
    MOVES_UNSURE = "moves_unsure"
    ENROLMENT_UNSURE = "enrolment_unsure"
    NAME_UNSURE = "name_unsure"
    LIVENESS_UNCLEAR = "liveness_unclear"
    NO_FACE_ON_DOCUMENT = "no_face_on_document"
    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    FACE_TOO_SMALL = "face_too_small"
    PICTURE_BLURRED = "picture_blurred"
    PICTURE_GLARE = "picture_glare"
    PICTURE_DOUBTED = "picture_doubted"
    DOCUMENT_UNREAD = "document_unread"
    ZONE_UNREAD = "zone_unread"
    ZONE_UNSURE = "zone_unsure"
    ZONE_REPAIRED = "zone_repaired"
    DOCUMENT_EXPIRED = "document_expired"
    NOT_CHECKED = "not_checked"
    NO_ANSWER = "no_answer"
    NOBODY_LOOKS = "nobody_looks"


#: The smaller side of a face, pixels. Measured: a face of 40 px on a card is still told apart.
LEAST_DOCUMENT_FACE_PX = 36.0
LEAST_SELFIE_FACE_PX = 80.0
#: A second face in the live picture counts from this score on.
SECOND_FACE = 0.65
#: Mean confidence of the lines that were read: blurred print is read with less. Measured on drawn
#: documents (benchmarks/vision/README.md): all that were read right lie above 0.92; real print is
#: worn, so the limit is not as near to them as it could be.
LEAST_LEGIBILITY = 0.90
#: The share of the document's print that is burnt out. Measured there too: reflections that hid
#: nothing burnt up to 0.037, the smallest that cut a number short 0.054.
MOST_GLARE = 0.05
#: Decimals of what is measured: what is judged is what is kept.
PLACES = 4


@dataclass(frozen=True)
class PageLimits:
    """What the candidate's own page asks of a picture before it is sent.

    The page cannot read: it measures grey values inside its guide, 640 pixels wide
    (js/identity/picture-quality.js). `dark`, `bright`: their mean; `glare`: the share burnt white;
    `detail`: the strong edge, grey levels; `sharpness`: the share of it that rises within a pixel.
    Below a `steadiness` a picture is shaken, unless it is as sharp as `shaken`. `pixels`: the
    guide's width in the camera's own.
    """

    dark: float
    bright: float
    glare: float
    detail: float
    sharpness: float
    steadiness: float
    shaken: float
    pixels: int


#: By what the picture shows. Where the limits come from: benchmarks/vision/README.md, Documents.
PAGE_LIMITS = {
    "document": PageLimits(
        dark=55, bright=225, glare=0.012, detail=25, sharpness=0.21, steadiness=0.65, shaken=0.35,
        pixels=400,
    ),
    "face": PageLimits(
        dark=45, bright=215, glare=1, detail=15, sharpness=0, steadiness=0, shaken=0, pixels=240
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Thresholds:
    """Those of one embedding space; distances of another are never held against them."""

    space_id: str
    accept: float
    reject: float
    false_match_rate: float
    source: str


@dataclass(frozen=True)
class Zone:
    """What the machine-readable zone of a document said about itself.

    `repaired` counts characters that software put right; `confirmed`: the print outside the zone
    says the same.
    """

    format: str
    checks: Mapping[str, bool]
    repaired: int
    confirmed: bool = False

    @property
    def valid(self) -> bool:
        """Whether every check digit holds."""
        return all(self.checks.values())


@dataclass(frozen=True)
class Measured:
    """What a worker measured; distances are those of `thresholds.space_id`, rounded to PLACES.

    What was not or could not be measured is None. `missing` names what nobody here can do,
    `compared` what the face had to be compared with. `zone_unread`: the document has a zone, and it
    could not be read. `seen_ms` is when each move was seen.
    """

    missing: Sequence[str] = ()
    models: Mapping[str, str] = field(default_factory=dict)
    thresholds: Thresholds | None = None
    compared: Sequence[str] = (Against.DOCUMENT, Against.BURST)
    distances: Mapping[str, float] = field(default_factory=dict)
    document_face_px: float | None = None
    selfie_face_px: float | None = None
    second_face: float = 0.0
    legibility: float | None = None
    glare: float | None = None
    name: str = names.Match.UNSURE.value
    name_read: str = ""
    number: str | None = None
    birth_date: str | None = None
    expiry_date: str | None = None
    zone: Zone | None = None
    zone_unread: bool = False
    liveness: str = liveness.Outcome.UNCLEAR.value
    liveness_reasons: Sequence[str] = ()
    seen_ms: Sequence[int | None] = ()
    frames: int = 0


@dataclass(frozen=True)
class Verdict:
    """The state and every reason why it is no better, the weightiest first."""

    state: State
    reasons: tuple[Reason, ...] = ()


_FACE = {
    Against.DOCUMENT: (Reason.FACE_DIFFERENT, Reason.FACE_UNSURE),
    Against.BURST: (Reason.MOVES_DIFFERENT, Reason.MOVES_UNSURE),
    Against.ENROLMENT: (Reason.ENROLMENT_DIFFERENT, Reason.ENROLMENT_UNSURE),
}


def match(measured: Measured, against: Against) -> Match:
    """Return how one comparison of faces came out."""
    distance, limits = measured.distances.get(against), measured.thresholds
    if distance is None or limits is None:
        return Match.NOT_CHECKED
    if distance <= limits.accept:
        return Match.SAME
    return Match.DIFFERENT if distance > limits.reject else Match.UNSURE


def judge(measured: Measured, *, today: date, doubted: bool) -> Verdict:
    """Judge what was measured; `doubted`: the candidate's own page found a picture poor.

    A poor picture contradicts nobody, so nobody is rejected on the strength of one: a document
    whose number cannot be read is one (measured: blur takes the print before it takes the face).
    """
    if measured.missing:
        return Verdict(State.NEEDS_HUMAN_REVIEW, (Reason.NOT_CHECKED,))
    poor = _poor(measured, doubted)
    against: list[Reason] = []
    open_: list[Reason] = []
    for name in measured.compared:
        different, unsure = _FACE[Against(name)]
        found = match(measured, Against(name))
        if found is Match.DIFFERENT:
            against.append(different)
        elif found is not Match.SAME:
            open_.append(unsure)
    if measured.name == names.Match.DIFFERENT:
        against.append(Reason.NAME_DIFFERENT)
    elif measured.name != names.Match.SAME:
        open_.append(Reason.NAME_UNSURE)
    if measured.liveness == liveness.Outcome.FAILED:
        against.append(Reason.NOT_LIVE)
    elif measured.liveness != liveness.Outcome.PASSED:
        open_.append(Reason.LIVENESS_UNCLEAR)
    open_ += _document(measured, today)
    if against:
        state = State.NEEDS_HUMAN_REVIEW if poor else State.REJECTED
        return Verdict(state, (*against, *poor, *open_))
    if poor or open_:
        return Verdict(State.NEEDS_HUMAN_REVIEW, (*poor, *open_))
    return Verdict(State.VERIFIED)


def _poor(measured: Measured, doubted: bool) -> list[Reason]:
    found = []
    if measured.document_face_px is None:
        found.append(Reason.NO_FACE_ON_DOCUMENT)
    if measured.selfie_face_px is None:
        found.append(Reason.NO_FACE)
    if (measured.document_face_px or LEAST_DOCUMENT_FACE_PX) < LEAST_DOCUMENT_FACE_PX or (
        measured.selfie_face_px or LEAST_SELFIE_FACE_PX
    ) < LEAST_SELFIE_FACE_PX:
        found.append(Reason.FACE_TOO_SMALL)
    if measured.second_face >= SECOND_FACE:
        found.append(Reason.SEVERAL_FACES)
    if measured.legibility is not None and measured.legibility < LEAST_LEGIBILITY:
        found.append(Reason.PICTURE_BLURRED)
    if measured.glare is not None and measured.glare > MOST_GLARE:
        found.append(Reason.PICTURE_GLARE)
    if measured.number is None:
        found.append(Reason.DOCUMENT_UNREAD)
    if doubted:
        found.append(Reason.PICTURE_DOUBTED)
    return found


def _document(measured: Measured, today: date) -> list[Reason]:
    found = []
    if measured.zone_unread:
        # Who covers a zone must not get past its check digits.
        found.append(Reason.ZONE_UNREAD)
    if measured.zone is not None and not measured.zone.valid:
        found.append(Reason.ZONE_UNSURE)
    elif measured.zone is not None and measured.zone.repaired and not measured.zone.confirmed:
        # Check digits make a guessed character likely, not certain: nobody is let in on one.
        found.append(Reason.ZONE_REPAIRED)
    if measured.expiry_date and measured.expiry_date < today.isoformat():
        found.append(Reason.DOCUMENT_EXPIRED)
    return found
