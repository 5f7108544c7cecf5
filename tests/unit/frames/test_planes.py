"""Bare planes: the decoder's picture to the last value."""

from __future__ import annotations

import av
import numpy as np
import pytest

from proctorhub.frames import planes
from proctorhub.frames.jpeg import coded, jpeg


def decoded(width: int, height: int, form: str = "yuv420p") -> av.VideoFrame:
    random = np.random.default_rng(width * height)
    lines = random.integers(16, 235, (height * 3 // 2, width), np.uint8)
    frame = av.VideoFrame.from_ndarray(lines, format="yuv420p")
    return frame if form == "yuv420p" else frame.reformat(format=form)


# The rows of a picture 34 wide are padded in memory.
@pytest.mark.parametrize(("width", "height"), [(640, 480), (34, 18), (2, 2)])
def test_a_picture_comes_back_as_it_was(width: int, height: int) -> None:
    before = decoded(width, height)
    image = planes.planes(before)
    assert image is not None and planes.are_planes(image)
    assert planes.size(image) == (width, height)
    after = planes.picture(image)
    assert np.array_equal(after.to_ndarray(), before.to_ndarray())
    assert coded(image) == jpeg(before)


@pytest.mark.parametrize(
    "picture",
    [
        decoded(64, 48, "yuvj420p"),
        decoded(64, 48, "yuv444p"),
        av.VideoFrame(63, 48, "yuv420p"),
        av.VideoFrame(2560, 1440, "yuv420p"),
    ],
    ids=["full range", "other planes", "odd", "too large"],
)
def test_what_has_no_such_planes_is_left_to_jpeg(picture: av.VideoFrame) -> None:
    assert planes.planes(picture) is None


def test_a_jpeg_stays_what_it_is() -> None:
    image = jpeg(decoded(64, 48))
    assert not planes.are_planes(image) and coded(image) is image
