"""Which keys a blob store takes."""

from __future__ import annotations

import re

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def checked_key(key: str) -> str:
    """Return the key. Raises ValueError unless it is plain names between slashes."""
    parts = key.split("/")
    if len(parts) > 12 or not all(_PART.fullmatch(part) for part in parts):
        raise ValueError(f"not a blob key: {key!r}")
    return key
