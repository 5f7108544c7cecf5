"""`proctorhub models` at the keyboard."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from proctorhub.cli.main import main
from proctorhub.services import models as packs
from tests.unit.services.test_models import DATA, KNOWN, unpacked


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Run `proctorhub models …` with a catalogue of one pack, which is in `source`."""
    monkeypatch.setenv("PROCTORHUB_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    unpacked(tmp_path / "source", DATA)
    monkeypatch.setattr(packs, "catalogue", lambda: KNOWN)
    return lambda *args, **more: CliRunner().invoke(main, ["models", *args], **more)


def test_it_shows_the_licence_and_records_the_name(command) -> None:
    done = command("install", "source", "--accept-licence", "Ada Byron")
    assert done.exit_code == 0, done.output
    assert "For tests only." in done.output
    (listed,) = json.loads(command("list", "--json").output)
    assert listed["record"]["accepted_by"] == "Ada Byron"
    assert "licence accepted by Ada Byron" in command("list").output


@pytest.mark.parametrize("args", [[], ["--accept-licence", " "]])
def test_nothing_is_installed_unless_somebody_accepts(command, tmp_path, args) -> None:
    refused = command("install", "source", *args)
    assert refused.exit_code == 2
    assert not (tmp_path / "data").exists()


def test_an_unknown_pack_is_one_line(command, tmp_path) -> None:
    unpacked(tmp_path / "source", {"new.onnx": b"new"})
    refused = command("install", "source", "--accept-licence", "Ada Byron")
    assert refused.exit_code == 1
    assert "new.onnx not of pair" in refused.output
    assert "Traceback" not in refused.output


def test_the_real_catalogue_has_no_age_or_sex() -> None:
    for plugin, known in packs.catalogue().items():
        assert plugin == "insightface"
        for pack in known:
            assert not any("genderage" in name for name in pack.files)
