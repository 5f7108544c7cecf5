"""`proctorhub accuracy` as an operator meets them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from proctorhub.cli.main import main
from proctorhub.config import Settings
from proctorhub.services import measuring, runtime
from tests.unit.domain.test_accuracy import SESSIONS, at

HEAD = "session,detector,start,end,group\n"


@pytest.fixture
def run(
    settings: Settings,
    database: runtime.Runtime,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Callable[..., Result]:
    monkeypatch.setenv("PROCTORHUB_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PROCTORHUB_MONGODB_URI", str(settings.mongodb_uri))
    monkeypatch.setenv("PROCTORHUB_MONGODB_NAME", settings.mongodb_name)

    def call(table: str | bytes, *options: str) -> Result:
        path = tmp_path / "labels.csv"
        path.write_bytes(table if isinstance(table, bytes) else table.encode())
        return CliRunner().invoke(main, ["accuracy", str(path), *options])

    return call


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("session,detector\n", "the column 'start' is missing"),
        (HEAD + "a,sleeping,0:01,0:02,\n", "line 2, detector"),
        (HEAD + "nobody,,,,\n", "there is no session 'nobody'"),
        (b"\xff\xfe\x00", "labels.csv"),
    ],
)
def test_a_table_that_cannot_be_used_is_one_line(run, table, told) -> None:
    done = run(table)
    assert done.exit_code == 1
    (line,) = [x for x in done.output.splitlines() if x.startswith("proctorhub:")]
    assert told in line and "Traceback" not in done.output


def test_figures_are_shown_to_people_and_machines(run, monkeypatch: pytest.MonkeyPatch) -> None:
    notes = [at("a", "no_face", 100, 120), at("a", "no_face", 900, 910)]
    flags = [at("a", "no_face", 110, 130), at("b", "speech", 1, 2)]
    found = measuring.accuracy.report(SESSIONS, notes, flags)
    monkeypatch.setattr(measuring, "measure", lambda labels: found)
    shown = run(HEAD + "a,,,,one\n").output
    assert "all: 3 sessions, 4 h" in shown and "group two: 1 sessions, 1 h" in shown
    assert "50% (1%–99%; 1 of 2)" in shown
    assert "0.25 (0.01–1.39; 1)" in shown
    assert "nothing labelled" in shown
    machine = json.loads(run(HEAD + "a,,,,one\n", "--json").output.splitlines()[-1])
    assert machine == json.loads(json.dumps(found))
