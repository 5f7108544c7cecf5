"""Threads take turns at a backend: one looks or listens, one reads, never two of a kind."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from proctorhub.plugins import Capability, VisionBackend
from proctorhub.vision.composition import Composition
from proctorhub.vision.turns import TakingTurns, Turns, taking_turns
from tests.waiting import PATIENCE_S

KIND = {"read_text": "reading", "distance": "comparing"}


def unheard(*_: object) -> None:
    """Nobody wants to know how long a turn was waited for."""


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
    turns = TakingTurns(backend, Turns(), unheard)  # type: ignore[arg-type]
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
    composed = Composition(backends, {"x": "why"})  # type: ignore[arg-type]
    (wrapped,) = taking_turns(composed, unheard)
    assert wrapped.backends.keys() == backends.keys()
    assert wrapped[Capability.DETECT] is wrapped[Capability.POSE]
    assert wrapped[Capability.DETECT] is not wrapped[Capability.OCR]
    assert wrapped.refused == {"x": "why"}


class Held:
    """A stand-in whose one look lasts until it is let go."""

    def __init__(self) -> None:
        self.inside, self.go = threading.Event(), threading.Event()

    api_version = 1

    def detect(self, _: object) -> list[object]:
        self.inside.set()
        self.go.wait(5)
        return []


def test_each_user_is_told_how_long_it_waited_for_the_other() -> None:
    held = Held()
    heard: dict[str, list[tuple[str, float]]] = {"looks": [], "identity": []}
    looks, checks = taking_turns(
        Composition({Capability.DETECT: held}, {}),  # type: ignore[dict-item]
        *(lambda *told, who=who: heard[who].append(told) for who in heard),
    )
    checking = threading.Thread(target=checks[Capability.DETECT].detect, args=([],))
    checking.start()
    assert held.inside.wait(5)
    looking = threading.Thread(target=looks[Capability.DETECT].detect, args=([],))
    asked = time.monotonic()
    looking.start()
    assert not heard["looks"], "the other one has the turn"
    until = asked + 0.3
    held.go.wait(until - time.monotonic())
    held.go.set()
    for thread in (checking, looking):
        thread.join(PATIENCE_S)
    ((work, waited),) = heard["looks"]
    assert work == "look" and 0.2 <= waited < 5
    ((_, at_once),) = heard["identity"]
    assert at_once < 0.2


@pytest.mark.parametrize("name", ["capabilities", "space_id", "match_thresholds", "model_sha256"])
def test_what_is_known_of_a_backend_stays(name: str) -> None:
    backend = Watched()
    turns: VisionBackend = TakingTurns(backend, Turns(), unheard)  # type: ignore[arg-type]
    assert getattr(turns, name) is getattr(backend, name)
    assert isinstance(turns, VisionBackend)
