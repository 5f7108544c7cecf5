"""Keeps one process alive: `python -m proctorhub.cli.keeper COMMAND…` restarts it when it crashes.

honcho stops everything as soon as one process ends; on a single machine a crashed media node should
come back instead. A process that exits with a failure at its first start is not tried again.
"""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import time
from types import FrameType

#: A process that lives this long counts as started, seconds.
STARTED_S = 3.0
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 10.0

_PR_SET_PDEATHSIG = 1


def die_with_parent(number: int = signal.SIGTERM) -> None:
    """Ask the kernel to signal this process when its parent ends (prctl(2); Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number)


class Keeper:
    """Runs a command until told to stop."""

    def __init__(self, command: list[str]) -> None:
        """`command` is an argv."""
        self._command = command
        self._child: subprocess.Popen[bytes] | None = None
        self._stopping = False

    def stop(self, number: int, frame: FrameType | None) -> None:
        """Pass a signal on and do not start the command again."""
        self._stopping = True
        if self._child and self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)

    def run(self) -> int:
        """Return the exit status of the last run."""
        wait = FIRST_WAIT_S
        ever_started = False
        while True:
            began = time.monotonic()
            self._child = subprocess.Popen(self._command, preexec_fn=die_with_parent)
            status = self._child.wait()
            lived = time.monotonic() - began
            ever_started = ever_started or lived >= STARTED_S
            # A process that chose to exit at once has said why; one that a signal ended crashed.
            gave_up = status > 0 and not ever_started
            if self._stopping or status == 0 or gave_up:
                return status
            wait = FIRST_WAIT_S if lived >= STARTED_S else min(wait * 2, LONGEST_WAIT_S)
            print(f"ended with status {status}; starting again in {wait:g} s", flush=True)
            time.sleep(wait)
            if self._stopping:
                return status


def main() -> None:
    """Entry point."""
    die_with_parent()
    keeper = Keeper(sys.argv[1:])
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, keeper.stop)
    sys.exit(keeper.run())


if __name__ == "__main__":
    main()
