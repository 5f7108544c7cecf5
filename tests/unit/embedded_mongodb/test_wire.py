from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from proctorhub_plugins.embedded_mongodb.wire import (
    OP_MSG,
    OP_QUERY,
    ProtocolError,
    Requests,
    cursor_reply,
    encode_reply,
)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def message(payload: bytes, opcode: int = OP_MSG) -> bytes:
    return struct.pack("<iiii", 16 + len(payload), 7, 0, opcode) + payload


def section(name: str, *documents: bytes) -> bytes:
    body = name.encode() + b"\0" + b"".join(documents)
    return b"\1" + struct.pack("<i", 4 + len(body)) + body


def test_a_message_with_a_document_sequence(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    body = b"\0" + bson.encode({"insert": "c", "$db": "d"})
    payload = struct.pack("<I", 0) + body + section("documents", *[bson.encode({"n": 1})] * 2)
    theirs.sendall(message(payload))
    request = Requests(ours).next()
    assert request is not None
    assert request.body == {"insert": "c", "$db": "d", "documents": [{"n": 1}, {"n": 1}]}
    assert request.wants_reply


def test_the_reply_answers_the_request(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    query = struct.pack("<i", 0) + b"admin.$cmd\0" + struct.pack("<ii", 0, -1)
    theirs.sendall(message(query + bson.encode({"ismaster": 1}), OP_QUERY))
    request = Requests(ours).next()
    assert request is not None
    assert request.body == {"ismaster": 1, "$db": "admin"}
    reply = encode_reply(request, 9, bson.encode({"ok": 1.0}))
    assert struct.unpack_from("<iiii", reply) == (len(reply), 9, 7, 1)
    assert bson.decode(reply[36:]) == {"ok": 1.0}


def test_more_to_come_wants_no_reply(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.sendall(message(struct.pack("<I", 2) + b"\0" + bson.encode({"ping": 1})))
    request = Requests(ours).next()
    assert request is not None
    assert not request.wants_reply


def test_the_end_of_the_stream_is_no_request(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.sendall(message(bytes(100))[:50])
    theirs.close()
    assert Requests(ours).next() is None


@given(st.binary(max_size=60), st.sampled_from([OP_MSG, OP_QUERY, 2012]))
def test_garbage_is_a_protocol_error_or_a_request(payload: bytes, opcode: int) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(message(payload, opcode))
        theirs.close()
        try:
            request = Requests(ours).next()
        except ProtocolError:
            return
        assert request is not None
        assert isinstance(request.body, dict)


@pytest.mark.parametrize("length", [-1, 0, 15, 16, 2**31 - 1])
def test_a_wrong_length_is_refused(pair: tuple[socket.socket, socket.socket], length: int) -> None:
    ours, theirs = pair
    theirs.sendall(struct.pack("<iiii", length, 1, 0, OP_MSG))
    with pytest.raises(ProtocolError, match="bytes"):
        Requests(ours).next()


def test_a_cursor_reply_is_the_same_as_an_encoded_one() -> None:
    documents = [{"_id": n, "t": "żółw"} for n in range(12)]
    made = cursor_reply(b"firstBatch", [bson.encode(d) for d in documents], 5, "db.żółw")
    cursor = {"firstBatch": documents, "id": bson.Int64(5), "ns": "db.żółw"}
    assert made == bson.encode({"cursor": cursor, "ok": 1.0})


def test_messages_that_arrive_in_pieces_or_together(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    sent = [message(struct.pack("<I", 0) + b"\0" + bson.encode({"n": n})) for n in range(3)]
    theirs.sendall(sent[0] + sent[1] + sent[2][:9])
    requests = Requests(ours)
    assert [requests.next().body, requests.next().body] == [{"n": 0}, {"n": 1}]  # type: ignore[union-attr]
    late = threading.Timer(0.05, theirs.sendall, [sent[2][9:]])
    late.start()
    assert requests.next().body == {"n": 2}  # type: ignore[union-attr]
    late.join()
