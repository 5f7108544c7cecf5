"""Packs of models that an operator brings along: recognised, copied, and the licence recorded.

Files are recognised by their SHA-256 alone and written under the names that the catalogue gives,
so nothing that a source says about itself is believed.
"""

from __future__ import annotations

import getpass
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from proctorhub import plugins
from proctorhub.plugins import ModelPack, PluginError, model_folder
from proctorhub.records.base import utc_now
from proctorhub.services.model_source import models_in

Catalogue = Mapping[str, Sequence[ModelPack]]  # by plugin

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Found:
    """A known pack in a source, and the plugin it is for."""

    plugin: str
    pack: ModelPack
    source: Path


@dataclass(frozen=True)
class Installed:
    """An installed pack and the record of its licence's acceptance; None where nobody accepted."""

    plugin: str
    pack: str
    folder: Path
    record: Mapping[str, Any] | None


def catalogue() -> Catalogue:
    """Return the packs that the installed plugins know."""
    return {name: plugins.load("models", name).packs for name in plugins.names("models")}


def recognise(source: Path, known: Catalogue) -> Found:
    """Return the pack that a source holds. Raises PluginError unless it is a known one, whole.

    Every model in the source has to be of that pack; other files do not matter.
    """
    with models_in(source) as models:
        names = {model.read(): model.name for model in models}
    refusals: list[str] = []
    for plugin, packs in known.items():
        for pack in packs:
            published = {*pack.files.values(), *pack.unused.values()}
            unknown = [name for sha256, name in names.items() if sha256 not in published]
            missing = [name for name, sha256 in pack.files.items() if sha256 not in names]
            if not unknown and not missing:
                return Found(plugin, pack, source)
            refusals.append(_refusal(pack.name, unknown, missing))
    raise PluginError(f"{source} is no known pack of models: {min(refusals, key=len, default='')}")


def install(found: Found, data_dir: Path, accepted_by: str) -> Installed:
    """Copy a recognised pack into the data folder, whole or not at all, and record who accepted.

    Raises PluginError when it is installed already, or cannot be.
    """
    pack = found.pack
    folder = model_folder(data_dir, found.plugin, pack.name)
    if folder.exists():
        raise PluginError(f"{pack.name} is installed already, in {folder}")
    record = {
        "pack": pack.name,
        "plugin": found.plugin,
        "licence": pack.licence,
        "licence_url": pack.licence_url,
        "accepted_by": accepted_by,
        "system_account": getpass.getuser(),
        "accepted_at": utc_now().isoformat(),
        "files": dict(pack.files),
    }
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".part-", dir=folder.parent) as staging:
            whole = Path(staging) / pack.name
            whole.mkdir()
            _copy(found, whole)
            text = json.dumps(record, indent=2) + "\n"
            (whole / plugins.MODEL_RECORD).write_text(text, encoding="utf-8")
            whole.rename(folder)
    except OSError as error:
        raise PluginError(f"{pack.name} cannot be installed in {folder}: {error}") from error
    log.info("models.installed", **{k: v for k, v in record.items() if k != "files"})
    return Installed(found.plugin, pack.name, folder, record)


def installed(data_dir: Path, known: Catalogue) -> list[Installed]:
    """Return the packs that are installed."""
    return [
        Installed(plugin, pack.name, folder, _record(folder))
        for plugin, packs in known.items()
        for pack in packs
        if (folder := model_folder(data_dir, plugin, pack.name)).is_dir()
    ]


def _copy(found: Found, folder: Path) -> None:
    """Copy the files that are used; they are hashed again on the way."""
    wanted = {sha256: name for name, sha256 in found.pack.files.items()}
    part = folder / "part"
    with models_in(found.source) as models:
        for model in models:
            with part.open("wb") as file:
                sha256 = model.read(file)
                file.flush()
                os.fsync(file.fileno())
            if name := wanted.pop(sha256, None):
                part.rename(folder / name)
    part.unlink(missing_ok=True)
    if wanted:
        raise PluginError(f"{found.source} changed while it was being copied")


def _record(folder: Path) -> Mapping[str, Any] | None:
    try:
        read: Mapping[str, Any] = json.loads((folder / plugins.MODEL_RECORD).read_bytes())
    except FileNotFoundError:
        return None
    return read


def _refusal(pack: str, unknown: list[str], missing: list[str]) -> str:
    what = []
    if unknown:
        what.append(f"{', '.join(sorted(unknown))} not of {pack}, or changed")
    if missing:
        what.append(f"{', '.join(sorted(missing))} of {pack} missing")
    return "; ".join(what)
