"""How many events one socket may send: a token bucket."""

from __future__ import annotations

import time
from collections.abc import Callable


class Allowance:
    """Lets a burst through, then a steady rate."""

    def __init__(
        self, burst: int, per_second: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._burst = burst
        self._per_second = per_second
        self._clock = clock
        self._left = float(burst)
        self._at = clock()

    def spend(self) -> bool:
        """Take one from the allowance; False when it is used up."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
