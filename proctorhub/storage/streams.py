"""Moving bytes between streams, a block at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

from proctorhub.plugins import BlobStat

BLOCK_BYTES = 256 * 1024


def copy(stream: BinaryIO, write: Callable[[bytes], object]) -> BlobStat:
    """Pass the whole stream to `write` and return what it was."""
    digest, size = hashlib.sha256(), 0
    while block := stream.read(BLOCK_BYTES):
        write(block)
        digest.update(block)
        size += len(block)
    return BlobStat(size, digest.hexdigest())


def blocks(stream: BinaryIO, start: int, length: int | None) -> Iterator[bytes]:
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
