"""Samples as bytes: what goes in comes out, and nothing else gets in."""

from __future__ import annotations

import dataclasses
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctorhub.frames import codec
from proctorhub.frames.envelope import BurstWish, SampledPicture, SampledSound
from proctorhub.frames.miniature import OCTETS


def image(width: int, height: int) -> bytes:
    return b"I420" + struct.pack(">HH", width, height) + bytes(width * height * 3 // 2)


def with_miniatures(picture: SampledPicture, found: list[tuple[int, bytes]]) -> SampledPicture:
    return dataclasses.replace(
        picture, miniatures=tuple((picture.at_ms + offset, data) for offset, data in found)
    )


names = st.text("abcXYZ019_-", min_size=1, max_size=64)
seqs = st.integers(0, 2**32 - 1)
times = st.integers(codec.MAX_OFFSET_MS, 2**53)
jpegs = st.binary(max_size=200).map(lambda middle: b"\xff\xd8\xff" + middle + b"\xff\xd9")
sides = st.integers(1, codec.MAX_SIDE)
miniatures = st.lists(st.integers(-codec.MAX_OFFSET_MS, 0), max_size=3).map(
    lambda before: [(at, bytes([-at % 256]) * OCTETS) for at in sorted(before)]
)
coded = st.builds(
    lambda *parts, found: with_miniatures(SampledPicture(*parts), found),
    names, names, names, seqs, times, sides, sides, jpegs, st.booleans(),
    found=miniatures,
)  # fmt: skip
halves = st.integers(1, 20)
bare = st.builds(
    lambda width, height, **others: SampledPicture(
        **others, width=2 * width, height=2 * height, image=image(2 * width, 2 * height)
    ),
    halves, halves, session_id=names, source=names, chain=names, seq=seqs, at_ms=times,
    burst=st.booleans(),
)  # fmt: skip
pictures = coded | bare
JPEG = b"\xff\xd8\xff\xd9"
offsets = st.integers(-codec.MAX_OFFSET_MS, codec.MAX_OFFSET_MS)
packets = st.lists(st.tuples(offsets, st.binary(min_size=1, max_size=50)), max_size=60)
sounds = st.builds(
    lambda session, source, chain, seq, at, found: SampledSound(
        session, source, chain, seq, at, tuple((at + offset, data) for offset, data in found)
    ),
    names, names, names, seqs, times, packets,
)  # fmt: skip
wishes = st.builds(
    BurstWish, names, names, st.integers(1, codec.MAX_BURST), st.integers(1, codec.MAX_EVERY_MS)
)
messages = pictures | sounds | wishes


@given(messages)
def test_what_goes_in_comes_out(message) -> None:
    assert codec.decode(codec.encode(message)) == message


@given(messages)
def test_a_body_whose_image_travels_apart_says_the_same(message) -> None:
    body, image = codec.encode_apart(message)
    assert codec.decode(body, image) == message
    assert bool(image) == isinstance(message, SampledPicture)


@given(pictures | sounds)
def test_an_image_that_belongs_to_nothing_is_refused(message) -> None:
    with pytest.raises(codec.Malformed):
        codec.decode(codec.encode(message), JPEG)


@given(messages, st.data())
def test_a_cut_body_is_never_taken_for_a_whole_one(message, data) -> None:
    body = codec.encode(message)
    cut = body[: data.draw(st.integers(0, len(body) - 1))]
    try:
        assert codec.decode(cut) != message
    except codec.Malformed:
        pass


@given(st.binary(max_size=300))
def test_any_bytes_are_decoded_or_refused(body) -> None:
    try:
        assert codec.encode(codec.decode(body)) == body
    except codec.Malformed:
        pass


PICTURE = SampledPicture("s", "camera", "c", 1, 2, 640, 480, b"\xff\xd8\xff\xd9")
SOUND = SampledSound("s", "camera", "c", 1, 100_000, ((100_000, b"x"),))


@pytest.mark.parametrize(
    "wrong",
    [
        dataclasses.replace(PICTURE, session_id="a/b"),
        dataclasses.replace(PICTURE, session_id=""),
        dataclasses.replace(PICTURE, source="s" * 65),
        dataclasses.replace(PICTURE, seq=-1),
        dataclasses.replace(PICTURE, width=0),
        dataclasses.replace(PICTURE, height=codec.MAX_SIDE + 1),
        dataclasses.replace(PICTURE, image=b"\xff\xd8\xff"),
        dataclasses.replace(PICTURE, image=b"\xff\xd8\xff" + bytes(codec.MAX_BODY) + b"\xff\xd9"),
        dataclasses.replace(PICTURE, image=image(320, 480)),
        dataclasses.replace(PICTURE, image=image(640, 480)[:-1]),
        dataclasses.replace(PICTURE, image=image(640, 480) + b"x"),
        dataclasses.replace(PICTURE, image=b"I420"),
        dataclasses.replace(PICTURE, width=641, image=image(641, 480)),
        with_miniatures(PICTURE, [(0, bytes(OCTETS - 1))]),
        with_miniatures(PICTURE, [(1, bytes(OCTETS))]),
        with_miniatures(PICTURE, [(0, bytes(OCTETS)), (-5, bytes(OCTETS))]),
        with_miniatures(PICTURE, [(-codec.MAX_OFFSET_MS - 1, bytes(OCTETS)), (0, bytes(OCTETS))]),
        with_miniatures(PICTURE, [(0, bytes(OCTETS))] * (codec.MAX_MINIATURES + 1)),
        dataclasses.replace(SOUND, packets=((100_000, b""),)),
        dataclasses.replace(SOUND, packets=((0, b"x"),)),
        dataclasses.replace(SOUND, packets=((100_000, bytes(codec.MAX_PACKET + 1)),)),
        dataclasses.replace(SOUND, packets=((100_000, b"x"),) * (codec.MAX_PACKETS + 1)),
        BurstWish("s", "camera", 0, 250),
        BurstWish("s", "camera", 3, codec.MAX_EVERY_MS + 1),
    ],
)
def test_what_exceeds_a_limit_is_not_sent(wrong) -> None:
    with pytest.raises(codec.Malformed):
        codec.encode(wrong)


@pytest.mark.parametrize(("at", "value"), [(0, 1), (1, 9), (2, 0), (2, 200), (-1, 0)], ids=str)
def test_a_changed_byte_that_matters_is_refused(at, value) -> None:
    body = bytearray(codec.encode(PICTURE))
    body[at] = value
    with pytest.raises(codec.Malformed):
        codec.decode(bytes(body))


def test_a_body_over_the_limit_is_refused_unread() -> None:
    with pytest.raises(codec.Malformed, match="limit"):
        codec.decode(bytes(codec.MAX_BODY + 1))
