"""What ended connections leave in memory, and when it is looked for.

The objects of a connection refer to each other in circles, about 65 KB of them and now and then a
socket, which only a full collection finds. Python would begin one after millions of new objects:
a node that recycles nearly everything makes those in weeks.
"""

from __future__ import annotations

import gc

#: A collection stops the packets for some tens of milliseconds; so often is not noticed. Until then
#: what ended has come to rest.
COLLECT_AFTER_S = 30.0


def spare_the_living() -> None:
    """Call when the node is up. What is alive then stays alive: it is not walked again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


class Leftovers:
    """Collects some time after connections have ended. Call it from one thread."""

    def __init__(self) -> None:
        self._seen = 0
        self._due_s: float | None = None

    def second(self, ended: int, now: float) -> None:
        """Take how many connections have ended so far; `now` is in seconds. Call each second."""
        if self._due_s is not None and now >= self._due_s:
            self._due_s = None
            gc.collect()
        elif ended != self._seen and self._due_s is None:
            self._seen, self._due_s = ended, now + COLLECT_AFTER_S
