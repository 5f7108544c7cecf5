"""Decoded pictures as JPEG."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av

from proctorhub.frames import planes

#: Quantiser scales of FFmpeg's encoder: about as good as libjpeg's quality 85 to 90, and 50.
FINE, COARSE = 2, 8


def jpeg(picture: av.VideoFrame, *, width: int | None = None, quantiser: int = FINE) -> bytes:
    """Return a picture as JPEG, at most `width` pixels wide."""
    wide = min(width or picture.width, picture.width) // 2 * 2
    high = max(2, picture.height * wide // picture.width // 2 * 2)
    picture = picture.reformat(width=wide, height=high, format="yuvj420p")
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = wide, high, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.thread_count = 1
    encoder.options = {"qmin": str(quantiser), "qmax": str(quantiser)}
    picture.pts, picture.time_base = 0, encoder.time_base
    return b"".join(bytes(part) for part in [*encoder.encode(picture), *encoder.encode(None)])


def coded(image: bytes) -> bytes:
    """Return an image as JPEG: planes are coded, a JPEG stays what it is. Raises NotPlanes."""
    return jpeg(planes.picture(image)) if planes.are_planes(image) else image
