"""Where memories of sources are kept between two looks.

With one worker they are its own; with many they are in Redis, where a worker that was overtaken by
another notices (optimistic locking) and looks again with what the other one left.
"""

from __future__ import annotations

from typing import Any, Protocol

from proctorhub.config import Settings
from proctorhub.domain.observation import Source
from proctorhub.frames import redis_streams
from proctorhub.frames.bus import BusError
from proctorhub.vision.memory import FORMAT, Memory, from_bytes, to_bytes

#: A session and a source of it: sources have nothing to do with each other.
Key = tuple[str, Source]

#: What nobody looked at for so long is forgotten, s.
KEPT_S = 3600


class Memories(Protocol):
    """Keeps the memory of every source. Raises BusError when it cannot."""

    def load(self, key: Key) -> tuple[Memory, int]:
        """Return what is kept (a fresh memory when nothing is) and its version."""

    def save(self, key: Key, memory: Memory, version: int) -> bool:
        """Keep it if `version` is still the newest; False when another was quicker."""

    def keep_only(self, session_ids: frozenset[str]) -> None:
        """Drop what is kept of other sessions: they are over."""


class OwnMemories:
    """For one worker."""

    def __init__(self) -> None:
        self._kept: dict[Key, tuple[Memory, int]] = {}

    def load(self, key: Key) -> tuple[Memory, int]:
        """See Memories."""
        return self._kept.get(key, (Memory(), 0))

    def save(self, key: Key, memory: Memory, version: int) -> bool:
        """See Memories."""
        if self.load(key)[1] != version:
            return False
        self._kept[key] = (memory, version + 1)
        return True

    def keep_only(self, session_ids: frozenset[str]) -> None:
        """See Memories."""
        # The reader of screens may add to it meanwhile.
        for key in list(self._kept):
            if key[0] not in session_ids:
                self._kept.pop(key, None)


_SAVE = """
if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[1] + 1, 'memory', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""


class SharedMemories:
    """For many workers, in Redis."""

    def __init__(self, url: str) -> None:
        self._redis = redis_streams.connect(url)
        self._save = self._redis.register_script(_SAVE)

    def load(self, key: Key) -> tuple[Memory, int]:
        """See Memories."""
        with redis_streams.away_as(BusError):
            version, kept = self._redis.hmget(_name(*key), "version", "memory")
        return (Memory(), 0) if version is None else (from_bytes(kept), int(version))

    def save(self, key: Key, memory: Memory, version: int) -> bool:
        """See Memories."""
        values: list[Any] = [version, to_bytes(memory), KEPT_S]
        with redis_streams.away_as(BusError):
            return bool(self._save(keys=[_name(*key)], args=values))

    def keep_only(self, session_ids: frozenset[str]) -> None:
        """See Memories: they expire by themselves."""


def _name(session_id: str, source: Source) -> str:
    # a worker of another version does not read it: it begins anew
    return f"proctorhub:memory:{FORMAT}:{session_id}:{source.value}"


def for_bus(settings: Settings) -> Memories:
    """Return the memories that go with the frame bus: workers that share it share them."""
    return OwnMemories() if settings.frame_bus == "unix" else SharedMemories(settings.frame_bus)
