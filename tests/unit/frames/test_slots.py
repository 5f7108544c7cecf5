from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator

import pytest

from proctorhub.frames import slots
from proctorhub.frames.slots import NoSlots, Slots


@pytest.fixture
def descriptor() -> Iterator[int]:
    found = slots.new_memory()
    yield found
    os.close(found)


def test_what_one_side_puts_the_other_takes(descriptor: int) -> None:
    node, worker = Slots(descriptor), Slots(descriptor)
    images = [bytes([n]) * (1000 + n) for n in range(3)]
    numbers = [node.put(image) for image in images]
    assert [worker.take(n or 0, len(i)) for n, i in zip(numbers, images, strict=True)] == images


def test_the_largest_picture_fits_and_nothing_larger(descriptor: int) -> None:
    node, worker = Slots(descriptor), Slots(descriptor)
    largest = b"x" * slots.ROOM
    assert worker.take(node.put(largest) or 0, len(largest)) == largest
    assert node.put(largest + b"x") is None


def test_a_slot_is_free_again_only_once_it_was_taken(descriptor: int) -> None:
    node, worker = Slots(descriptor), Slots(descriptor)
    numbers = [node.put(bytes([n])) for n in range(slots.COUNT)]
    assert sorted(n for n in numbers if n is not None) == list(range(slots.COUNT))
    assert node.put(b"late") is None
    assert worker.take(5, 1) == bytes([numbers.index(5)])
    assert node.put(b"late") == 5


@pytest.mark.parametrize(("number", "size"), [(slots.COUNT, 1), (0, slots.ROOM + 1)])
def test_a_slot_that_is_none_is_refused(descriptor: int, number: int, size: int) -> None:
    with pytest.raises(NoSlots):
        Slots(descriptor).take(number, size)


def test_memory_that_could_shrink_under_its_reader_is_refused(descriptor: int) -> None:
    other = os.memfd_create("other", os.MFD_ALLOW_SEALING)
    os.ftruncate(other, os.fstat(descriptor).st_size)
    with pytest.raises(NoSlots):
        Slots(other)
    fcntl.fcntl(other, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
    assert Slots(other).put(b"image") == 0
    os.close(other)


def test_memory_of_another_size_and_what_is_no_memory_are_refused() -> None:
    other = os.memfd_create("other", os.MFD_ALLOW_SEALING)
    fcntl.fcntl(other, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
    with pytest.raises(NoSlots):
        Slots(other)
    os.close(other)
    reading, writing = os.pipe()
    with pytest.raises(NoSlots):
        Slots(reading)
    os.close(reading)
    os.close(writing)
