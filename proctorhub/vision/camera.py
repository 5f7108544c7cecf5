"""One look at a camera: what the backends measure becomes an observation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from proctorhub.domain.observation import Observation, Source, Value
from proctorhub.plugins import Capability, Face, FaceGeometry, MatchThresholds
from proctorhub.vision import views
from proctorhub.vision.composition import Composition
from proctorhub.vision.memory import Memory
from proctorhub.vision.pictures import Luma, Picture, detail

if TYPE_CHECKING:
    from proctorhub.plugins import Embedding

#: How often the candidate's face is compared with the reference, ms.
EMBED_EVERY_MS = 10_000
#: And how often at most within that time where somebody else may have sat down: after an empty
#: picture, when the face looks as it did at no comparison, or when the last one left a doubt.
EMBED_SOON_MOST = 6
#: So long a comparison speaks for who sits there. Longer without one, because the face is hidden or
#: turned away, nobody has checked.
COMPARED_FOR_MS = 25_000
#: A face turned or tilted further than this, or smaller, is not compared: the distance would say
#: nothing.
FRONTAL_DEG = 38.0
SMALLEST_PX = 60.0
#: Decimals that values are kept with.
PLACES = 4


@dataclass(frozen=True)
class Reference:
    """The candidate's face as it was identified, in one embedding space with its thresholds."""

    space_id: str
    embedding: Embedding
    limits: MatchThresholds


@dataclass(frozen=True)
class Look:
    """A picture that is to be looked at, with what is known of its source.

    `between` are the miniatures of those decoded since the look before, with their times.
    """

    picture: Picture
    at_ms: int
    between: Sequence[tuple[int, Luma]]
    segment_id: str
    frame_sha256: str
    burst: bool
    memory: Memory
    reference: Reference | None


def look(backends: Composition, wanted: Sequence[Look]) -> list[tuple[Observation, Memory]]:
    """Return for each picture what was measured, and what is remembered of it."""
    found: Sequence[list[Face] | None] = [None] * len(wanted)
    if Capability.DETECT in backends and wanted:
        found = backends[Capability.DETECT].detect([one.picture.image for one in wanted])
    return [_measure(backends, one, faces) for one, faces in zip(wanted, found, strict=True)]


def _measure(
    backends: Composition, one: Look, faces: list[Face] | None
) -> tuple[Observation, Memory]:
    small = one.picture.small
    values: dict[Value, float] = {
        Value.BRIGHTNESS: float(small.mean()),
        Value.DETAIL: detail(small),
    }
    used: set[Capability] = set()
    change = one.memory.change(small)
    if change is not None:
        values[Value.CHANGE] = change
    memory = one.memory.seen(small, one.at_ms, one.between)
    values[Value.STILL_S] = memory.still.seconds(one.at_ms)
    values[Value.REPLAYED] = memory.past.replayed
    if faces is not None:
        used.add(Capability.DETECT)
        values[Value.FACES] = len(faces)
        for name, place in ((Value.FACE, 0), (Value.SECOND_FACE, 1)):
            values[name] = faces[place].score if len(faces) > place else 0.0
        if faces:
            # The largest face, not the surest, is the person in front of the camera.
            person = max(faces, key=lambda face: face.area)
            geometry = _geometry(backends, one, person, values, used)
            memory = _compare(backends, one, person, geometry, values, used, memory)
        memory = replace(memory, faces=len(faces))
    return _observation(backends, one, values, faces or [], used), memory


def _geometry(
    backends: Composition,
    one: Look,
    person: Face,
    values: dict[Value, float],
    used: set[Capability],
) -> FaceGeometry | None:
    backend = backends.backends.get(Capability.POSE)
    geometry = backend.geometry(one.picture.image, person) if backend else None
    if geometry is None or backend is None:
        return None
    used.add(Capability.POSE)
    values[Value.YAW], values[Value.DOWN] = geometry.yaw, geometry.pitch
    for name, capability, pair in (
        (Value.EYES, Capability.EYES, geometry.eyes),
        (Value.IRIS, Capability.IRIS, geometry.iris),
    ):
        if pair is not None and capability in backend.capabilities:
            used.add(capability)
            values[name] = sum(pair) / 2
    return geometry


def _compare(
    backends: Composition,
    one: Look,
    person: Face,
    geometry: FaceGeometry | None,
    values: dict[Value, float],
    used: set[Capability],
    memory: Memory,
) -> Memory:
    """Measure the distance to the reference face where it is time for it."""
    reference = one.reference
    if reference is None or reference.space_id != backends.space_id:
        return memory
    limits = reference.limits
    if comparable(person, geometry, limits.least_score):
        view = views.view(one.picture.image, person.box, geometry.roll if geometry else 0.0)
        if _is_time(one, limits, view):
            backend = backends[Capability.EMBED]
            embedding = backend.embed(one.picture.image, person)
            if embedding is not None:
                used.add(Capability.EMBED)
                distance = backend.distance(embedding, reference.embedding)
                values[Value.DISTANCE] = distance
                memory = memory.compared(one.at_ms, distance, view, same=distance <= limits.accept)
    values[Value.COMPARED] = float(one.at_ms - memory.embedded_ms < COMPARED_FOR_MS)
    return memory


def _is_time(one: Look, limits: MatchThresholds, view: Luma) -> bool:
    before = one.memory
    lately = [at for at in before.embeds_ms if one.at_ms - at < EMBED_EVERY_MS]
    if not lately:
        return True
    if len(lately) >= EMBED_SOON_MOST:
        return False
    doubtful = before.distance is not None and before.distance > limits.accept
    return doubtful or before.faces == 0 or views.unlike(view, before.views)


def comparable(person: Face, geometry: FaceGeometry | None, least_score: float) -> bool:
    """Tell whether a face is large, whole and frontal enough for its embedding to say who it is."""
    x1, y1, x2, y2 = person.box
    if min(x2 - x1, y2 - y1) < SMALLEST_PX or person.score < least_score:
        return False
    return geometry is None or max(abs(geometry.yaw), abs(geometry.pitch)) <= FRONTAL_DEG


def _observation(
    backends: Composition,
    one: Look,
    values: dict[Value, float],
    faces: list[Face],
    used: set[Capability],
) -> Observation:
    return Observation(
        source=Source.CAMERA,
        at_ms=one.at_ms,
        # What is judged is what is kept: rounded here, once.
        values={name: round(float(value), PLACES) for name, value in values.items()},
        segment_id=one.segment_id,
        frame_sha256=one.frame_sha256,
        size=one.picture.size,
        boxes=tuple(_rounded(face.box) for face in faces),
        models=backends.models(sorted(used)),
        burst=one.burst,
        since_ms=one.memory.at_ms if one.memory.small is not None else None,
        between_ms=tuple(time for time, _ in one.between),
    )


def _rounded(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = (round(float(side), 1) for side in box)
    return x1, y1, x2, y2
