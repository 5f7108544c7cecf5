"""Stopping when the process that this server belongs to is gone."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable


def watch(process_id: int, on_death: Callable[[], None]) -> None:
    """Call `on_death` from a thread of its own once a process has ended.

    At once when it is gone already. A process id, not PR_SET_PDEATHSIG: that signal also comes
    when only the *thread* that started the server ends, and says nothing of a grandparent.
    """
    try:
        descriptor = os.pidfd_open(process_id)
    except ProcessLookupError:
        on_death()
        return

    def wait() -> None:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        poll.poll()
        on_death()

    threading.Thread(target=wait, name="parent watch", daemon=True).start()
