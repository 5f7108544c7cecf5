from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from proctorhub_plugins.embedded_mongodb import administration, grouping, joins, queries, writes  # noqa: F401
from proctorhub_plugins.embedded_mongodb.commands import Session, run_command
from proctorhub_plugins.embedded_mongodb.cursors import Cursors
from proctorhub_plugins.embedded_mongodb.documents import decode_document
from proctorhub_plugins.embedded_mongodb.storage import Storage

Run = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    opened = Storage(tmp_path / "test.db", sync="OFF")
    yield opened
    opened.close()


@pytest.fixture
def run(storage: Storage) -> Run:
    """Run a command on a database called `test`; the reply is decoded."""
    session = Session(storage, Cursors(), 0.0)

    def run_on_test(body: dict[str, Any]) -> dict[str, Any]:
        return decode_document(run_command(session, {**body, "$db": "test"}))

    return run_on_test
