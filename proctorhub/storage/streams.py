"""Moving bytes between streams and files, a block at a time."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from proctorhub.plugins import BlobStat

BLOCK_BYTES = 256 * 1024


def copy(blocks: Iterable[bytes], write: Callable[[bytes], object]) -> BlobStat:
    """Pass all blocks to `write` and return what they were."""
    digest, size = hashlib.sha256(), 0
    for block in blocks:
        write(block)
        digest.update(block)
        size += len(block)
    return BlobStat(size, digest.hexdigest())


def digest(blocks: Iterable[bytes]) -> BlobStat:
    """Return what the blocks are."""
    return copy(blocks, lambda block: None)


def write_through(file: BinaryIO, blocks: Iterable[bytes]) -> BlobStat:
    """Write all blocks to a file, flushed to the disk, and return what they were."""
    written = copy(blocks, file.write)
    file.flush()
    os.fsync(file.fileno())
    return written


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def whole(stream: BinaryIO) -> Iterator[bytes]:
    """Yield what is left of a stream."""
    while block := stream.read(BLOCK_BYTES):
        yield block


def blocks(stream: BinaryIO, start: int = 0, length: int | None = None) -> Iterator[bytes]:
    """Yield the bytes of `[start, start+length)`, then close the stream."""
    with stream:
        stream.seek(start)
        left = length
        while left is None or left > 0:
            block = stream.read(BLOCK_BYTES if left is None else min(BLOCK_BYTES, left))
            if not block:
                return
            if left is not None:
                left -= len(block)
            yield block
