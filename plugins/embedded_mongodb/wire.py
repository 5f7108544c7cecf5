"""The MongoDB wire protocol: OP_MSG (and OP_QUERY for the first `hello` of old drivers)."""

from __future__ import annotations

import socket
import struct
from typing import Any, NamedTuple

from .documents import decode_document, decode_documents
from .errors import CommandError

OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
MAX_MESSAGE = 48_000_000
_HEADER = struct.Struct("<iiii")
_INT, _UINT, _LONG = struct.Struct("<i"), struct.Struct("<I"), struct.Struct("<q")
_ONE = struct.pack("<d", 1.0)
# Most messages fit. More would cost each of them a large allocation.
_CHUNK = 1 << 12
_CHECKSUM_PRESENT, _MORE_TO_COME = 1, 2
_KNOWN_REQUIRED_FLAGS = _CHECKSUM_PRESENT | _MORE_TO_COME


class ProtocolError(Exception):
    """Bytes that are not a MongoDB message; the connection has to be closed."""


class Request(NamedTuple):
    """One command as it came in."""

    id: int
    opcode: int
    body: dict[str, Any]
    wants_reply: bool = True


class Requests:
    """The messages that come over one connection, read with as few system calls as can be."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._ahead = b""

    def next(self) -> Request | None:
        """Read one message; None at the end of the stream. Raises ProtocolError."""
        data = self._ahead or self._connection.recv(_CHUNK)
        if len(data) < _HEADER.size and not (data := self._read_up_to(data, _HEADER.size)):
            return None
        length, request_id, _, opcode = _HEADER.unpack_from(data)
        if not _HEADER.size < length <= MAX_MESSAGE + _HEADER.size:
            raise ProtocolError(f"a message of {length} bytes")
        if len(data) < length and not (data := self._read_up_to(data, length)):
            return None
        self._ahead, data = data[length:], data[:length]
        try:
            if opcode == OP_MSG:
                return _parse_message(request_id, data)
            if opcode == OP_QUERY:
                return _parse_query(request_id, data)
        except (struct.error, IndexError, ValueError, CommandError) as error:
            raise ProtocolError(f"a malformed message: {error}") from None
        raise ProtocolError(f"opcode {opcode}")

    def _read_up_to(self, start: bytes, size: int) -> bytes:
        """Return `start` and what follows it, `size` bytes; nothing when the other side closed."""
        buffer = bytearray(size)
        view, at = memoryview(buffer), len(start)
        buffer[:at] = start
        while at < size:
            got = self._connection.recv_into(view[at:])
            if not got:
                return b""
            at += got
        return bytes(buffer)


def _parse_message(request_id: int, data: bytes) -> Request:
    (flags,) = _UINT.unpack_from(data, _HEADER.size)
    if flags & 0xFFFF & ~_KNOWN_REQUIRED_FLAGS:
        raise ProtocolError(f"unknown required flags {flags:#x}")
    at, end = _HEADER.size + 4, len(data) - (4 if flags & _CHECKSUM_PRESENT else 0)
    body: dict[str, Any] | None = None
    sequences: dict[str, list[dict[str, Any]]] = {}
    while at < end:
        kind, section = data[at], _sized(data, at + 1, end)
        at += 1 + len(section)
        if kind == 0:
            body = decode_document(section)
        elif kind == 1:
            name, _, _ = section[4:].partition(b"\0")
            sequences[name.decode()] = decode_documents(section[5 + len(name) :])
        else:
            raise ProtocolError(f"a section of kind {kind}")
    if body is None:
        raise ProtocolError("a message without a body")
    body.update(sequences)
    return Request(request_id, OP_MSG, body, not flags & _MORE_TO_COME)


def _sized(data: bytes, at: int, end: int) -> bytes:
    """Return the part that says its own size, as documents and sections do."""
    (size,) = _INT.unpack_from(data, at)
    if size < 5 or at + size > end:
        raise ProtocolError("a part that reaches beyond the whole")
    return data[at : at + size]


def _parse_query(request_id: int, data: bytes) -> Request:
    name, _, rest = data[_HEADER.size + 4 :].partition(b"\0")
    body = decode_document(rest[8:])
    body = body.get("$query", body)
    return Request(request_id, OP_QUERY, {**body, "$db": name.decode().split(".")[0]})


def encode_reply(request: Request, reply_id: int, document: bytes) -> bytes:
    """Return the message that answers a request with an encoded document."""
    if request.opcode == OP_MSG:
        length = _HEADER.size + 5 + len(document)
        return _HEADER.pack(length, reply_id, request.id, OP_MSG) + b"\0\0\0\0\0" + document
    length = _HEADER.size + 20 + len(document)
    head = _HEADER.pack(length, reply_id, request.id, OP_REPLY)
    return head + struct.pack("<iqii", 8, 0, 0, 1) + document


def cursor_reply(field: bytes, batch: list[bytes], cursor_id: int, namespace: str) -> bytes:
    """Return `{cursor: {<field>: batch, id, ns}, ok: 1}` around documents that are BSON already."""
    items = b"".join(
        [b"\x03%d\x00%b" % (position, document) for position, document in enumerate(batch)]
    )
    name = namespace.encode() + b"\0"
    cursor = b"\x04%b\0%b%b\0\x12id\0%b\x02ns\0%b%b\0" % (
        field, _INT.pack(len(items) + 5), items, _LONG.pack(cursor_id), _INT.pack(len(name)), name,
    )  # fmt: skip
    return b"%b\x03cursor\0%b%b\x01ok\0%b\0" % (
        _INT.pack(len(cursor) + 29), _INT.pack(len(cursor) + 4), cursor, _ONE,
    )  # fmt: skip
