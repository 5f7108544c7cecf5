"""Memory that a media node and the worker on its machine share, for the bytes of pictures.

A picture of half a megabyte goes through a socket in several pieces, each copied into new pages of
the kernel and waking somebody. Here it is copied once into a slot, which the worker says to be free
again by a byte at the beginning of the memory.
"""

from __future__ import annotations

import fcntl
import mmap
import os

from proctorhub.frames.planes import MOST_BYTES

COUNT = 16
_PAGE = mmap.PAGESIZE
#: What is never touched takes no memory.
ROOM = -(-MOST_BYTES // _PAGE) * _PAGE
_SIZE = _PAGE + COUNT * ROOM
_FREE, _FULL = 0, 1


class NoSlots(Exception):
    """A descriptor that is no memory of this kind."""


class Slots:
    """One side's view of the memory behind `descriptor`, which stays the caller's.

    Raises NoSlots for memory of another size, or which could shrink under who reads it.
    """

    def __init__(self, descriptor: int) -> None:
        try:
            sealed = fcntl.fcntl(descriptor, fcntl.F_GET_SEALS)
        except OSError as error:
            raise NoSlots("it is no memory") from error
        if not sealed & fcntl.F_SEAL_SHRINK or os.fstat(descriptor).st_size != _SIZE:
            raise NoSlots("it is of another size, or could become so")
        self._memory = memoryview(mmap.mmap(descriptor, _SIZE))

    def put(self, image: bytes) -> int | None:
        """Fill a free slot; return its number, None when none is free or large enough."""
        at = self._memory[:COUNT].tobytes().find(_FREE)
        if at < 0 or len(image) > ROOM:
            return None
        start = _PAGE + at * ROOM
        self._memory[start : start + len(image)] = image
        self._memory[at] = _FULL
        return at

    def take(self, number: int, size: int) -> bytes:
        """Return `size` bytes of a slot, and free it. Raises NoSlots if there is no such slot."""
        if number >= COUNT or size > ROOM:
            raise NoSlots(f"{size} bytes of slot {number}")
        start = _PAGE + number * ROOM
        image = bytes(self._memory[start : start + size])
        self._memory[number] = _FREE
        return image


def new_memory() -> int:
    """Return the descriptor of new memory, all slots of it free. Raises OSError."""
    descriptor = os.memfd_create("frames", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(descriptor, _SIZE)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
