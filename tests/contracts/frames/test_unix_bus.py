"""The Unix socket's own manners."""

from __future__ import annotations

import socket
import stat
import struct

import pytest

from proctorhub.frames import codec, slots
from proctorhub.frames.bus import BusError
from proctorhub.frames.envelope import SampledPicture
from tests.contracts.frames.conftest import House, picture
from tests.waiting import PATIENCE_S, wait_for


def planar(number: int) -> SampledPicture:
    image = b"I420" + struct.pack(">HH", 640, 480) + bytes([number]) * (640 * 480 * 3 // 2)
    return SampledPicture("s", "camera", "chain", 0, 1000 * number, 640, 480, image)


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


def test_more_pictures_than_slots_all_arrive_in_order(unix_house: House) -> None:
    receiver, sender = unix_house.receiver(), unix_house.sender()
    for number in range(3 * slots.COUNT):
        sample = planar(number)
        sender.publish(sample)
        (taken,) = wait_for(lambda: receiver.take(8, 0.1), "a picture")
        assert taken.sample == sample


def test_pictures_too_many_for_the_slots_go_through_the_socket(
    unix_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "COUNT", 0)
    receiver, sender = unix_house.receiver(), unix_house.sender()
    sender.publish(planar(1))
    (taken,) = wait_for(lambda: receiver.take(8, 0.1), "the picture")
    assert taken.sample == planar(1)


def test_a_slot_that_is_not_there_ends_the_connection(unix_house: House) -> None:
    receiver = unix_house.receiver()
    head, image = codec.encode_apart(picture("s", 1))
    with socket.socket(socket.AF_UNIX) as node:
        node.settimeout(PATIENCE_S)
        node.connect(str(unix_house.settings.path("run", "frames.sock")))
        node.sendall(struct.pack(">III", 1 << 31 | len(head), 0, len(image)) + head)
        assert node.recv(1) == b""
    assert receiver.counts.refused == 1


def test_a_length_over_the_limit_ends_the_connection(unix_house: House) -> None:
    receiver = unix_house.receiver()
    with socket.socket(socket.AF_UNIX) as node:
        node.settimeout(PATIENCE_S)
        node.connect(str(unix_house.settings.path("run", "frames.sock")))
        node.sendall(struct.pack(">I", codec.MAX_BODY + 1))
        assert node.recv(1) == b""
    assert receiver.counts.refused == 1
