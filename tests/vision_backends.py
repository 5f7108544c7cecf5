"""The embedded backend, put together once for all tests of a process: that takes seconds."""

from __future__ import annotations

from functools import cache

from proctorhub.config import Settings
from proctorhub.vision import composition
from proctorhub.vision.composition import Composition


@cache
def embedded() -> Composition:
    """Return it whole; nothing is refused or missing."""
    made = composition.compose(Settings())
    assert (made.refused, made.missing) == ({}, [])
    return made
