"""What every keeper of memories must do; it goes with a bus, and so does its test."""

from __future__ import annotations

import pytest

from proctorhub.config import Settings
from proctorhub.domain.observation import Source
from proctorhub.vision import memories
from proctorhub.vision.memory import Memory
from tests.contracts.frames.conftest import House

KEY = ("s", Source.CAMERA)


@pytest.fixture
def kept(house: House) -> memories.Memories:
    return memories.for_bus(house.settings)


def test_nothing_is_known_at_first(kept) -> None:
    memory, version = kept.load(KEY)
    assert (memory.at_ms, memory.small, version) == (0, None, 0)


def test_what_is_saved_is_loaded(kept) -> None:
    assert kept.save(KEY, Memory(at_ms=7, faces=2, distance=0.5), 0)
    memory, version = kept.load(KEY)
    assert (memory.at_ms, memory.faces, memory.distance, version) == (7, 2, 0.5, 1)
    assert kept.load(("s", Source.SCREEN))[1] == 0


def test_who_was_overtaken_is_told_and_changes_nothing(kept) -> None:
    _, version = kept.load(KEY)
    assert kept.save(KEY, Memory(at_ms=1), version)
    assert not kept.save(KEY, Memory(at_ms=2), version)
    assert kept.load(KEY)[0].at_ms == 1


def test_workers_share_what_is_in_redis(redis_house: House) -> None:
    one, other = (memories.for_bus(redis_house.settings) for _ in range(2))
    assert one.save(KEY, Memory(at_ms=1), 0)
    memory, version = other.load(KEY)
    assert memory.at_ms == 1
    assert other.save(KEY, Memory(at_ms=2), version)
    assert not one.save(KEY, Memory(at_ms=3), version)


def test_what_another_version_left_in_redis_is_not_read(
    redis_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = memories.for_bus(redis_house.settings)
    assert kept.save(KEY, Memory(at_ms=1), 0)
    monkeypatch.setattr(memories, "FORMAT", memories.FORMAT + 1)
    assert kept.load(KEY)[1] == 0


def test_a_worker_of_its_own_forgets_sessions_that_are_over() -> None:
    kept = memories.for_bus(Settings())
    for session_id in ("s", "t"):
        kept.save((session_id, Source.CAMERA), Memory(at_ms=1), 0)
    kept.keep_only(frozenset({"t"}))
    assert kept.load(("s", Source.CAMERA))[1] == 0
    assert kept.load(("t", Source.CAMERA))[1] == 1
