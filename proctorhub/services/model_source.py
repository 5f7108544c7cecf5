"""The model files in a ZIP file or a folder that somebody downloaded: read as strangers' data."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from proctorhub.plugins import PluginError

MODEL_SUFFIX = ".onnx"
MAX_MODELS = 100
MAX_MODEL_BYTES = 1 << 30
CHUNK = 1 << 20


@dataclass(frozen=True)
class ModelFile:
    """A file that looks like a model, under the name that the source gives it."""

    name: str
    open: Callable[[], IO[bytes]]

    def read(self, into: IO[bytes] | None = None) -> str:
        """Return the SHA-256 of the whole file; write it into another where one is given.

        Raises PluginError for one that is too large, whatever size it states.
        """
        digest, size = hashlib.sha256(), 0
        with self.open() as stream:
            while chunk := stream.read(CHUNK):
                size += len(chunk)
                if size > MAX_MODEL_BYTES:
                    raise PluginError(f"{self.name} is larger than {MAX_MODEL_BYTES >> 20} MiB")
                digest.update(chunk)
                if into is not None:
                    into.write(chunk)
        return digest.hexdigest()


@contextmanager
def models_in(source: Path) -> Iterator[list[ModelFile]]:
    """Give the model files of a source, in sub-folders too; PluginError says what is wrong."""
    try:
        if source.is_dir():
            files = [file for file in sorted(source.rglob("*")) if _is_model(file.name)]
            yield _few([ModelFile(str(f.relative_to(source)), _opener(f)) for f in files], source)
        else:
            with zipfile.ZipFile(source) as archive:
                infos = [info for info in archive.infolist() if _is_model(info.filename)]
                yield _few([ModelFile(i.filename, _unzipper(archive, i)) for i in infos], source)
    # What zipfile raises for encrypted members and unknown compressions is a RuntimeError.
    except (OSError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise PluginError(f"{source} cannot be read: {error}") from error


def _is_model(name: str) -> bool:
    return name.lower().endswith(MODEL_SUFFIX)


def _few(models: list[ModelFile], source: Path) -> list[ModelFile]:
    if not models:
        raise PluginError(f"there is no {MODEL_SUFFIX} file in {source}")
    if len(models) > MAX_MODELS:
        raise PluginError(f"{source} has more than {MAX_MODELS} models")
    return models


def _opener(file: Path) -> Callable[[], IO[bytes]]:
    return lambda: file.open("rb")


def _unzipper(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: archive.open(info)
