"""Waiting for what is to come, with one patience: how quick things are, benchmarks tell."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PATIENCE_S = 100.0


def wait_for(condition: Callable[[], Any], what: str | Callable[[], object] = "it") -> Any:
    """Return the first true value of `condition`. `what` says what did not come."""
    deadline = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        if time.monotonic() > deadline:
            told = what if isinstance(what, str) else what()
            raise AssertionError(f"waited {PATIENCE_S:.0f} s in vain for {told}")
        time.sleep(0.01)
    return value
