from __future__ import annotations

import socket
import time

import pytest

from proctorhub.media import batch
from proctorhub.media.batch import AT_ONCE, ROOM


def _pair(family: socket.AddressFamily, host: str) -> tuple[socket.socket, socket.socket]:
    receiving, sending = (socket.socket(family, socket.SOCK_DGRAM) for _ in range(2))
    receiving.bind((host, 0))
    sending.bind((host, 0))
    batch.prepare(receiving)
    return receiving, sending


@pytest.mark.parametrize(
    ("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_datagrams_come_in_order_with_their_senders_and_times(
    family: socket.AddressFamily, host: str
) -> None:
    receiving, sending = _pair(family, host)
    with receiving, sending:
        told = [bytes([n]) * (n * 90) for n in range(AT_ONCE + 3)]
        moments = []
        for payload in told:
            before = time.time()
            sending.sendto(payload, receiving.getsockname())
            moments.append((before, time.time()))
        got: list[bytes] = []
        while len(got) < len(told):
            sizes = batch.receive(receiving.fileno())
            for place, size in enumerate(sizes):
                before, after = moments[len(got)]
                assert before - 0.001 <= batch.arrived_s(place) <= after + 0.001
                assert batch.address(place) == sending.getsockname()
                got.append(bytes(batch.inbox[place * ROOM : place * ROOM + size]))
        assert got == told
        with pytest.raises(BlockingIOError):
            batch.receive(receiving.fileno())


def test_what_is_too_large_is_cut_and_spoils_no_other() -> None:
    receiving, sending = _pair(socket.AF_INET, "127.0.0.1")
    with receiving, sending:
        sending.sendto(b"a" * (ROOM + 500), receiving.getsockname())
        sending.sendto(b"b" * 7, receiving.getsockname())
        assert batch.receive(receiving.fileno()) == [ROOM, 7]
        assert bytes(batch.inbox[ROOM : ROOM + 7]) == b"b" * 7


def test_a_closed_socket_is_an_error_with_its_number() -> None:
    receiving, sending = _pair(socket.AF_INET, "127.0.0.1")
    number = receiving.fileno()
    receiving.close()
    sending.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        batch.receive(number)
