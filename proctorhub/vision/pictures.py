"""Sampled pictures as arrays: what backends take, and the small grey ones that changes show in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from proctorhub.frames import miniature, planes
from proctorhub.frames.miniature import Miniatures

if TYPE_CHECKING:
    from proctorhub.plugins import Image


Luma = NDArray[np.uint8]

#: Width and height of the miniature that brightness, detail and change are measured on.
SMALL = (miniature.WIDTH, miniature.HEIGHT)
#: Of the one that is kept for longer, to see whether pictures come again.
TINY = (16, 12)
#: Pixels of a small picture to each side that count as the surroundings of one.
AROUND = 4

_PNG = b"\x89PNG"


class UndecodablePicture(Exception):
    """Bytes that are no picture."""


@dataclass(frozen=True)
class Picture:
    """A decoded picture: BGR (height, width, 3) and its luma, full range, (48, 64)."""

    image: Image
    small: Luma

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        height, width = self.image.shape[:2]
        return width, height


class Decoder:
    """Decodes JPEG, PNG and planes; one for each thread."""

    def __init__(self) -> None:
        self._codec = _codec("mjpeg")
        self._miniatures = Miniatures()

    def decode(self, data: bytes, small: Luma | None = None) -> Picture:
        """Return the picture; `small` if it is known already. Raises UndecodablePicture."""
        frame = self._frame(data)
        image = frame.reformat(format="bgr24", interpolation=Interpolation.BILINEAR)
        if small is None:
            small = luma(self._miniatures.of(frame))
        return Picture(image.to_ndarray(), small)

    def _frame(self, data: bytes) -> av.VideoFrame:
        if planes.are_planes(data):
            try:
                return planes.picture(data)
            except planes.NotPlanes as error:
                raise UndecodablePicture(str(error)) from error
        codec = _codec("png") if data.startswith(_PNG) else self._codec
        try:
            frames: list[av.VideoFrame] = codec.decode(av.Packet(data))
        except (av.FFmpegError, ValueError) as error:
            self._codec = _codec("mjpeg")
            raise UndecodablePicture(str(error)) from error
        if not frames:
            raise UndecodablePicture("no picture came out")
        return frames[0]


def luma(small: bytes) -> Luma:
    """Return a miniature as array, (48, 64)."""
    return np.frombuffer(small, np.uint8).reshape(SMALL[1], SMALL[0])


def tiny(small: Luma) -> Luma:
    """Return a small grey picture made smaller still: the mean of each 4 x 4 pixels."""
    width, height = TINY
    blocks = small.reshape(height, SMALL[1] // height, width, SMALL[0] // width)
    return np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8)


def detail(small: Luma) -> float:
    """Return how much structure a small grey picture shows, whatever its brightness, 0 to 255.

    It is the standard deviation of what is left when the mean of the surroundings (9 x 9 pixels,
    edges repeated) is taken away: edges of things stay, soft light does not, nor does the noise of
    a sensor, which making the picture small has averaged out.
    """
    padded = np.pad(small.astype(np.float64), AROUND, mode="edge")
    sums = np.pad(padded.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    side = 2 * AROUND + 1
    inside = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    return float((small - inside / side**2).std())


def difference(one: Luma, other: Luma) -> float:
    """Return the mean absolute difference of two grey pictures, 0 to 255."""
    return float(np.abs(one.astype(np.int16) - other.astype(np.int16)).mean())


def largest_difference(one: Luma, other: Luma) -> int:
    """Return by how much two grey pictures differ where they do most, 0 to 255."""
    return int(np.abs(one.astype(np.int16) - other.astype(np.int16)).max())


def _codec(name: str) -> Any:
    codec: Any = av.CodecContext.create(name, "r")
    codec.thread_count = 1
    return codec
