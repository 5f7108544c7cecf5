"""Several datagrams with one system call, each with the time at which the kernel got it.

`recvmmsg(2)` as 64-bit Linux has it: Python offers only `recvmsg`, one call and several objects
for each datagram. There is one loop thread, so that one batch serves all sockets.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from typing import Any

ROOM = 2048
AT_ONCE = 16

_SO_TIMESTAMPNS = 35
_NAME_ROOM = 28
#: cmsghdr (16 bytes) and timespec (two of 8).
_CONTROL_ROOM = 32

Address = tuple[Any, ...]


class _Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Message(ctypes.Structure):
    """struct mmsghdr: a msghdr, and the length of what came."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("parts", ctypes.c_void_p),
        ("part_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
        ("padding", ctypes.c_uint32),
        ("length", ctypes.c_uint32),
    )


#: The datagrams: number `n` begins at `n * ROOM`.
inbox = bytearray(AT_ONCE * ROOM)
_names = bytearray(AT_ONCE * _NAME_ROOM)
_control = bytearray(AT_ONCE * _CONTROL_ROOM)
_parts = (_Iovec * AT_ONCE)()
_messages = (_Message * AT_ONCE)()


def _address_of(buffer: bytearray) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


for _at in range(AT_ONCE):
    _parts[_at] = _Iovec(_address_of(inbox) + _at * ROOM, ROOM)
    _messages[_at] = _Message(
        name=_address_of(_names) + _at * _NAME_ROOM,
        name_length=_NAME_ROOM,
        parts=ctypes.addressof(_parts) + _at * ctypes.sizeof(_Iovec),
        part_count=1,
        control=_address_of(_control) + _at * _CONTROL_ROOM,
        control_length=_CONTROL_ROOM,
    )

# The kernel writes into these, and each call needs them as they were.
_STEP = ctypes.sizeof(_Message)
_view = memoryview(_messages).cast("B")
_template = bytes(_view)
_lengths = _view.cast("I")[_Message.length.offset // 4 :: _STEP // 4]
_times = memoryview(_control).cast("q")

_recvmmsg = ctypes.CDLL(None, use_errno=True).recvmmsg
_recvmmsg.argtypes = (
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_uint,
    ctypes.c_int,
    ctypes.c_void_p,
)
_first = ctypes.addressof(_messages)


def prepare(receiving: socket.socket) -> None:
    """Have the kernel note when a socket's datagrams arrive."""
    receiving.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


def receive(descriptor: int) -> list[int]:
    """Fill `inbox`; return the lengths of the datagrams that are in it now.

    Raises OSError, as BlockingIOError when there is none.
    """
    count = int(_recvmmsg(descriptor, _first, AT_ONCE, socket.MSG_DONTWAIT, None))
    if count < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    sizes = _lengths[:count].tolist()
    _view[: count * _STEP] = _template[: count * _STEP]
    return sizes


def arrived_s(place: int) -> float:
    """Return when the kernel got a datagram, UTC seconds."""
    return _times[place * 4 + 2] + _times[place * 4 + 3] * 1e-9


def address(place: int) -> Address:
    """Return where a datagram came from, as Python's sockets write it."""
    at = place * _NAME_ROOM
    (family,) = struct.unpack_from("=H", _names, at)
    if family == socket.AF_INET:
        port, host = struct.unpack_from("!2xH4s", _names, at)
        return socket.inet_ntop(socket.AF_INET, host), port
    port, flow, host = struct.unpack_from("!2xHI16s", _names, at)
    (scope,) = struct.unpack_from("=I", _names, at + 24)
    return socket.inet_ntop(socket.AF_INET6, host), port, flow, scope
