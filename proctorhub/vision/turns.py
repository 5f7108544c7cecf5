"""Several threads with the same backends: one at a time looks and listens, one at a time reads."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
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


class TakingTurns:
    """A `VisionBackend` whose methods wait for each other as its contract wants it."""

    def __init__(self, backend: VisionBackend) -> None:
        self._backend = backend
        self._looking, self._reading = threading.Lock(), threading.Lock()
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
        with self._looking:
            return self._backend.detect(batch)

    def geometry(self, image: Image, face: Face) -> FaceGeometry | None:
        """Look."""
        with self._looking:
            return self._backend.geometry(image, face)

    def embed(self, image: Image, face: Face) -> Embedding | None:
        """Look."""
        with self._looking:
            return self._backend.embed(image, face)

    def distance(self, one: Embedding, other: Embedding) -> float:
        """Compare; nobody need wait for that."""
        return self._backend.distance(one, other)

    def read_text(self, image: Image) -> list[TextLine]:
        """Read."""
        with self._reading:
            return self._backend.read_text(image)

    def speech_seconds(self, samples: Samples) -> float:
        """Listen."""
        with self._looking:
            return self._backend.speech_seconds(samples)


def taking_turns(backends: Composition) -> Composition:
    """Return the composition for use by several threads."""
    made = {id(one): TakingTurns(one) for one in backends.backends.values()}
    return replace(
        backends,
        backends={capability: made[id(one)] for capability, one in backends.backends.items()},
    )
