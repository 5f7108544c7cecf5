"""Do calls of one kind come back, and do they work?"""

from __future__ import annotations

import time

from proctorhub.domain.alarms import Reason

#: A call that takes longer hangs; one that fails is tried again once before it counts as failing.
HANGING_AFTER_S = 3.0
FAILING_AFTER_S = 1.0


class Attempts:
    """Calls of one kind, one at a time. Any thread may ask; times are UTC seconds."""

    def __init__(self) -> None:
        self._began: float | None = None
        self.failing_since: float | None = None

    def begin(self) -> None:
        """A call is made."""
        self._began = time.time()

    def end(self, *, worked: bool) -> bool:
        """It came back. Return whether that is news: it failed before, or it worked before."""
        news = worked is not (self.failing_since is None)
        if news:
            self.failing_since = None if worked else self._began
        self._began = None
        return news

    def trouble(self) -> tuple[Reason, float] | None:
        """Return what is wrong now, and since when."""
        now, began, failing = time.time(), self._began, self.failing_since
        if failing is not None and now - failing > FAILING_AFTER_S:
            return Reason.FAILING, failing
        if began is not None and now - began > HANGING_AFTER_S:
            return Reason.HANGING, began
        return None
