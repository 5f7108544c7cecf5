"""Waiting for what is to come, with one patience: how quick things are, benchmarks tell."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PATIENCE_S = 100.0
#: How long to pause between two looks: ever longer, so that who waits long does not ask the API
#: more often than it lets anybody (20 times a second).
SOONEST_S, SLOWEST_S = 0.01, 0.2


def wait_for(condition: Callable[[], Any], what: str | Callable[[], object] = "it") -> Any:
    """Return the first true value of `condition`. `what` says what did not come."""
    deadline, pause_s = time.monotonic() + PATIENCE_S, SOONEST_S
    while not (value := condition()):
        if time.monotonic() > deadline:
            told = what if isinstance(what, str) else what()
            raise AssertionError(f"waited {PATIENCE_S:.0f} s in vain for {told}")
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, SLOWEST_S)
    return value
