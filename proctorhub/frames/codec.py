"""Samples and wishes as bytes, the same for every bus.

A body is one byte of format version, one byte of kind, then big-endian fields; names are one byte
of length and ASCII. A picture's image is the rest of its body. What does not follow this to the
last byte, or exceeds a limit, is refused whole.
"""

from __future__ import annotations

import itertools
import re
import struct

from proctorhub.frames import planes
from proctorhub.frames.envelope import BurstWish, Sample, SampledPicture, SampledSound
from proctorhub.frames.miniature import OCTETS

VERSION = 3
#: The largest body that is taken, bytes.
MAX_BODY = 4 * 1024 * 1024
MAX_SIDE = 8192
#: A second of Opus is 400 packets at the shortest frame length (RFC 6716 §2), and some are late.
MAX_PACKETS = 500
#: The longest Opus packet (RFC 6716 §3.4: up to 48 frames of 1275 bytes and their lengths).
MAX_PACKET = 61_298
#: How far a packet's time may be from that of its sample, ms.
MAX_OFFSET_MS = 60_000
MAX_BURST, MAX_EVERY_MS = 20, 10_000
#: As many as frames may wait to be decoded together.
MAX_MINIATURES = 48

_NAME = re.compile(rb"[A-Za-z0-9_-]{1,64}")
_PICTURE, _SOUND, _WISH = 1, 2, 3
_HEAD = struct.Struct(">BB")
_WHEN = struct.Struct(">IQ")
_SIZE = struct.Struct(">HHB")
_COUNT = struct.Struct(">H")
_PACKET = struct.Struct(">iH")
_OFFSET = struct.Struct(">i")
_WISHED = struct.Struct(">BH")


class Malformed(Exception):
    """Bytes that are no sample or wish of ours; the text says what is wrong."""


def encode(message: Sample | BurstWish) -> bytes:
    """Return the body. Raises Malformed for what `decode` would refuse."""
    return b"".join(encode_apart(message))


def encode_apart(message: Sample | BurstWish) -> tuple[bytes, bytes]:
    """Return the body in two parts, the second being a picture's image. Raises as `encode`."""
    image = b""
    if isinstance(message, BurstWish):
        _check_wish(message.count, message.every_ms)
        parts = [_HEAD.pack(VERSION, _WISH), *_names(message.session_id, message.source)]
        parts.append(_packed(_WISHED, message.count, message.every_ms))
    else:
        kind = _PICTURE if isinstance(message, SampledPicture) else _SOUND
        names = _names(message.session_id, message.source, message.chain)
        parts = [_HEAD.pack(VERSION, kind), *names, _packed(_WHEN, message.seq, message.at_ms)]
        if isinstance(message, SampledPicture):
            _check_picture(message.width, message.height, message.image)
            parts.append(_packed(_SIZE, message.width, message.height, message.burst))
            parts += _miniatures(message)
            image = message.image
        else:
            parts += _sound(message)
    head = b"".join(parts)
    _check_length(len(head) + len(image))
    return head, image


def _check_length(length: int) -> None:
    if length > MAX_BODY:
        raise Malformed(f"a body of {length} bytes, {MAX_BODY} is the limit")


def decode(body: bytes, image: bytes = b"") -> Sample | BurstWish:
    """Return what a body says; `image` if it came apart. Raises Malformed."""
    _check_length(len(body) + len(image))
    reader = _Reader(body, image)
    version, kind = reader.fields(_HEAD)
    if version != VERSION:
        raise Malformed(f"format version {version}, {VERSION} is known")
    if kind == _PICTURE:
        return _read_picture(reader)
    if kind == _SOUND:
        return _read_sound(reader)
    if kind == _WISH:
        return _read_wish(reader)
    raise Malformed(f"unknown kind {kind}")


class _Reader:
    def __init__(self, body: bytes, image: bytes) -> None:
        self._body = body
        self._image = image
        self._at = 0

    def take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._body):
            raise Malformed("it is cut off")
        taken = self._body[self._at : end]
        self._at = end
        return taken

    def image(self) -> bytes:
        if not self._image:
            return self.take(len(self._body) - self._at)
        image, self._image = self._image, b""
        return image

    def fields(self, form: struct.Struct) -> tuple[int, ...]:
        return form.unpack(self.take(form.size))

    def name(self) -> str:
        name = self.take(self.take(1)[0])
        if not _NAME.fullmatch(name):
            raise Malformed("a name that is none")
        return name.decode("ascii")

    def end(self) -> None:
        if self._at != len(self._body) or self._image:
            raise Malformed("bytes after the end")


def decode_sample(body: bytes, image: bytes = b"") -> Sample:
    """Return the sample of a body, as `decode` does. Raises Malformed, also for a wish."""
    message = decode(body, image)
    if isinstance(message, BurstWish):
        raise Malformed("a wish, where samples come")
    return message


def _check_picture(width: int, height: int, image: bytes) -> None:
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise Malformed(f"a picture of {width} x {height}")
    if planes.are_planes(image):
        try:
            found = planes.size(image)
        except planes.NotPlanes as error:
            raise Malformed(f"planes: {error}") from error
        if found != (width, height):
            raise Malformed(f"planes of another size: {found[0]} x {found[1]}")
    elif not (image.startswith(b"\xff\xd8\xff") and image.endswith(b"\xff\xd9")):
        raise Malformed("a picture that is no whole JPEG")


def _miniatures(picture: SampledPicture) -> list[bytes]:
    offsets = [at_ms - picture.at_ms for at_ms, _ in picture.miniatures]
    _check_many(len(offsets))
    _check_offsets(offsets)
    parts = [_packed(_COUNT, len(offsets))]
    for offset, (_, data) in zip(offsets, picture.miniatures, strict=True):
        if len(data) != OCTETS:
            raise Malformed(f"a miniature of {len(data)} bytes")
        parts += [_packed(_OFFSET, offset), data]
    return parts


def _read_miniatures(reader: _Reader, at_ms: int) -> tuple[tuple[int, bytes], ...]:
    (count,) = reader.fields(_COUNT)
    _check_many(count)
    found = [(*reader.fields(_OFFSET), reader.take(OCTETS)) for _ in range(count)]
    _check_offsets([offset for offset, _ in found])
    return tuple((at_ms + offset, data) for offset, data in found)


def _check_many(count: int) -> None:
    if count > MAX_MINIATURES:
        raise Malformed(f"{count} miniatures, {MAX_MINIATURES} is the limit")


def _check_offsets(offsets: list[int]) -> None:
    rising = all(one <= other for one, other in itertools.pairwise(offsets))
    if offsets and not (rising and offsets[0] >= -MAX_OFFSET_MS and offsets[-1] <= 0):
        raise Malformed("miniatures of other times")


def _sound(sound: SampledSound) -> list[bytes]:
    _check_count(len(sound.packets))
    parts = [_packed(_COUNT, len(sound.packets))]
    for at_ms, data in sound.packets:
        offset = at_ms - sound.at_ms
        _check_packet(offset, len(data))
        parts += [_packed(_PACKET, offset, len(data)), data]
    return parts


def _check_count(count: int) -> None:
    if count > MAX_PACKETS:
        raise Malformed(f"{count} packets, {MAX_PACKETS} is the limit")


def _check_packet(offset: int, size: int) -> None:
    if abs(offset) > MAX_OFFSET_MS:
        raise Malformed("a packet of another time")
    if not 0 < size <= MAX_PACKET:
        raise Malformed(f"a packet of {size} bytes")


def _check_wish(count: int, every_ms: int) -> None:
    if not (0 < count <= MAX_BURST and 0 < every_ms <= MAX_EVERY_MS):
        raise Malformed(f"a burst of {count} pictures every {every_ms} ms")


def _read_picture(reader: _Reader) -> SampledPicture:
    names = reader.name(), reader.name(), reader.name()
    when = reader.fields(_WHEN)
    width, height, burst = reader.fields(_SIZE)
    if burst > 1:
        raise Malformed("a burst mark that is neither 0 nor 1")
    miniatures = _read_miniatures(reader, when[1])
    image = reader.image()
    reader.end()
    _check_picture(width, height, image)
    return SampledPicture(*names, *when, width, height, image, bool(burst), miniatures)


def _read_sound(reader: _Reader) -> SampledSound:
    names = reader.name(), reader.name(), reader.name()
    seq, at_ms = reader.fields(_WHEN)
    (count,) = reader.fields(_COUNT)
    _check_count(count)
    packets = []
    for _ in range(count):
        offset, size = reader.fields(_PACKET)
        _check_packet(offset, size)
        packets.append((at_ms + offset, reader.take(size)))
    reader.end()
    return SampledSound(*names, seq, at_ms, tuple(packets))


def _read_wish(reader: _Reader) -> BurstWish:
    names = reader.name(), reader.name()
    count, every_ms = reader.fields(_WISHED)
    _check_wish(count, every_ms)
    reader.end()
    return BurstWish(*names, count, every_ms)


def _names(*names: str) -> list[bytes]:
    parts = []
    for name in names:
        raw = name.encode("ascii", "replace")
        if not _NAME.fullmatch(raw):
            raise Malformed("a name that is none")
        parts += [bytes([len(raw)]), raw]
    return parts


def _packed(form: struct.Struct, *values: int) -> bytes:
    try:
        return form.pack(*values)
    except struct.error as error:
        raise Malformed(str(error)) from error
