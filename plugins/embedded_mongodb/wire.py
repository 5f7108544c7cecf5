"""The MongoDB wire protocol: OP_MSG (and OP_QUERY for the first `hello` of old drivers)."""

from __future__ import annotations

import socket
import struct
from typing import Any, NamedTuple

from bson.raw_bson import RawBSONDocument

from .documents import decode_document, encode_document
from .errors import CommandError

OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
MAX_MESSAGE = 48_000_000
_HEADER = struct.Struct("<iiii")
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


def read_request(connection: socket.socket) -> Request | None:
    """Read one message; None at the end of the stream. Raises ProtocolError."""
    header = _read_exactly(connection, _HEADER.size)
    if header is None:
        return None
    length, request_id, _, opcode = _HEADER.unpack(header)
    if not _HEADER.size < length <= MAX_MESSAGE + _HEADER.size:
        raise ProtocolError(f"a message of {length} bytes")
    payload = _read_exactly(connection, length - _HEADER.size)
    if payload is None:
        return None
    try:
        if opcode == OP_MSG:
            return _parse_message(request_id, payload)
        if opcode == OP_QUERY:
            return _parse_query(request_id, payload)
    except (struct.error, IndexError, ValueError, CommandError) as error:
        raise ProtocolError(f"a malformed message: {error}") from None
    raise ProtocolError(f"opcode {opcode}")


def _read_exactly(connection: socket.socket, size: int) -> bytes | None:
    """Return exactly `size` bytes, None when the other side closed."""
    first = connection.recv(min(size, 65536))
    if len(first) == size:
        return first
    buffer = bytearray(size)
    buffer[: len(first)] = first
    view, at = memoryview(buffer), len(first)
    while at < size:
        got = connection.recv_into(view[at:]) if first else 0
        if not got:
            return None
        at += got
    return bytes(buffer)


def _parse_message(request_id: int, payload: bytes) -> Request:
    (flags,) = struct.unpack_from("<I", payload)
    if flags & 0xFFFF & ~_KNOWN_REQUIRED_FLAGS:
        raise ProtocolError(f"unknown required flags {flags:#x}")
    at, end = 4, len(payload) - (4 if flags & _CHECKSUM_PRESENT else 0)
    body: dict[str, Any] | None = None
    sequences: dict[str, list[dict[str, Any]]] = {}
    while at < end:
        kind = payload[at]
        at += 1
        (size,) = struct.unpack_from("<i", payload, at)
        if size < 5 or at + size > end:
            raise ProtocolError("a section that reaches beyond its message")
        section = payload[at : at + size]
        at += size
        if kind == 0:
            body = decode_document(section)
        elif kind == 1:
            name, documents = _parse_sequence(section)
            sequences[name] = documents
        else:
            raise ProtocolError(f"a section of kind {kind}")
    if body is None:
        raise ProtocolError("a message without a body")
    body.update(sequences)
    return Request(request_id, OP_MSG, body, not flags & _MORE_TO_COME)


def _parse_sequence(section: bytes) -> tuple[str, list[dict[str, Any]]]:
    end_of_name = section.index(0, 4)
    at, documents = end_of_name + 1, []
    while at < len(section):
        (size,) = struct.unpack_from("<i", section, at)
        if size < 5:
            raise ProtocolError("a document shorter than five bytes")
        documents.append(decode_document(section[at : at + size]))
        at += size
    return section[4:end_of_name].decode(), documents


def _parse_query(request_id: int, payload: bytes) -> Request:
    end_of_name = payload.index(0, 4)
    body = decode_document(payload[end_of_name + 9 :])
    body = body.get("$query", body)
    database = payload[4:end_of_name].decode().split(".")[0]
    return Request(request_id, OP_QUERY, {**body, "$db": database})


def encode_reply(request: Request, reply_id: int, document: dict[str, Any]) -> bytes:
    """Return the message that answers a request."""
    raw = encode_document(document)
    if request.opcode == OP_MSG:
        payload = b"\0\0\0\0\0" + raw
        opcode = OP_MSG
    else:
        payload = struct.pack("<iqii", 8, 0, 0, 1) + raw
        opcode = OP_REPLY
    return _HEADER.pack(_HEADER.size + len(payload), reply_id, request.id, opcode) + payload


def cursor_reply(field: str, batch: list[bytes], cursor_id: int, namespace: str) -> dict[str, Any]:
    """Return `{cursor: {<field>: batch, id, ns}}` around documents that are BSON already."""
    items = b"".join(
        b"\x03%d\x00%s" % (position, document) for position, document in enumerate(batch)
    )
    name = field.encode() + b"\0"
    body = (
        b"\x04" + name + struct.pack("<i", len(items) + 5) + items + b"\0"
        b"\x12id\0" + struct.pack("<q", cursor_id)
        + b"\x02ns\0" + struct.pack("<i", len(namespace.encode()) + 1) + namespace.encode() + b"\0"
    )  # fmt: skip
    return {"cursor": RawBSONDocument(struct.pack("<i", len(body) + 5) + body + b"\0")}
