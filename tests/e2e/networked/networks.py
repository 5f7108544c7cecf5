"""An installation that computers on networks of their own reach, and what runs on one."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.networks import house_address
from proctorhub.cli.rehearsal import house
from tests.e2e.conftest import Server, serving


def processes(namespace: str) -> list[int]:
    """Return the ids of all processes in a namespace."""
    found = subprocess.run(
        ["ip", "netns", "pids", namespace], check=True, capture_output=True, text=True
    )
    return [int(line) for line in found.stdout.split()]


@contextmanager
def reachable(folder: Path) -> Iterator[Server]:
    """An installation at an address that every network leads to."""
    port, media_port = house.free_ports(2)
    with (
        house_address(port, media_port) as settings,
        serving(folder, (port, media_port), **settings) as running,
    ):
        yield running
