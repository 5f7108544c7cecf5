"""Pictures as bare planes, for who looks on the same machine: coding them again costs as much as
decoding them did, and decoding that once more as well.

An image is `I420`, width and height (16 bits each), then the planes of a 4:2:0 picture of limited
range, without padding.
"""

from __future__ import annotations

import struct

import av
import numpy as np

#: Larger pictures are carried as JPEG.
MOST_PIXELS = 1920 * 1088

_HEAD = struct.Struct(">4sHH")
#: An image of the largest such picture.
MOST_BYTES = _HEAD.size + MOST_PIXELS * 3 // 2
_MARK = b"I420"


class NotPlanes(Exception):
    """Bytes that are no image of this kind, or none of their size."""


def planes(picture: av.VideoFrame) -> bytes | None:
    """Return the image of a decoded picture; None if it has no planes of this kind."""
    width, height = picture.width, picture.height
    if picture.format.name != "yuv420p" or width % 2 or height % 2 or width * height > MOST_PIXELS:
        return None
    head = _HEAD.pack(_MARK, width, height)
    if [plane.line_size for plane in picture.planes] == [width, width // 2, width // 2]:
        return b"".join((head, *map(memoryview, picture.planes)))
    return b"".join((head, picture.to_ndarray()))


def are_planes(image: bytes) -> bool:
    """Return whether an image claims to be of this kind."""
    return image.startswith(_MARK)


def size(image: bytes) -> tuple[int, int]:
    """Return (width, height). Raises NotPlanes unless every byte is there and none too much."""
    if len(image) < _HEAD.size:
        raise NotPlanes("it is cut off")
    mark, width, height = _HEAD.unpack_from(image)
    if mark != _MARK or not width or not height or width % 2 or height % 2:
        raise NotPlanes("it is no picture of 4:2:0")
    if len(image) != _HEAD.size + width * height * 3 // 2:
        raise NotPlanes(f"{len(image)} bytes for a picture of {width} x {height}")
    return width, height


def picture(image: bytes) -> av.VideoFrame:
    """Return the picture. Raises NotPlanes."""
    width, height = size(image)
    lines = np.frombuffer(image, np.uint8, offset=_HEAD.size).reshape(height * 3 // 2, width)
    return av.VideoFrame.from_ndarray(lines, format="yuv420p")
