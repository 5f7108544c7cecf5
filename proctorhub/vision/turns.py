"""Several threads with the same backends: one at a time looks and listens, one at a time reads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from proctorhub.plugins import (
    Capability,
    Face,
    FaceGeometry,
    MatchThresholds,
    TextLine,
    VisionBackend,
)
from proctorhub.vision.composition import Composition

if TYPE_CHECKING:
    from proctorhub.plugins import Embedding, Image, Samples


#: Hears of each turn: `look` or `read`, and the seconds that were waited for it.
Waited = Callable[[str, float], None]


@dataclass(frozen=True)
class Turns:
    """Who has the turn at one backend."""

    look: threading.Lock = field(default_factory=threading.Lock)
    read: threading.Lock = field(default_factory=threading.Lock)


class TakingTurns:
    """A `VisionBackend` whose methods wait for each other as its contract wants it."""

    def __init__(self, backend: VisionBackend, turns: Turns, waited: Waited) -> None:
        self._backend, self._turns, self._waited = backend, turns, waited
        self.api_version = backend.api_version

    @property
    def capabilities(self) -> frozenset[Capability]:
        """As the backend's."""
        return self._backend.capabilities

    @property
    def space_id(self) -> str | None:
        """As the backend's."""
        return self._backend.space_id

    @property
    def match_thresholds(self) -> MatchThresholds | None:
        """As the backend's."""
        return self._backend.match_thresholds

    @property
    def model_sha256(self) -> Mapping[Capability, str]:
        """As the backend's."""
        return self._backend.model_sha256

    def detect(self, batch: Sequence[Image]) -> list[list[Face]]:
        """Look."""
        with self._turn("look"):
            return self._backend.detect(batch)

    def geometry(self, image: Image, face: Face) -> FaceGeometry | None:
        """Look."""
        with self._turn("look"):
            return self._backend.geometry(image, face)

    def embed(self, image: Image, face: Face) -> Embedding | None:
        """Look."""
        with self._turn("look"):
            return self._backend.embed(image, face)

    def distance(self, one: Embedding, other: Embedding) -> float:
        """Compare; nobody need wait for that."""
        return self._backend.distance(one, other)

    def read_text(self, image: Image) -> list[TextLine]:
        """Read."""
        with self._turn("read"):
            return self._backend.read_text(image)

    def speech_seconds(self, samples: Samples) -> float:
        """Listen."""
        with self._turn("look"):
            return self._backend.speech_seconds(samples)

    @contextmanager
    def _turn(self, work: str) -> Iterator[None]:
        asked = time.monotonic()
        with getattr(self._turns, work):
            self._waited(work, time.monotonic() - asked)
            yield


def taking_turns(backends: Composition, *users: Waited) -> list[Composition]:
    """Return the composition for each of several users, whose threads wait for each other."""
    turns = {id(one): Turns() for one in backends.backends.values()}
    return [_for(backends, turns, waited) for waited in users]


def _for(backends: Composition, turns: Mapping[int, Turns], waited: Waited) -> Composition:
    made = {id(one): TakingTurns(one, turns[id(one)], waited) for one in backends.backends.values()}
    return replace(
        backends,
        backends={capability: made[id(one)] for capability, one in backends.backends.items()},
    )
