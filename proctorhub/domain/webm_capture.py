"""Reading the WebM of a browser's MediaRecorder, and writing its frames as a segment of ours.

Nothing is decoded: the frames are copied. The reader takes what browsers write (RFC 9559): sizes
may be unknown, clusters many, blocks simple or grouped; VP8 or H.264, and Opus; no lacing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from proctorhub.domain import h264_units
from proctorhub.domain.webm_join import (
    CLUSTER,
    EBML,
    SEGMENT,
    NotWebm,
    id_width,
    read_size,
    unsigned,
)

VIDEO, AUDIO = 1, 2
_ENTERED = (SEGMENT, b"\x16\x54\xae\x6b", b"\xae", CLUSTER, b"\xa0")
_CODECS = {b"V_VP8": VIDEO, b"V_MPEG4/ISO/AVC": VIDEO, b"A_OPUS": AUDIO}
_VIDEO_CODECS = {b"V_VP8": "VP8", b"V_MPEG4/ISO/AVC": "H264"}
_TIMESTAMP, _BLOCK, _SIMPLE_BLOCK = b"\xe7", b"\xa1", b"\xa3"
_TRACK_ENTRY, _TRACK_NUMBER, _CODEC, _ENCODINGS = b"\xae", b"\xd7", b"\x86", b"\x6d\x80"
_PRIVATE = b"\x63\xa2"
_LACING = 0x06
_KEYFRAME_START = b"\x9d\x01\x2a"
_LARGEST_RELATIVE_MS = 0x7FFF
#: A browser's chunk of 30 s has 50 sounds and up to 60 pictures a second, in up to 4 elements each.
MOST_ELEMENTS = 20_000
#: Parameter sets are some tens of bytes; each keyframe may get a copy of them.
LARGEST_PRIVATE_BYTES = 1024


@dataclass(frozen=True)
class Block:
    """One frame: VIDEO or AUDIO, its time in milliseconds, its bytes, whether it is a keyframe."""

    track: int
    at_ms: int
    data: bytes
    key: bool


@dataclass(frozen=True)
class Capture:
    """The frames of a file in its order; `video_codec` is `VP8`, `H264`, or None without pictures.

    H.264 frames are NAL units with four-byte lengths, keyframes with their parameter sets.
    """

    blocks: list[Block]
    video_codec: str | None


def read(data: bytes) -> Capture:
    """Return what a file holds. Raises NotWebm."""
    if not data.startswith(EBML):
        raise NotWebm("no EBML header")
    tracks: dict[int, int] = {}
    privates: dict[int, bytes] = {}
    video_codec: str | None = None
    number, cluster_ms = 0, 0
    blocks: list[Block] = []
    for count, (name, body) in enumerate(_elements(data)):
        if count == MOST_ELEMENTS:
            raise NotWebm("more elements than a browser writes")
        if name == _TRACK_ENTRY:
            number = 0
        elif name == _TRACK_NUMBER:
            number = _unsigned(body)
        elif name == _CODEC:
            if bytes(body) not in _CODECS or not number:
                raise NotWebm("a codec that is neither VP8, H.264 nor Opus")
            tracks[number] = _CODECS[bytes(body)]
            video_codec = _VIDEO_CODECS.get(bytes(body), video_codec)
        elif name == _PRIVATE:
            if len(body) > LARGEST_PRIVATE_BYTES:
                raise NotWebm("a codec's header that is too large")
            privates[number] = bytes(body)
        elif name == _ENCODINGS:
            raise NotWebm("encoded content")
        elif name == _TIMESTAMP:
            cluster_ms = _unsigned(body)
        elif name in (_BLOCK, _SIMPLE_BLOCK):
            block_number, block = _block(body, tracks, cluster_ms)
            if block.track == VIDEO:
                private = privates.get(block_number, b"")
                block = _picture(block, video_codec, private)
            blocks.append(block)
    if not blocks:
        raise NotWebm("not one frame")
    return Capture(blocks, video_codec)


def write(head: bytes, blocks: Sequence[Block], origin_ms: int) -> bytes:
    """Return a segment: `head` is that of another segment, the times of `blocks` are UTC.

    Raises NotWebm when `head` is none, or the blocks are too far apart.
    """
    first = min(block.at_ms for block in blocks)
    if max(block.at_ms for block in blocks) - first > _LARGEST_RELATIVE_MS:
        raise NotWebm("too long for one cluster")
    body = b"\xe7\x88" + unsigned(first - origin_ms, 8)
    body += b"".join(
        struct.pack(
            ">BIBhB",
            _SIMPLE_BLOCK[0],
            0x10000000 | len(block.data) + 4,
            0x80 | block.track,
            block.at_ms - first,
            0x80 if block.key else 0,
        )
        + block.data
        for block in blocks
    )
    cluster = CLUSTER + unsigned(len(body) | 1 << 56, 8) + body
    size, width = read_size(head, 4)
    at = 4 + width + size
    if not head.startswith(EBML) or head[at : at + 4] != SEGMENT or head[at + 4] != 1:
        raise NotWebm("not the head of a segment of ours")
    rest = head[at + 12 :]
    whole = unsigned(len(rest) + len(cluster) | 1 << 56, 8)
    return head[: at + 4] + whole + rest + cluster


def _elements(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yield (id, body) in order; a master element that is entered comes with an empty body."""
    view = memoryview(data)
    at = 0
    while at < len(data):
        name = data[at : at + id_width(data[at])]
        size, width = read_size(data, at + len(name))
        at += len(name) + width
        if name in _ENTERED:
            yield name, view[:0]
            continue
        if at + size > len(data):
            raise NotWebm("cut off")
        yield name, view[at : at + size]
        at += size


def _picture(block: Block, codec: str | None, private: bytes) -> Block:
    if codec != "H264":
        return replace(block, key=_is_keyframe(block.data))
    try:
        data, key = h264_units.normal(block.data, private)
    except h264_units.MalformedUnits as error:
        raise NotWebm(str(error)) from None
    return replace(block, data=data, key=key)


def _block(body: memoryview, tracks: dict[int, int], cluster_ms: int) -> tuple[int, Block]:
    number, width = read_size(bytes(body[:8]), 0)
    if number not in tracks or len(body) <= width + 3:
        raise NotWebm("a block of no track")
    relative, flags = struct.unpack_from(">hB", body, width)
    if flags & _LACING:
        raise NotWebm("laced blocks")
    frame = bytes(body[width + 3 :])
    at_ms = max(0, cluster_ms + relative)
    return number, Block(tracks[number], at_ms, frame, True)


def _is_keyframe(frame: bytes) -> bool:
    # The bitstream decides (RFC 6386 section 9.1), not the flag that came with it.
    if frame[0] & 1:
        return False
    if frame[3:6] != _KEYFRAME_START or len(frame) < 10:
        raise NotWebm("a keyframe without its start code")
    return True


def _unsigned(body: memoryview) -> int:
    if not 0 < len(body) <= 8:
        raise NotWebm("not a number")
    return int.from_bytes(body, "big")
