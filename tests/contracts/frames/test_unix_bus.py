"""The Unix socket's own manners."""

from __future__ import annotations

import socket
import stat
import struct

import pytest

from proctorhub.frames import codec
from proctorhub.frames.bus import BusError
from tests.contracts.frames.conftest import House, picture, wait_for


def test_only_its_owner_can_connect(unix_house: House) -> None:
    unix_house.receiver()
    path = unix_house.settings.path("run", "frames.sock")
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    assert stat.S_IMODE(path.parent.stat().st_mode) & 0o077 == 0


def test_a_second_worker_is_refused_in_one_line(unix_house: House) -> None:
    unix_house.receiver()
    with pytest.raises(BusError, match="redis://") as refused:
        unix_house.receiver()
    assert "\n" not in str(refused.value)


def test_a_malformed_body_is_counted_and_the_connection_lives(unix_house: House) -> None:
    receiver = unix_house.receiver()
    with socket.socket(socket.AF_UNIX) as node:
        node.connect(str(unix_house.settings.path("run", "frames.sock")))
        for body in (b"", b"\x01", b"\x01\x07rest", codec.encode(picture("s", 1))):
            node.sendall(struct.pack(">I", len(body)) + body)
        (taken,) = wait_for(lambda: receiver.take(8, 0.1), "the picture")
    assert taken.sample == picture("s", 1)
    assert receiver.counts.refused == 3


def test_a_length_over_the_limit_ends_the_connection(unix_house: House) -> None:
    receiver = unix_house.receiver()
    with socket.socket(socket.AF_UNIX) as node:
        node.settimeout(10)
        node.connect(str(unix_house.settings.path("run", "frames.sock")))
        node.sendall(struct.pack(">I", codec.MAX_BODY + 1))
        assert node.recv(1) == b""
    assert receiver.counts.refused == 1
