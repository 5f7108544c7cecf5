"""Backup and restore of what this machine keeps: the embedded database, secrets, recordings.

A backup is a folder of files and a `manifest.json` with the size and SHA-256 of each. It has the
name of its moment and appears whole or not at all. Backups beside each other share the recordings,
which never change, by hard links. The database is copied first: a segment is stored before a
record speaks of it, so whatever the copied records speak of is still there to be copied.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from proctorhub import __version__
from proctorhub.config import Settings
from proctorhub.plugins import BlobNotFound, BlobStat, BlobStore, load
from proctorhub.records import connection
from proctorhub.records.base import utc_now
from proctorhub.storage import streams

MANIFEST = "manifest.json"
FORMAT = 1
_DATABASE = "database.sqlite"
_RECORDINGS = "recordings"
#: What is copied as it is. Sockets and the spool (seconds that are not stored yet) are not.
_KEPT = ("secrets", "tls", "media-node.id")
_PART = ".part"
_RESTORING = ".restoring"


class BackupError(Exception):
    """A backup cannot be made or restored; the text is one line that says why."""


@dataclass
class Manifest:
    """What a backup holds; `settings` are the names of those that were set, without values."""

    made_at: str
    records: str
    recordings: str
    settings: list[str]
    files: dict[str, BlobStat] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)
    linked: int = 0

    @property
    def size(self) -> int:
        """How many bytes the files have together."""
        return sum(stat.size for stat in self.files.values())


def make(settings: Settings, target: Path, *, recordings: bool = True) -> tuple[Path, Manifest]:
    """Make a backup in a new folder below `target` while ProctorHub runs; returns it.

    A recording that is not what its SHA-256 says is copied and named in `damaged`. Raises
    BackupError, and leaves nothing behind then.
    """
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    now = utc_now()
    folder = target / now.strftime("%Y-%m-%dT%H%M%S.%fZ")
    part = folder.with_name(folder.name + _PART)
    manifest = Manifest(
        made_at=now.isoformat(),
        records="mongodb" if settings.mongodb_uri else _DATABASE,
        recordings=_where_recordings_are(settings, recordings),
        settings=_names_set(settings),
    )
    part.mkdir(mode=0o700)
    try:
        if not settings.mongodb_uri:
            manifest.files[_DATABASE] = _copy_database(settings, part / _DATABASE)
        for name, path in _kept_files(settings):
            manifest.files[name] = _write(part / name, _blocks(path))
        if manifest.recordings == "included":
            _copy_recordings(_store(settings), part, manifest, _newest(target))
        content = {"format": FORMAT, "proctorhub": __version__, **asdict(manifest)}
        _write(part / MANIFEST, [json.dumps(content, indent=1).encode()])
        for place in [part, *(path for path in part.rglob("*") if path.is_dir())]:
            streams.sync_folder(place)
        part.rename(folder)
        streams.sync_folder(target)
    except OSError as error:
        raise BackupError(f"cannot write the backup: {error}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder, manifest


def verify(source: Path) -> Manifest:
    """Check every file of a backup against its manifest. Raises BackupError."""
    manifest = _read_manifest(source)
    for name, promised in manifest.files.items():
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise BackupError(f"{source / MANIFEST} names a file outside the backup: {name}")
        try:
            found = streams.digest(_blocks(source / name))
        except OSError as error:
            raise BackupError(f"{source} is not complete: {error}") from None
        if found != promised:
            raise BackupError(f"{source / name} is damaged: its SHA-256 is not the manifest's")
    return manifest


def restore(settings: Settings, source: Path) -> Manifest:
    """Put a backup into an empty data folder, checked first, wholly or not at all.

    Raises BackupError when the folder is in use or holds anything, or the backup is damaged.
    """
    target = settings.path()
    _refuse_unless_free(settings, target)
    manifest = verify(source)
    if settings.mongodb_uri and manifest.records == _DATABASE:
        raise BackupError("the backup holds an embedded database, but mongodb_uri is set")
    part = target / _RESTORING
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700, parents=True)
    try:
        _copy_back(settings.model_copy(update={"data_dir": part}), source, manifest)
        # The database comes last: without it nothing looks restored.
        for path in sorted(part.iterdir(), key=lambda path: path.name == _DATABASE):
            path.rename(target / path.name)
        streams.sync_folder(target)
    except OSError as error:
        raise BackupError(f"cannot write {target}: {error}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return manifest


def _copy_back(settings: Settings, source: Path, manifest: Manifest) -> None:
    store = _store(settings) if manifest.recordings == "included" else None
    if store and next(store.list(""), None) is not None:
        raise BackupError("the folder of the recordings is not empty")
    for name, stat in manifest.files.items():
        key = name.removeprefix(f"{_RECORDINGS}/")
        if store and key != name:
            with (source / name).open("rb") as file:
                store.put(key, file, size=stat.size, sha256=stat.sha256)
        elif _write(settings.path(name), _blocks(source / name)) != stat:
            raise BackupError(f"{source / name} changed while it was restored")


def _refuse_unless_free(settings: Settings, target: Path) -> None:
    path = connection.socket_path(settings)
    with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
        probe.connect(str(path))
        raise BackupError(f"a ProctorHub is running on {target}; stop it first")
    if target.exists() and any(path.name != _RESTORING for path in target.iterdir()):
        raise BackupError(f"{target} is not empty; restore into a new folder (--data DIR)")


def _read_manifest(source: Path) -> Manifest:
    try:
        content: dict[str, Any] = json.loads((source / MANIFEST).read_text())
        if content.pop("format") != FORMAT:
            raise BackupError(f"{source} was made by another version of ProctorHub")
        content.pop("proctorhub")
        files = {name: BlobStat(**stat) for name, stat in content.pop("files").items()}
        return Manifest(files=files, **content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackupError(f"{source} is no backup: {error}") from None


def _where_recordings_are(settings: Settings, wanted: bool) -> str:
    if settings.storage != "local":
        return f"in the storage {settings.storage}"
    return "included" if wanted else "left out"


def _names_set(settings: Settings) -> list[str]:
    names = settings.model_fields_set - {"data_dir", "plugins"}
    options = {f"plugins.{name}.{key}" for name, of in settings.plugins.items() for key in of}
    return sorted(names | options)


def _copy_database(settings: Settings, to: Path) -> BlobStat:
    plugin = load("database", settings.database_plugin)()
    command = plugin.backup_command(connection.database_path(settings), to)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise BackupError(f"the database cannot be copied: {reason[0]}")
    return streams.digest(_blocks(to))


def _kept_files(settings: Settings) -> Iterator[tuple[str, Path]]:
    for kept in _KEPT:
        top = settings.path(kept)
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and path.suffix != _PART:
                yield path.relative_to(settings.path()).as_posix(), path


def _store(settings: Settings) -> BlobStore:
    store: BlobStore = load("storage", settings.storage)(
        settings.plugins.get(settings.storage, {}), settings.path("storage")
    )
    return store


def _copy_recordings(
    store: BlobStore, part: Path, manifest: Manifest, previous: Path | None
) -> None:
    before = _read_manifest(previous).files if previous else {}
    for key in store.list(""):
        name = f"{_RECORDINGS}/{key}"
        try:
            promised = store.stat(key)
            if previous and before.get(name) == promised and _link(previous / name, part / name):
                manifest.linked += 1
                manifest.files[name] = promised
                continue
            manifest.files[name] = written = _write(part / name, store.get(key))
        except BlobNotFound:
            continue  # erased meanwhile
        if written != promised:
            manifest.damaged.append(key)


def _newest(target: Path) -> Path | None:
    made = sorted(path.parent for path in target.glob(f"*/{MANIFEST}"))
    return next((path for path in reversed(made) if path.suffix != _PART), None)


def _link(old: Path, new: Path) -> bool:
    new.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.link(old, new)
    except OSError:
        return False  # gone, or a file system without links: it is copied then
    return True


def _blocks(path: Path) -> Iterator[bytes]:
    return streams.blocks(path.open("rb"))


def _write(path: Path, blocks: Iterable[bytes]) -> BlobStat:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        return streams.write_through(file, blocks)
