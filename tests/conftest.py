"""One database server for a process of tests, one empty database for each test that asks."""

from __future__ import annotations

import os
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from pymongo import MongoClient

from proctorhub.config import Settings
from proctorhub.plugins import load
from proctorhub.services import runtime
from tests.waiting import PATIENCE_S, wait_for

URI_VARIABLE = "PROCTORHUB_TEST_MONGODB_URI"

# The same examples in every run, so that a change is judged by what it changes. New ones are
# looked for with `pytest --hypothesis-profile default`. Nothing says how long one may take.
hypothesis.settings.register_profile(
    "same examples",
    derandomize=True,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("same examples")

# Where these are set pytest shows every difference whole: between two pictures it looks for one
# longer than any test may take.
for variable in ("CI", "BUILD_NUMBER"):
    os.environ.pop(variable, None)


def pytest_report_header() -> str:
    where = os.environ.get(URI_VARIABLE)
    return f"database: {'MongoDB at ' + URI_VARIABLE if where else 'embedded server'}"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Callable[..., None]) -> object:
    # asked for by `--numprocesses` alone
    from tests.scheduling import OneExamAtATime

    return OneExamAtATime(config, log)


@pytest.fixture(scope="session")
def mongodb_uri() -> Iterator[str]:
    """The URI of a server that speaks MongoDB's protocol."""
    if given := os.environ.get(URI_VARIABLE):
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="ph-") as folder:
        plugin = load("database", "embedded")()
        socket = Path(folder) / "db.sock"
        server = subprocess.Popen(list(plugin.command(Path(folder) / "db.sqlite", socket)))
        wait_for(socket.exists, "the database server")
        yield plugin.uri(socket)
        server.terminate()
        server.wait(PATIENCE_S)


@pytest.fixture
def settings(mongodb_uri: str, tmp_path: Path) -> Settings:
    """Settings of an installation that nothing else uses."""
    return Settings(
        data_dir=tmp_path, mongodb_uri=mongodb_uri, mongodb_name=f"test_{uuid.uuid4().hex[:12]}"
    )


@pytest.fixture
def database(settings: Settings) -> Iterator[runtime.Runtime]:
    """A connected process with an empty database."""
    started = runtime.start(settings)
    yield started
    runtime.stop()
    with MongoClient(settings.mongodb_uri) as client:
        client.drop_database(settings.mongodb_name)
