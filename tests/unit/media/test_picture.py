from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctorhub.frames import decoding
from proctorhub.media.picture import UnusableKeyframe, describe
from proctorhub.media.webm import VideoTrack

VP8 = b"\x30\x01\x00\x9d\x01\x2a\x40\x01\xf0\x00" + bytes(9)
SPS = bytes.fromhex("6742c01f8c8d40501e9016080884a0")
AVCC = bytes.fromhex("0142c01fffe1000f") + SPS + bytes.fromhex("010004") + b"\x68pps"
FORMER = VideoTrack("H264", 640, 480, b"avcC")


def _vp8(width: int, height: int) -> bytes:
    return VP8[:6] + struct.pack("<HH", width, height) + VP8[10:]


def _nals(*nals: bytes) -> bytes:
    return b"".join(len(nal).to_bytes(4, "big") + nal for nal in nals)


@pytest.mark.parametrize(
    ("codec", "keyframe", "expected"),
    [
        ("VP8", VP8, VideoTrack("VP8", 320, 240)),
        ("H264", _nals(b"\x65slice"), FORMER),
        ("H264", _nals(b"\x67\x42", b"\x68pps", b"\x65slice"), FORMER),
        ("H264", _nals(SPS, b"\x68pps", b"\x65slice"), VideoTrack("H264", 640, 480, AVCC)),
        ("VP8", _vp8(4096, 2304), VideoTrack("VP8", 4096, 2304)),
        ("VP8", _vp8(2304, 4096), VideoTrack("VP8", 2304, 4096)),
    ],
)
def test_describe(codec: str, keyframe: bytes, expected: VideoTrack | None) -> None:
    assert describe(codec, keyframe, FORMER) == expected


@pytest.mark.parametrize(
    ("codec", "keyframe"),
    [
        ("H264", _nals(b"\x67\x42\x00\x1f", b"\x68pps", b"\x65slice")),
        ("H264", _nals(SPS, b"\x68" + bytes(0x10000), b"\x65slice")),
        ("VP8", _vp8(4097, 16)),
        ("VP8", _vp8(2305, 2305)),
        ("VP8", _vp8(16, 4097)),
    ],
)
def test_keyframes_whose_pictures_are_not_taken(codec: str, keyframe: bytes) -> None:
    with pytest.raises(UnusableKeyframe):
        describe(codec, keyframe, FORMER)


@given(st.sampled_from(["VP8", "H264"]), st.binary(min_size=10, max_size=80))
def test_whatever_is_taken_is_of_a_size_that_can_be_decoded(codec: str, data: bytes) -> None:
    keyframe = data if codec == "VP8" else _nals(b"\x67" + data, b"\x68pps", b"\x65slice")
    try:
        found = describe(codec, keyframe, None)
    except UnusableKeyframe:
        return
    assert found is not None and found.width * found.height <= 4096 * 2304


def _encoded(codec: str, width: int, height: int) -> bytes:
    """A keyframe that says to be of this size; only an H.264 one takes the trouble to be so."""
    made = av.CodecContext.create("libvpx" if codec == "vp8" else "libx264", "w")
    made.width, made.height = (64, 64) if codec == "vp8" else (width, height)
    made.pix_fmt, made.time_base = "yuv420p", Fraction(1, 25)
    made.options = {} if codec == "vp8" else {"preset": "ultrafast"}
    frame = av.VideoFrame(made.width, made.height, "yuv420p")
    frame.pts = 0
    data = b"".join(bytes(packet) for packet in [*made.encode(frame), *made.encode(None)])
    return data[:6] + struct.pack("<HH", width, height) + data[10:] if codec == "vp8" else data


@pytest.mark.parametrize("codec", ["vp8", "h264"])
@pytest.mark.parametrize("make", [decoding.decoder, decoding.decoder_for_looks])
def test_a_decoder_takes_what_is_taken_and_nothing_larger(
    codec: str, make: Callable[[str, None], Any]
) -> None:
    (picture,) = make(codec, None).decode(av.Packet(_encoded(codec, 2304, 4096)))
    assert (picture.width, picture.height) == (2304, 4096)
    with pytest.raises(av.FFmpegError):
        make(codec, None).decode(av.Packet(_encoded(codec, 4096, 2320)))
