"""The hash chain of a session's log.

Each entry carries the SHA-256 of the entry before it and of its own canonical JSON
(RFC 8785 for the values used here: strings, integers, booleans, null, arrays, objects), so an entry
that is changed, dropped or moved breaks the chain at that place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

GENESIS = "0" * 64
_HASHED = ("session_id", "seq", "id", "kind", "at", "actor", "data", "previous")


def canonical(value: Any) -> bytes:
    """Return canonical JSON. Raises ValueError for floats, which have no one spelling here."""
    _refuse_floats(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _refuse_floats(value: Any) -> None:
    if isinstance(value, float):
        raise ValueError("a log entry holds no floats")
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ValueError("a log entry's keys are strings")
            _refuse_floats(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_floats(item)


def entry_hash(entry: Mapping[str, Any]) -> str:
    """Return the lower-case hex SHA-256 of one entry, its `previous` hash included."""
    return sha256({name: entry[name] for name in _HASHED})


def sha256(value: Any) -> str:
    """Return the lower-case hex SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(canonical(value)).hexdigest()


@dataclass(frozen=True)
class Check:
    """The result of walking a chain; `broken_at` is the first seq that does not fit."""

    intact: bool
    entries: int
    head: str
    broken_at: int | None = None


def verify(entries: Iterable[Mapping[str, Any]]) -> Check:
    """Walk a whole chain from its first entry."""
    previous, count = GENESIS, 0
    for entry in entries:
        fits = entry["seq"] == count and entry["previous"] == previous
        if not fits or entry["hash"] != entry_hash(entry):
            return Check(False, count, previous, broken_at=count)
        previous, count = entry["hash"], count + 1
    return Check(True, count, previous)
