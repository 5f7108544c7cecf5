"""What is remembered between looks."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest

from proctorhub.vision import views
from proctorhub.vision.memory import FORMAT, Memory, Strip, from_bytes, to_bytes
from proctorhub.vision.pictures import SMALL

SHAPE = (SMALL[1], SMALL[0])


def noise(random: np.random.Generator) -> np.ndarray:
    return random.integers(0, 256, SHAPE).astype(np.uint8)


def test_the_change_is_that_from_the_look_before() -> None:
    grey = np.full(SHAPE, 100, np.uint8)
    memory = Memory()
    assert memory.change(grey) is None
    memory = memory.seen(grey, 5, [])
    assert memory.change(grey + 7) == 7.0
    assert memory.change(grey - 7) == 7.0


@pytest.mark.parametrize("looks", [0, 1, 12])
def test_a_memory_is_read_as_it_was_written(looks) -> None:
    random = np.random.default_rng(6)
    view = random.integers(0, 255, views.SIDE**2).astype(np.uint8)
    memory = Memory(faces=1).compared(7, 0.25, view, same=True)
    for at in range(1_000_000, 1_000_000 + 1_000 * looks, 1_000):
        memory = memory.seen(noise(random), at, [(at - 300, noise(random))])
    read = Strip(random.integers(0, 255, (18, 320)).astype(np.uint8), ("Files", "Ünïcode"), 702)
    memory = replace(memory, strips=(read, Strip(read.coarse[:2], ())))
    again = from_bytes(to_bytes(memory))
    assert [strip.lines for strip in again.strips] == [("Files", "Ünïcode"), ()]
    assert [strip.start for strip in again.strips] == [702, 0]
    assert to_bytes(again) == to_bytes(memory)
    assert (again.embedded_ms, again.distance) == (7, 0.25)
    assert again.views.tolist() == [view.tolist()]
    picture = noise(random)
    at = memory.at_ms + 1000
    assert again.change(picture) == memory.change(picture)
    assert to_bytes(again.seen(picture, at, [])) == to_bytes(memory.seen(picture, at, []))


def test_a_format_has_a_number() -> None:
    """Workers of two versions on one Redis must not read each other's memories."""
    picture = np.arange(SHAPE[0] * SHAPE[1], dtype=np.uint32).astype(np.uint8).reshape(SHAPE)
    view = np.arange(views.SIDE**2, dtype=np.uint32).astype(np.uint8)
    memory = Memory(faces=1).compared(7, 0.25, view, same=True)
    for at in range(1_000, 4_000, 1_000):
        memory = memory.seen(picture, at, [(at - 300, picture)])
    memory = replace(memory, strips=(Strip(picture[:18], ("Files",), 702),))
    assert (FORMAT, sha256(to_bytes(memory)).hexdigest()[:16]) == (2, "8fafec7b0d8b7a72")
