"""`proctorhub identity verify` believes what this key signed, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from proctorhub.cli.main import main
from proctorhub.domain import identity_record, ticket

PRIVATE, PUBLIC = ticket.new_keys()


@pytest.fixture
def key(tmp_path: Path) -> Path:
    (tmp_path / "evidence.pub").write_text(PUBLIC)
    return tmp_path / "evidence.pub"


def verify(tmp_path: Path, key: Path, record: object):
    (tmp_path / "record.json").write_text(json.dumps(record))
    arguments = ["identity", "verify", str(tmp_path / "record.json"), "--key", str(key)]
    return CliRunner().invoke(main, arguments)


def test_a_record_is_printed(tmp_path, key) -> None:
    record = identity_record.sign(PRIVATE, {"outcome": "verified"})
    found = verify(tmp_path, key, record)
    assert found.exit_code == 0
    assert json.loads(found.output) == {"outcome": "verified"}


@pytest.mark.parametrize("record", [{}, [], {"payload": {"outcome": "verified"}}])
def test_anything_else_is_refused(tmp_path, key, record) -> None:
    found = verify(tmp_path, key, record)
    assert found.exit_code == 1
    assert found.output.startswith("proctorhub: ")


def test_a_changed_record_is_refused(tmp_path, key) -> None:
    record = identity_record.sign(PRIVATE, {"outcome": "rejected"})
    assert verify(tmp_path, key, {**record, "payload": {"outcome": "verified"}}).exit_code == 1
