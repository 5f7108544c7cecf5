"""An installation that every network leads to, and a computer on networks of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.networks import Computer, allowed
from tests.e2e.conftest import Server
from tests.e2e.networked import networks


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if not allowed():
        pytest.skip("this machine lets nobody make networks")
    with networks.reachable(tmp_path_factory.mktemp("reachable")) as running:
        yield running


@pytest.fixture
def computer(tmp_path: Path) -> Iterator[Computer]:
    made = Computer(tmp_path)
    yield made
    made.remove()
