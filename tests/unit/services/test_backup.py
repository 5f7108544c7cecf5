"""What a backup holds, and when it is refused; the running platform is in `tests/e2e`."""

from __future__ import annotations

import hashlib
import io
import json
import socket
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from pymongo import MongoClient

from proctorhub.cli.main import main
from proctorhub.config import Settings
from proctorhub.plugins import load
from proctorhub.records import connection
from proctorhub.services import backup, keys
from proctorhub.storage.local import LocalStore
from tests.waiting import PATIENCE_S, wait_for


def put(settings: Settings, key: str, data: bytes) -> None:
    store = LocalStore({}, settings.path("storage"))
    digest = hashlib.sha256(data).hexdigest()
    store.put(key, io.BytesIO(data), size=len(data), sha256=digest)


@pytest.fixture
def site(tmp_path: Path) -> Settings:
    """A site that was used and stopped: a record, secrets, two recordings."""
    settings = Settings(data_dir=tmp_path / "site", time_zone="Europe/Warsaw")
    settings.path("run").mkdir(parents=True)
    keys.ensure(settings)
    with Running(settings) as client:
        client.proctorhub.user.insert_one({"_id": "anna"})
    put(settings, "sessions/one/camera/0.webm", b"first" * 1000)
    put(settings, "sessions/one/camera/1.webm", b"second" * 1000)
    return settings


class Running:
    """The embedded server over a site's data folder."""

    def __init__(self, settings: Settings) -> None:
        self.plugin = load("database", "embedded")()
        self.path = connection.socket_path(settings)
        self.command = list(self.plugin.command(connection.database_path(settings), self.path))

    def __enter__(self) -> MongoClient:
        self.process = subprocess.Popen(self.command)
        wait_for(self.path.exists, "the database server")
        self.client: MongoClient = MongoClient(self.plugin.uri(self.path))
        return self.client

    def __exit__(self, *error: object) -> None:
        self.client.close()
        self.process.terminate()
        self.process.wait(PATIENCE_S)


def moved(settings: Settings, to: Path) -> Settings:
    return settings.model_copy(update={"data_dir": to})


def tree(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_everything_comes_back(site: Settings, tmp_path: Path) -> None:
    folder, manifest = backup.make(site, tmp_path / "backups")
    assert (manifest.records, manifest.recordings, manifest.damaged) == (
        "database.sqlite", "included", [],
    )  # fmt: skip
    assert "time_zone" in manifest.settings
    again = moved(site, tmp_path / "new")
    backup.restore(again, folder)
    old, new = tree(site.path()), tree(again.path())
    assert {name for name in old if not name.startswith(("run/", "database"))} <= set(new)
    for name, content in new.items():
        if not name.startswith("database"):
            assert content == old[name], name
    again.path("run").mkdir()
    with Running(again) as client:
        assert client.proctorhub.user.find_one() == {"_id": "anna"}
    assert again.path("secrets", keys.FLASK).stat().st_mode & 0o777 == 0o600
    assert again.path(".restoring").exists() is False


def test_recordings_are_kept_once_in_backups_beside_each_other(
    site: Settings, tmp_path: Path
) -> None:
    first, _ = backup.make(site, tmp_path / "backups")
    put(site, "sessions/one/camera/2.webm", b"third")
    second, manifest = backup.make(site, tmp_path / "backups")
    name = "recordings/sessions/one/camera/0.webm"
    assert manifest.linked == 2
    assert (first / name).stat().st_ino == (second / name).stat().st_ino
    backup.restore(moved(site, tmp_path / "new"), second)
    assert (tmp_path / "new/storage/blobs/sessions/one/camera/2.webm").read_bytes() == b"third"


def test_a_damaged_recording_is_named_and_the_rest_is_backed_up(
    site: Settings, tmp_path: Path
) -> None:
    site.path("storage/blobs/sessions/one/camera/0.webm").write_bytes(b"rotten")
    _, manifest = backup.make(site, tmp_path / "backups")
    assert manifest.damaged == ["sessions/one/camera/0.webm"]
    command = ["backup", str(tmp_path / "backups"), "--data", str(site.path())]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 1
    assert "1 recordings are damaged: sessions/one/camera/0.webm" in result.output


@pytest.mark.parametrize(
    ("what", "why"),
    [("changed", "SHA-256"), ("gone", "not complete"), ("outside", "outside the backup"),
     ("manifest", "is no backup"), ("format", "another version")],
)  # fmt: skip
def test_a_backup_that_is_not_whole_is_refused_before_anything_is_touched(
    site: Settings, tmp_path: Path, what: str, why: str
) -> None:
    folder, _ = backup.make(site, tmp_path / "backups")
    recording, manifest = folder / "recordings/sessions/one/camera/1.webm", folder / "manifest.json"
    content = json.loads(manifest.read_text())
    if what == "changed":
        recording.write_bytes(recording.read_bytes().replace(b"s", b"S", 1))
    elif what == "gone":
        recording.unlink()
    elif what == "outside":
        content["files"]["../../etc/passwd"] = {"size": 1, "sha256": "0"}
        manifest.write_text(json.dumps(content))
    elif what == "format":
        manifest.write_text(json.dumps({**content, "format": 2}))
    else:
        manifest.write_text("{")
    with pytest.raises(backup.BackupError, match=why):
        backup.restore(moved(site, tmp_path / "new"), folder)
    assert not (tmp_path / "new").exists()


def test_a_folder_that_is_used_is_refused(site: Settings, tmp_path: Path) -> None:
    folder, _ = backup.make(site, tmp_path / "backups")
    with pytest.raises(backup.BackupError, match="is not empty"):
        backup.restore(site, folder)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(connection.socket_path(site)))
        server.listen()
        with pytest.raises(backup.BackupError, match="is running on"):
            backup.restore(site, folder)


def test_a_backup_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    empty = Settings(data_dir=tmp_path / "never-started")
    with pytest.raises(backup.BackupError, match="there is no database file"):
        backup.make(empty, tmp_path / "backups")
    assert list((tmp_path / "backups").iterdir()) == []


def test_records_in_a_mongodb_are_left_to_mongodump(site: Settings, tmp_path: Path) -> None:
    environment = {"PROCTORHUB_MONGODB_URI": "mongodb://u:geheim@db.example.edu"}
    command = ["backup", str(tmp_path / "backups"), "--data", str(site.path())]
    result = CliRunner().invoke(main, command, env=environment)
    assert result.exit_code == 0, result.output
    assert 'mongodump --uri "$PROCTORHUB_MONGODB_URI" --db proctorhub' in result.output
    assert "geheim" not in result.output
    (folder,) = (tmp_path / "backups").iterdir()
    assert "geheim" not in (folder / "manifest.json").read_text()
    assert not (folder / "database.sqlite").exists()
    target = ["--data", str(tmp_path / "new")]
    checked = CliRunner().invoke(main, ["restore", str(folder), "--check", *target])
    assert checked.exit_code == 0 and "is whole" in checked.output
    assert not (tmp_path / "new").exists()
    restored = CliRunner().invoke(main, ["restore", str(folder), *target], env=environment)
    assert restored.exit_code == 0, restored.output
    assert "mongorestore" in restored.output and "mongodb_uri" in restored.output
    assert (tmp_path / "new/storage/blobs/sessions/one/camera/1.webm").exists()


def test_recordings_can_be_left_out(site: Settings, tmp_path: Path) -> None:
    folder, manifest = backup.make(site, tmp_path / "backups", recordings=False)
    assert manifest.recordings == "left out"
    assert not (folder / "recordings").exists()
    backup.restore(moved(site, tmp_path / "new"), folder)
    assert (tmp_path / "new/database.sqlite").exists()
