"""Small files in GridFS: stills of the identification and profile photographs."""

from __future__ import annotations

from gridfs import GridFSBucket
from gridfs.errors import NoFile

from proctorhub.records.connection import database


def _bucket() -> GridFSBucket:
    return GridFSBucket(database(), bucket_name="stills")


def save(file_id: str, data: bytes, *, content_type: str, owner: str) -> None:
    """Store a file under an id of our own."""
    _bucket().upload_from_stream_with_id(
        file_id, file_id, data, metadata={"content_type": content_type, "owner": owner}
    )


def read(file_id: str) -> tuple[bytes, str] | None:
    """Return (bytes, content type), or None when there is no such file."""
    try:
        with _bucket().open_download_stream(file_id) as stream:
            return stream.read(), str((stream.metadata or {})["content_type"])
    except NoFile:
        return None


def delete(file_id: str) -> None:
    """Remove a file; one that is not there is fine."""
    try:
        _bucket().delete(file_id)
    except NoFile:
        return
