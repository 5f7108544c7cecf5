"""Blobs as files in a folder."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from proctorhub.plugins import API_VERSION, BlobNotFound, BlobRefused, BlobStat
from proctorhub.storage import streams
from proctorhub.storage.keys import checked_key

_PART = ".part"
_SUM = ".sha256"


class LocalStore:
    """Keeps each blob in a file of its own, with its SHA-256 beside it.

    A blob is written to a `.part` name, verified, flushed to the disk, then renamed.
    """

    api_version = API_VERSION

    def __init__(self, options: Mapping[str, Any], data_dir: Path) -> None:
        """`options["folder"]` overrides where blobs are kept."""
        self._root = Path(options.get("folder", data_dir / "blobs")).absolute()
        self._root.mkdir(parents=True, exist_ok=True)

    def put(self, key: str, stream: BinaryIO, *, size: int, sha256: str) -> BlobStat:
        """Store a blob; one that is there already with the same content is left alone."""
        path, wanted = self._path(key), BlobStat(size, sha256)
        if path.exists() and self.stat(key) == wanted:
            return wanted
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{uuid.uuid4().hex}{_PART}")
        try:
            with part.open("wb") as file:
                written = streams.write_through(file, streams.whole(stream))
            if written != wanted:
                raise BlobRefused(f"{key}: expected {wanted}, got {written}")
            path.with_name(path.name + _SUM).write_text(sha256)
            part.replace(path)
            streams.sync_folder(path.parent)
        finally:
            part.unlink(missing_ok=True)
        return wanted

    def get(self, key: str, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield a range of a blob."""
        try:
            file = self._path(key).open("rb")
        except FileNotFoundError:
            raise BlobNotFound(key) from None
        return streams.blocks(file, start, length)

    def stat(self, key: str) -> BlobStat:
        """Return size and digest of a blob."""
        path = self._path(key)
        try:
            return BlobStat(path.stat().st_size, path.with_name(path.name + _SUM).read_text())
        except FileNotFoundError:
            raise BlobNotFound(key) from None

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the keys that start with a prefix, sorted."""
        names = (
            str(path.relative_to(self._root))
            for path in self._root.rglob("*")
            if path.is_file() and path.suffix not in (_PART, _SUM)
        )
        yield from sorted(name for name in names if name.startswith(prefix))

    def delete(self, key: str) -> bool:
        """Remove a blob and its digest."""
        path = self._path(key)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        path.with_name(path.name + _SUM).unlink(missing_ok=True)
        return True

    def _path(self, key: str) -> Path:
        return self._root / checked_key(key)
