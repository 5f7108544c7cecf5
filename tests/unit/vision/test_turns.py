"""Threads take turns at a backend: one looks or listens, one reads, never two of a kind."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from proctorhub.plugins import Capability, VisionBackend
from proctorhub.vision.composition import Composition
from proctorhub.vision.turns import TakingTurns, taking_turns

KIND = {"read_text": "reading", "distance": "comparing"}


class Watched:
    """A stand-in that notes how many threads were in it at once, by kind of work."""

    api_version = 1
    capabilities = frozenset(Capability)
    space_id, match_thresholds, model_sha256 = "space", None, {}  # type: ignore[var-annotated]

    def __init__(self) -> None:
        self.most: Counter[str] = Counter()
        self._inside: Counter[str] = Counter()
        self._note = threading.Lock()
        self.both = threading.Event()

    def __getattr__(self, name: str) -> Any:
        def work(*_: object) -> Any:
            kind = KIND.get(name, "looking")
            with self._note:
                self._inside[kind] += 1
                self.most[kind] = max(self.most[kind], self._inside[kind])
                if self._inside["looking"] and self._inside["reading"]:
                    self.both.set()
            if kind != "comparing":
                self.both.wait(5)  # reading goes on meanwhile
            with self._note:
                self._inside[kind] -= 1
            return []

        return work


def test_one_looks_and_one_reads_at_a_time() -> None:
    backend = Watched()
    turns = TakingTurns(backend)  # type: ignore[arg-type]
    picture, face = np.zeros((4, 4, 3), np.uint8), object()
    work = [
        lambda: turns.detect([picture]),
        lambda: turns.geometry(picture, face),  # type: ignore[arg-type]
        lambda: turns.embed(picture, face),  # type: ignore[arg-type]
        lambda: turns.speech_seconds(np.zeros(4, np.float32)),
        lambda: turns.read_text(picture),
        lambda: turns.read_text(picture),
    ]
    with ThreadPoolExecutor(len(work)) as pool:
        list(pool.map(lambda one: one(), work))
    assert backend.most == {"looking": 1, "reading": 1}
    assert backend.both.is_set()


def test_a_composition_keeps_who_does_what() -> None:
    one, other = Watched(), Watched()
    backends = {Capability.DETECT: one, Capability.POSE: one, Capability.OCR: other}
    wrapped = taking_turns(Composition(backends, {"x": "why"}))  # type: ignore[arg-type]
    assert wrapped.backends.keys() == backends.keys()
    assert wrapped[Capability.DETECT] is wrapped[Capability.POSE]
    assert wrapped[Capability.DETECT] is not wrapped[Capability.OCR]
    assert wrapped.refused == {"x": "why"}


@pytest.mark.parametrize("name", ["capabilities", "space_id", "match_thresholds", "model_sha256"])
def test_what_is_known_of_a_backend_stays(name: str) -> None:
    backend = Watched()
    turns: VisionBackend = TakingTurns(backend)  # type: ignore[arg-type]
    assert getattr(turns, name) is getattr(backend, name)
    assert isinstance(turns, VisionBackend)
