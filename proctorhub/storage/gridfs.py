"""Blobs in GridFS, for sites that want everything in MongoDB."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from gridfs import GridFSBucket
from gridfs.errors import NoFile
from pymongo.errors import DuplicateKeyError

from proctorhub.plugins import API_VERSION, BlobNotFound, BlobRefused, BlobStat
from proctorhub.records.connection import database
from proctorhub.storage.keys import checked_key

BUCKET = "blobs"
CHUNK_BYTES = 256 * 1024


class GridFSStore:
    """Keeps each blob as one GridFS file whose id is its key."""

    api_version = API_VERSION

    def __init__(self, options: Mapping[str, Any], data_dir: Path) -> None:
        """Takes no options; the process must be connected to the database."""

    def put(self, key: str, stream: BinaryIO, *, size: int, sha256: str) -> BlobStat:
        """Store a blob; the file appears only after its last chunk, and only when it is right."""
        wanted = BlobStat(size, sha256)
        try:
            if self.stat(key) == wanted:
                return wanted
            self.delete(key)
        except BlobNotFound:
            pass
        upload = self._bucket().open_upload_stream_with_id(
            checked_key(key), key, metadata={"sha256": sha256}
        )
        digest, written = hashlib.sha256(), 0
        try:
            while block := stream.read(CHUNK_BYTES):
                upload.write(block)
                digest.update(block)
                written += len(block)
            if (written, digest.hexdigest()) != (size, sha256):
                raise BlobRefused(f"{key}: expected {size} bytes {sha256}, got {written}")
            upload.close()
        except DuplicateKeyError:
            upload.abort()
            if self.stat(key) != wanted:
                raise BlobRefused(f"{key}: another blob is being stored there") from None
        except BaseException:
            upload.abort()
            raise
        return wanted

    def get(self, key: str, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield a range of a blob."""
        try:
            stream = self._bucket().open_download_stream(checked_key(key))
        except NoFile:
            raise BlobNotFound(key) from None
        return self._chunks(stream, start, length)

    def stat(self, key: str) -> BlobStat:
        """Return size and digest of a blob."""
        found = database()[f"{BUCKET}.files"].find_one({"_id": checked_key(key)})
        if found is None:
            raise BlobNotFound(key)
        return BlobStat(found["length"], found["metadata"]["sha256"])

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the keys that start with a prefix, sorted."""
        end = prefix + "\uffff"
        query = {"_id": {"$gte": prefix, "$lt": end}}
        for found in database()[f"{BUCKET}.files"].find(query, {"_id": 1}).sort("_id", 1):
            yield found["_id"]

    def delete(self, key: str) -> bool:
        """Remove a blob."""
        try:
            self._bucket().delete(checked_key(key))
        except NoFile:
            return False
        return True

    @staticmethod
    def _bucket() -> GridFSBucket:
        return GridFSBucket(database(), bucket_name=BUCKET)

    @staticmethod
    def _chunks(stream: Any, start: int, length: int | None) -> Iterator[bytes]:
        with stream:
            stream.seek(start)
            left = length
            while left is None or left > 0:
                block = stream.read(CHUNK_BYTES if left is None else min(CHUNK_BYTES, left))
                if not block:
                    return
                if left is not None:
                    left -= len(block)
                yield block
