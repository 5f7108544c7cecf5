from __future__ import annotations

import pytest

from proctorhub.media.picture import describe
from proctorhub.media.webm import VideoTrack

VP8 = b"\x30\x01\x00\x9d\x01\x2a\x40\x01\xf0\x00" + bytes(9)
SPS = bytes.fromhex("6742c01f8c8d40501e9016080884a0")
AVCC = bytes.fromhex("0142c01fffe1000f") + SPS + bytes.fromhex("010004") + b"\x68pps"
FORMER = VideoTrack("H264", 640, 480, b"avcC")


def _nals(*nals: bytes) -> bytes:
    return b"".join(len(nal).to_bytes(4, "big") + nal for nal in nals)


@pytest.mark.parametrize(
    ("codec", "keyframe", "expected"),
    [
        ("VP8", VP8, VideoTrack("VP8", 320, 240)),
        ("H264", _nals(b"\x65slice"), FORMER),
        ("H264", _nals(b"\x67\x42", b"\x68pps", b"\x65slice"), FORMER),
        ("H264", _nals(b"\x67\x42\x00\x1f", b"\x68pps", b"\x65slice"), None),
        ("H264", _nals(SPS, b"\x68pps", b"\x65slice"), VideoTrack("H264", 640, 480, AVCC)),
        ("H264", _nals(SPS, b"\x68" + bytes(0x10000), b"\x65slice"), None),
    ],
)
def test_describe(codec: str, keyframe: bytes, expected: VideoTrack | None) -> None:
    assert describe(codec, keyframe, FORMER) == expected
