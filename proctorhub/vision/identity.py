"""Measuring who a candidate is: document, face and moves, for the rule of `domain/identity.py`.

Embeddings live as long as one measurement. What could not be measured is left out, never guessed.
"""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass
from datetime import date
from statistics import mean
from typing import TYPE_CHECKING

import structlog
from pymongo.errors import PyMongoError

from proctorhub.domain import document as reading
from proctorhub.domain import identity, liveness
from proctorhub.domain.identity import PLACES, Against, Measured
from proctorhub.plugins import Capability, Face, FaceGeometry
from proctorhub.records.base import utc_now
from proctorhub.services import identity_queue
from proctorhub.services.identity_queue import Request
from proctorhub.vision import document
from proctorhub.vision.composition import Composition
from proctorhub.vision.pictures import Decoder, UndecodablePicture
from proctorhub.vision.status import Metrics

if TYPE_CHECKING:
    from proctorhub.plugins import Embedding, Image

log = structlog.get_logger(__name__)

NEEDED = (
    Capability.DETECT,
    Capability.POSE,
    Capability.EYES,
    Capability.EMBED,
    Capability.OCR,
)
ASK_EVERY_S = 0.5
#: The moves are compared with the picture of the face in so many parts of the burst.
COMPARED_PARTS = 4


class Examiner:
    """Takes checks and measures them in a thread of its own; `turns` keeps it off the looks."""

    def __init__(self, worker_id: str, backends: Composition, metrics: Metrics) -> None:
        self._worker_id = worker_id
        self._backends = backends
        self._metrics = metrics
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="identity", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Stop after the check that is under way."""
        self._stop.set()
        self._thread.join()

    def once(self) -> bool:
        """Measure the check that waits longest; False when there was none."""
        request = identity_queue.claim(self._worker_id)
        if request is None:
            return False
        self._metrics.identity_wait.observe(request.waited_s)
        began = time.monotonic()
        outcome = self._examine(request)
        self._metrics.identity.labels(outcome).observe(time.monotonic() - began)
        return True

    def _examine(self, request: Request) -> str:
        """Return what became of it: `kept`, `late` (no longer this worker's) or `failed`."""
        try:
            measured = measure(self._backends, request, utc_now().date())
        except Exception:  # whatever a backend raises: the claim lapses, and another tries
            log.exception("identity_not_measured", session_id=request.session_id)
            return "failed"
        kept = identity_queue.answer(self._worker_id, request, measured)
        log.info("identity_measured", session_id=request.session_id, kept=kept)
        return "kept" if kept else "late"

    def _run(self) -> None:
        away = False
        while not self._stop.is_set():
            try:
                found = self.once()
                away = False
            except PyMongoError as error:
                if not away:
                    log.warning("identity_database_away", error=type(error).__name__)
                away, found = True, False
            if not found:
                self._stop.wait(ASK_EVERY_S)


@dataclass(frozen=True)
class _Seen:
    """A picture with its largest face, and the score of the next."""

    image: Image
    faces: list[Face]

    @property
    def person(self) -> Face | None:
        return max(self.faces, key=lambda face: face.area, default=None)

    @property
    def second(self) -> float:
        others = [face.score for face in self.faces if face is not self.person]
        return max(others, default=0.0)


def measure(backends: Composition, request: Request, today: date) -> Measured:
    """Return what these backends find."""
    decoder = Decoder()
    paper, selfie = _decoded(decoder, request.document), _seen(backends, decoder, request.selfie)
    shown = document.look(backends, paper) if paper is not None else None
    text = reading.read(request.name, shown.lines if shown else (), today)
    burst = _burst(backends, decoder, request)
    verdict = liveness.judge(
        liveness.challenge(request.nonce),
        [one.frame for one in burst],
        elapsed_ms=request.elapsed_ms,
    )
    photograph = shown.photograph if shown else None
    person = selfie.person if selfie else None
    compared = [Against.DOCUMENT, Against.BURST]
    if request.enrolment is not None:
        compared.append(Against.ENROLMENT)
    return Measured(
        missing=[needed.value for needed in NEEDED if needed not in backends],
        models=backends.models(NEEDED),
        thresholds=_thresholds(backends),
        compared=[against.value for against in compared],
        distances=_distances(backends, decoder, request, shown, selfie, burst),
        document_face_px=_px(photograph),
        selfie_face_px=_px(person),
        second_face=round(selfie.second, PLACES) if selfie else 0.0,
        legibility=_rounded(shown.legibility if shown else None),
        glare=_rounded(shown.glare if shown else None),
        name=text.name.match.value,
        name_read=text.name.read,
        number=text.number,
        birth_date=text.birth_date,
        expiry_date=text.expiry_date,
        zone=_zone(text),
        zone_unread=text.zone_unread,
        liveness=verdict.outcome.value,
        liveness_reasons=list(verdict.reasons),
        seen_ms=list(verdict.seen_ms),
        frames=len(burst),
    )


def _decoded(decoder: Decoder, jpeg: bytes) -> Image | None:
    try:
        return decoder.decode(jpeg).image
    except UndecodablePicture:
        return None


def _seen(backends: Composition, decoder: Decoder, jpeg: bytes) -> _Seen | None:
    image = _decoded(decoder, jpeg)
    if image is None:
        return None
    faces = backends[Capability.DETECT].detect([image])[0] if Capability.DETECT in backends else []
    return _Seen(image, faces)


@dataclass(frozen=True)
class _Moment:
    """A picture of the burst and its person; the picture itself is decoded again when needed."""

    frame: liveness.Frame
    jpeg: bytes
    person: Face | None
    geometry: FaceGeometry | None


def _burst(backends: Composition, decoder: Decoder, request: Request) -> list[_Moment]:
    found = []
    for at_ms, jpeg in request.burst:
        seen = _seen(backends, decoder, jpeg)
        person = seen.person if seen else None
        geometry = None
        if seen and person and Capability.POSE in backends:
            geometry = backends[Capability.POSE].geometry(seen.image, person)
        frame = liveness.Frame(
            at_ms,
            hashlib.sha256(jpeg).hexdigest(),
            yaw=geometry.yaw if geometry else None,
            pitch=geometry.pitch if geometry else None,
            eyes=mean(geometry.eyes) if geometry and geometry.eyes else None,
        )
        found.append(_Moment(frame, jpeg, person, geometry))
    return found


def _distances(
    backends: Composition,
    decoder: Decoder,
    request: Request,
    shown: document.Document | None,
    selfie: _Seen | None,
    burst: list[_Moment],
) -> dict[str, float]:
    """Return the distance of the face before the camera to each other one that can be told."""
    if Capability.EMBED not in backends or selfie is None or selfie.person is None:
        return {}
    backend = backends[Capability.EMBED]
    face = backend.embed(selfie.image, selfie.person)
    if face is None:
        return {}

    def apart(image: Image | None, person: Face | None) -> float | None:
        other: Embedding | None = None
        if image is not None and person is not None:
            other = backend.embed(image, person)
        return None if other is None else backend.distance(face, other)

    moves = [apart(_decoded(decoder, one.jpeg), one.person) for one in _frontal(burst)]
    found = {
        Against.DOCUMENT: apart(shown.part, shown.photograph) if shown else None,
        # The worst of them: somebody else for half of the moves is somebody else.
        Against.BURST: max((d for d in moves if d is not None), default=None),
    }
    if request.enrolment is not None:
        earlier = _seen(backends, decoder, request.enrolment)
        found[Against.ENROLMENT] = apart(earlier.image, earlier.person) if earlier else None
    return {name.value: round(d, PLACES) for name, d in found.items() if d is not None}


def _frontal(burst: list[_Moment]) -> list[_Moment]:
    """Return the most frontal picture of each part of the burst, so that nobody stands in for long.

    A part without a face has none.
    """
    length = -(-len(burst) // COMPARED_PARTS) or 1
    parts = [burst[at : at + length] for at in range(0, len(burst), length)]
    faces = [[moment for moment in part if moment.geometry] for part in parts]
    return [min(part, key=lambda moment: _turned(moment.geometry)) for part in faces if part]


def _turned(geometry: FaceGeometry | None) -> float:
    return abs(geometry.yaw) + abs(geometry.pitch) if geometry else 180.0


def _thresholds(backends: Composition) -> identity.Thresholds | None:
    if Capability.EMBED not in backends:
        return None
    backend = backends[Capability.EMBED]
    space_id, limits = backend.space_id, backend.match_thresholds
    assert space_id is not None and limits is not None
    return identity.Thresholds(
        space_id, limits.accept, limits.reject, limits.false_match_rate, limits.source
    )


def _zone(text: reading.Reading) -> identity.Zone | None:
    if (zone := text.zone) is None:
        return None
    return identity.Zone(zone.format, dict(zone.checks), zone.repaired, text.confirmed)


def _px(face: Face | None) -> float | None:
    if face is None:
        return None
    x1, y1, x2, y2 = face.box
    return round(min(x2 - x1, y2 - y1), 1)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, PLACES)
