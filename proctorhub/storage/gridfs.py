"""Blobs in GridFS, for sites that want everything in MongoDB."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from gridfs import GridFSBucket
from gridfs.errors import NoFile
from pymongo.collection import Collection

from proctorhub.plugins import API_VERSION, BlobNotFound, BlobRefused, BlobStat
from proctorhub.records.connection import database
from proctorhub.storage import streams
from proctorhub.storage.keys import checked_key

BUCKET = "blobs"


class GridFSStore:
    """Keeps each blob as a GridFS file whose name is its key.

    Two writers of one key upload two files; the older one counts and the other goes away.
    """

    api_version = API_VERSION

    def __init__(self, options: Mapping[str, Any], data_dir: Path) -> None:
        """Takes no options; the process must be connected to the database."""

    def put(self, key: str, stream: BinaryIO, *, size: int, sha256: str) -> BlobStat:
        """Store a blob; the file appears only after its last chunk, and only when it is right."""
        wanted = BlobStat(size, sha256)
        existing = self._find(key)
        if existing is not None:
            if _stat(existing) == wanted:
                return wanted
            self.delete(key)
        upload = self._bucket().open_upload_stream(key, metadata={"sha256": sha256})
        try:
            written = streams.copy(streams.whole(stream), upload.write)
            if written != wanted:
                raise BlobRefused(f"{key}: expected {wanted}, got {written}")
        except BaseException:
            upload.abort()
            raise
        upload.close()
        first = self._find(key)
        if first is not None and first["_id"] != upload._id and _stat(first) == wanted:
            self._bucket().delete(upload._id)
        return wanted

    def get(self, key: str, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield a range of a blob."""
        found = self._find(key)
        if found is None:
            raise BlobNotFound(key)
        stream: Any = self._bucket().open_download_stream(found["_id"])
        return streams.blocks(stream, start, length)

    def stat(self, key: str) -> BlobStat:
        """Return size and digest of a blob."""
        found = self._find(key)
        if found is None:
            raise BlobNotFound(key)
        return _stat(found)

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the keys that start with a prefix, sorted."""
        query = {"filename": {"$gte": prefix, "$lt": prefix + "\uffff"}}
        previous = None
        for found in self._files().find(query, {"filename": 1}).sort("filename", 1):
            if found["filename"] != previous:
                previous = found["filename"]
                yield previous

    def delete(self, key: str) -> bool:
        """Remove a blob."""
        found = False
        for document in self._files().find({"filename": checked_key(key)}, {"_id": 1}):
            try:
                self._bucket().delete(document["_id"])
                found = True
            except NoFile:
                continue
        return found

    def _find(self, key: str) -> Mapping[str, Any] | None:
        return self._files().find_one({"filename": checked_key(key)}, sort=[("_id", 1)])

    @staticmethod
    def _files() -> Collection[dict[str, Any]]:
        return database()[f"{BUCKET}.files"]

    @staticmethod
    def _bucket() -> GridFSBucket:
        return GridFSBucket(database(), bucket_name=BUCKET)


def _stat(document: Mapping[str, Any]) -> BlobStat:
    return BlobStat(document["length"], document["metadata"]["sha256"])
