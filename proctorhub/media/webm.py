"""WebM segments (Matroska, RFC 9559): written by hand so that a crash costs at most one block.

A segment is EBML header, Segment, Info, Tracks and exactly one Cluster at a known offset, whose
Timestamp is always 8 bytes wide: whole recordings are joined by rewriting that number, and cut
files are mended by walking the blocks. Sizes of Segment and Cluster are patched on closing.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path

VIDEO_TRACK, AUDIO_TRACK = 1, 2
MAX_RELATIVE_MS = 32_000

_EBML, _SEGMENT, _INFO, _TRACKS = (
    b"\x1a\x45\xdf\xa3",
    b"\x18\x53\x80\x67",
    b"\x15\x49\xa9\x66",
    b"\x16\x54\xae\x6b",
)
_CLUSTER, _TIMESTAMP, _SIMPLE_BLOCK = b"\x1f\x43\xb6\x75", b"\xe7", 0xA3
_UNKNOWN_SIZE = b"\x01" + b"\xff" * 7
_CODEC_IDS = {"VP8": b"V_VP8", "H264": b"V_MPEG4/ISO/AVC"}
# Pre-skip 0: what arrives by RTP has no encoder delay to hide, and Chromium refuses to append
# segments that claim one (RFC 7845 section 5.1).
_OPUS_HEAD = b"OpusHead" + struct.pack("<BBHIhB", 1, 2, 0, 48000, 0, 0)
CLUSTER_HEAD = len(_CLUSTER) + 8 + len(_TIMESTAMP) + 1 + 8


class MalformedSegment(Exception):
    """A file that is not one of our segments, or is cut before its first block."""


@dataclass(frozen=True)
class VideoTrack:
    """What the header says about the video: codec `VP8` or `H264`, pixels, codec private data."""

    codec: str
    width: int
    height: int
    private: bytes = b""


@dataclass(frozen=True)
class SegmentInfo:
    """What reading a segment back finds; times are milliseconds on its own timeline.

    `last_of` are the times of the last frame of each track that has any.
    """

    header_bytes: int
    whole_bytes: int
    timestamp_ms: int
    first_ms: int
    last_ms: int
    video: VideoTrack | None
    has_audio: bool
    video_frames: int
    audio_frames: int
    last_of: dict[str, int]


def _element(name: bytes, body: bytes) -> bytes:
    size = len(body)
    width = 1 if size < 0x7F else 2 if size < 0x3FFF else 4
    return name + (size | 1 << 7 * width).to_bytes(width, "big") + body


def _number(name: bytes, value: int) -> bytes:
    return _element(name, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def _size8(size: int) -> bytes:
    return (size | 1 << 56).to_bytes(8, "big")


def _ebml_header(doc_type: bytes) -> bytes:
    return _element(
        _EBML,
        _number(b"\x42\x86", 1)
        + _number(b"\x42\xf7", 1)
        + _number(b"\x42\xf2", 4)
        + _number(b"\x42\xf3", 8)
        + _element(b"\x42\x82", doc_type)
        + _number(b"\x42\x87", 4)
        + _number(b"\x42\x85", 2),
    )


def _video_entry(video: VideoTrack) -> bytes:
    return _element(
        b"\xae",
        _number(b"\xd7", VIDEO_TRACK)
        + _number(b"\x73\xc5", VIDEO_TRACK)
        + _number(b"\x83", 1)
        + _number(b"\x9c", 0)
        + _element(b"\x86", _CODEC_IDS[video.codec])
        + (_element(b"\x63\xa2", video.private) if video.private else b"")
        + _element(b"\xe0", _number(b"\xb0", video.width) + _number(b"\xba", video.height)),
    )


def _audio_entry() -> bytes:
    return _element(
        b"\xae",
        _number(b"\xd7", AUDIO_TRACK)
        + _number(b"\x73\xc5", AUDIO_TRACK)
        + _number(b"\x83", 2)
        + _number(b"\x9c", 0)
        + _element(b"\x86", b"A_OPUS")
        + _element(b"\x63\xa2", _OPUS_HEAD)
        + _number(b"\x56\xaa", 0)
        + _number(b"\x56\xbb", 80_000_000)
        + _element(b"\xe1", _element(b"\xb5", struct.pack(">d", 48000.0)) + _number(b"\x9f", 2)),
    )


def header(video: VideoTrack | None, audio: bool) -> bytes:
    """Return everything before the Cluster, with the Segment's size still unknown."""
    # WebM itself knows no H.264; the same bytes are then honest Matroska.
    doc_type = b"matroska" if video and video.codec == "H264" else b"webm"
    info = _number(b"\x2a\xd7\xb1", 1_000_000)
    info += _element(b"\x4d\x80", b"ProctorHub") + _element(b"\x57\x41", b"ProctorHub")
    tracks = (_video_entry(video) if video else b"") + (_audio_entry() if audio else b"")
    return (
        _ebml_header(doc_type)
        + _SEGMENT
        + _UNKNOWN_SIZE
        + _element(_INFO, info)
        + _element(_TRACKS, tracks)
    )


class SegmentWriter:
    """Writes one segment. Blocks are collected in memory; `flush` puts them into the file."""

    def __init__(
        self, path: Path, *, video: VideoTrack | None, audio: bool, timestamp_ms: int
    ) -> None:
        head = header(video, audio)
        self.path = path
        self.timestamp_ms = timestamp_ms
        self.header_bytes = len(head)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        self._chunks = [
            head,
            _CLUSTER + _UNKNOWN_SIZE + _TIMESTAMP + b"\x88" + timestamp_ms.to_bytes(8, "big"),
        ]
        self._written = 0

    def add(self, track: int, at_ms: int, data: bytes, key: bool) -> None:
        """Append one SimpleBlock; `at_ms` is at most MAX_RELATIVE_MS after the Cluster's time."""
        self._chunks.append(
            struct.pack(
                ">BIBhB",
                _SIMPLE_BLOCK,
                0x10000000 | len(data) + 4,
                0x80 | track,
                at_ms - self.timestamp_ms,
                0x80 if key else 0,
            )
        )
        self._chunks.append(data)

    def flush(self) -> int:
        """Write what was collected; return the bytes written. Raises OSError."""
        if not self._chunks:
            return 0
        data = b"".join(self._chunks)
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self._chunks.clear()
        self._written += len(data)
        return len(data)

    def close(self) -> int:
        """Write the rest, patch the sizes, close the file; return its bytes. Raises OSError."""
        try:
            self.flush()
            patch_sizes(self._descriptor, self.header_bytes, self._written)
        finally:
            os.close(self._descriptor)
        return self._written


def patch_sizes(descriptor: int, header_bytes: int, total: int) -> None:
    """Write the final sizes of Segment and Cluster into an open file."""
    segment_at = _find_segment(os.pread(descriptor, header_bytes, 0))
    os.pwrite(descriptor, _size8(total - segment_at - 12), segment_at + 4)
    os.pwrite(descriptor, _size8(total - header_bytes - 12), header_bytes + 4)


def _find_segment(head: bytes) -> int:
    _, at, size = _read_element(head, 0)
    if size is None or head[at + size : at + size + 4] != _SEGMENT:
        raise MalformedSegment("no Segment behind the EBML header")
    return at + size


def _read_element(data: bytes, at: int) -> tuple[bytes, int, int | None]:
    """Return (name, offset of the body, size or None when unknown)."""
    try:
        first = data[at]
        name_width = 9 - first.bit_length()
        size_at = at + name_width
        lead = data[size_at]
        width = 9 - lead.bit_length()
        if name_width > 4 or width > 8:
            raise MalformedSegment(f"no element at byte {at}")
        raw = data[size_at : size_at + width]
        if len(raw) < width:
            raise MalformedSegment(f"cut at byte {at}")
        value = int.from_bytes(raw, "big") & (1 << 7 * width) - 1
        unknown = value == (1 << 7 * width) - 1
        return data[at:size_at], size_at + width, None if unknown else value
    except IndexError:
        raise MalformedSegment(f"cut at byte {at}") from None


def read_segment(data: bytes) -> SegmentInfo:
    """Return what a segment of ours holds, up to its last whole block.

    Raises MalformedSegment when there is not even one whole block.
    """
    at = _find_segment(data) + 12
    video, audio = None, False
    while data[at : at + 4] != _CLUSTER:
        name, body, size = _read_element(data, at)
        if size is None or body + size > len(data):
            raise MalformedSegment(f"an element without its end at byte {at}")
        if name == _TRACKS:
            video, audio = _read_tracks(data[body : body + size])
        at = body + size
    if len(data) < at + CLUSTER_HEAD:
        raise MalformedSegment("cut within the Cluster's head")
    timestamp = int.from_bytes(data[at + CLUSTER_HEAD - 8 : at + CLUSTER_HEAD], "big")
    return _read_blocks(data, at, timestamp, video, audio)


def _read_blocks(
    data: bytes, cluster_at: int, timestamp: int, video: VideoTrack | None, audio: bool
) -> SegmentInfo:
    at = cluster_at + CLUSTER_HEAD
    counts = {VIDEO_TRACK: 0, AUDIO_TRACK: 0}
    last_of: dict[str, int] = {}
    first = last = None
    while at + 9 <= len(data):
        kind, sized, track, relative, _ = struct.unpack_from(">BIBhB", data, at)
        end = at + 5 + (sized & 0x0FFFFFFF)
        if kind != _SIMPLE_BLOCK or track & 0x7F not in counts or end > len(data):
            break
        counts[track & 0x7F] += 1
        last = timestamp + relative
        first = last if first is None else first
        last_of["video" if track & 0x7F == VIDEO_TRACK else "audio"] = last
        at = end
    if first is None or last is None:
        raise MalformedSegment("not one whole block")
    return SegmentInfo(
        header_bytes=cluster_at,
        whole_bytes=at,
        timestamp_ms=timestamp,
        first_ms=first,
        last_ms=last,
        video=video,
        has_audio=audio,
        video_frames=counts[VIDEO_TRACK],
        audio_frames=counts[AUDIO_TRACK],
        last_of=last_of,
    )


def _children(data: bytes) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    at = 0
    while at < len(data):
        name, body, size = _read_element(data, at)
        if size is None:
            raise MalformedSegment("an element of unknown size in Tracks")
        found.setdefault(name, []).append(data[body : body + size])
        at = body + size
    return found


def _read_tracks(data: bytes) -> tuple[VideoTrack | None, bool]:
    video, audio = None, False
    names = {value: name for name, value in _CODEC_IDS.items()}
    for entry in _children(data).get(b"\xae", []):
        fields = _children(entry)
        codec = fields.get(b"\x86", [b""])[0]
        if codec in names and b"\xe0" in fields:
            picture = _children(fields[b"\xe0"][0])
            width, height = (picture.get(name, [b""])[0] for name in (b"\xb0", b"\xba"))
            video = VideoTrack(
                names[codec],
                int.from_bytes(width, "big"),
                int.from_bytes(height, "big"),
                fields.get(b"\x63\xa2", [b""])[0],
            )
        elif codec == b"A_OPUS":
            audio = True
    return video, audio
