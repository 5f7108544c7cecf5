"""The size of a JPEG, from its headers; anything else has none."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from proctorhub.domain import jpeg


def picture(width: int, height: int, **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height)).save(out, "JPEG", **options)
    return out.getvalue()


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"comment": b"\xff\xc0 not a frame"}]
)
@pytest.mark.parametrize("size", [(1, 1), (640, 480), (5000, 3)])
def test_the_size(size, options) -> None:
    assert jpeg.size(picture(*size, **options)) == size


def test_a_cut_one_is_none() -> None:
    assert jpeg.size(picture(64, 48)[:-1]) is None
    assert jpeg.size(b"\xff\xd8\xff\xd9") is None


@given(st.binary(max_size=200))
def test_no_bytes_break_it(data: bytes) -> None:
    for tried in (data, b"\xff\xd8" + data + b"\xff\xd9"):
        found = jpeg.size(tried)
        assert found is None or min(found) > 0
