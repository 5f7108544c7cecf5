"""A session being looked at as a worker does, with a clock of its own.

Software looks at every third picture that can be seen, and at three more after one that makes it
suspicious, as in the live path; pictures come as planes, as they do on one machine.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import av

from benchmarks.vision.behaviour import TICK_MS, TICKS_S, Shot
from benchmarks.vision.courses import START_MS
from proctorhub.config import Settings
from proctorhub.domain import incidents
from proctorhub.domain.incident_policy import Policy
from proctorhub.domain.incident_terms import Detector
from proctorhub.domain.incidents import Kind
from proctorhub.frames import planes
from proctorhub.plugins import Capability
from proctorhub.vision import camera, composition
from proctorhub.vision.camera import Reference
from proctorhub.vision.composition import Composition
from proctorhub.vision.memory import Memory
from proctorhub.vision.pictures import Decoder, Luma
from proctorhub.vision.pictures import Picture as Decoded
from tests.vision_faces import Person, Picture, people, person

#: Looks are at every third tick; the first minute calibrates.
EVERY, WARM_TICKS = 3, round(64 * TICKS_S)
#: Who is turned further away on the photograph sits in no session, degrees.
FRONTAL_DEG = 32.0


@dataclass
class Run:
    """One session being looked at: what the rules and the looking remember, what was flagged.

    `between` are miniatures since the last look.
    """

    reference: Reference
    at: int = 0
    state: incidents.State = field(default_factory=incidents.State)
    memory: Memory = field(default_factory=Memory)
    flags: list[tuple[Detector, int, int]] = field(default_factory=list)
    burst_left: int = 0
    between: tuple[tuple[int, Luma], ...] = ()

    def copy(self) -> Run:
        """Return another session that was the same so far."""
        return replace(self, flags=[])


class Watcher:
    """Looks at pictures as a worker does."""

    def __init__(self, folder: Path) -> None:
        self._backends: Composition = composition.compose(Settings(data_dir=folder))
        self._decoder = Decoder()
        thresholds = self._backends[Capability.EMBED].match_thresholds
        assert thresholds is not None
        self._thresholds = thresholds
        self._policy = Policy(match=(thresholds.accept, thresholds.reject))

    def reference(self, name: str) -> Reference:
        """Return a person's face as it was identified."""
        return self.reference_in(person(name).picture)

    def reference_in(self, picture: Picture) -> Reference:
        """Return the face of the person that a picture shows."""
        (faces,) = self._backends[Capability.DETECT].detect([picture])
        found = self._backends[Capability.EMBED].embed(picture, faces[0])
        assert found is not None and self._backends.space_id is not None
        return Reference(self._backends.space_id, found, self._thresholds)

    def frontal(self) -> list[Person]:
        """Return the people who face the camera on their photograph: nobody sits in profile."""
        return [one for one in people() if abs(self._yaw(one.picture)) <= FRONTAL_DEG]

    def _yaw(self, picture: Picture) -> float:
        (faces,) = self._backends[Capability.DETECT].detect([picture])
        geometry = self._backends[Capability.POSE].geometry(picture, faces[0])
        assert geometry is not None
        return geometry.yaw

    def watch(self, run: Run, shots: Iterator[Shot], ticks: int) -> None:
        """Let a session go on for some ticks."""
        for shot in itertools.islice(shots, ticks):
            at_ms = START_MS + run.at * TICK_MS
            seen = self._decoder.decode(data := sampled(shot()))
            if run.burst_left or run.at % EVERY == 0:
                self._look(run, seen, data, at_ms)
                run.between = ()
            else:
                run.between = (*run.between, (at_ms, seen.small))
            run.at += 1

    def _look(self, run: Run, picture: Decoded, data: bytes, at_ms: int) -> None:
        burst = run.burst_left > 0
        run.burst_left = max(0, run.burst_left - 1)
        look = camera.Look(
            picture=picture,
            at_ms=at_ms,
            between=run.between,
            segment_id="bench-000000",
            frame_sha256=hashlib.sha256(data).hexdigest(),
            burst=burst,
            memory=run.memory,
            reference=run.reference,
        )
        ((seen, run.memory),) = camera.look(self._backends, [look])
        run.state, changes = incidents.step(run.state, seen, self._policy)
        for change in changes:
            if change.kind is Kind.OPENED:
                run.flags.append((change.detector, change.started_at, at_ms))
        if incidents.suspect(run.state, seen, self._policy):
            run.burst_left = 3


def sampled(picture: Picture) -> bytes:
    """Return a picture as a node on the same machine hands it to a worker."""
    frame = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format="yuv420p")
    found = planes.planes(frame)
    assert found is not None
    return found
