"""One WebM file out of many segments, without reading their frames.

Every segment is a header and one Cluster: `1F43B675`, an 8-byte size, then the Timestamp element
`E7 88` with 8 bytes (Matroska, RFC 9559 §5.1.3). The joined file is a new header with Duration and
Cues, and then the clusters with their timestamps rewritten: only these few bytes are new,
everything else is a range of a stored blob.

Where only one track of a segment is missing for a while, its filling lies inside the segment: the
segment's cluster is cut into two before the first block behind the hole, and the filling comes in
between, so that the times of each track never step back.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

EBML, SEGMENT, INFO, TRACKS, CUES, CLUSTER = (
    b"\x1a\x45\xdf\xa3",
    b"\x18\x53\x80\x67",
    b"\x15\x49\xa9\x66",
    b"\x16\x54\xae\x6b",
    b"\x1c\x53\xbb\x6b",
    b"\x1f\x43\xb6\x75",
)
#: Cluster id, size and the whole Timestamp element.
CLUSTER_HEAD_BYTES = 4 + 8 + 2 + 8
CONTENT_TYPE = "video/webm"


@dataclass(frozen=True)
class Piece:
    """Where one stored segment lies on the joined timeline; times are epoch milliseconds.

    A `part` of a cut segment is the range of its bytes with these blocks. What lies `beside` other
    pieces, a filling or the rest of a cut segment, moves none of them. Players go to pieces that
    are `sought`, because those have all tracks from there on.
    """

    key: str
    bytes: int
    header_bytes: int
    started_at_ms: int
    ended_at_ms: int
    part: tuple[int, int] | None = None
    beside: bool = False
    sought: bool = True

    @property
    def blocks(self) -> tuple[int, int]:
        """Return the range of bytes that hold the blocks."""
        return self.part or (self.header_bytes + CLUSTER_HEAD_BYTES, self.bytes)

    def cut(self, fillings: Sequence[tuple[int, Piece]]) -> list[Piece]:
        """Return the pieces of this segment with fillings between them, each before an offset."""
        at, end = self.blocks
        found: list[Piece] = []
        for offset, filling in sorted(fillings, key=lambda item: item[0]):
            found.append(replace(self, part=(at, offset)) if not found else self._rest(at, offset))
            found.append(replace(filling, beside=True, sought=False))
            at = offset
        return [*found, self._rest(at, end)] if found else [self]

    def _rest(self, start: int, end: int) -> Piece:
        return replace(self, part=(start, end), beside=True, sought=False)


@dataclass(frozen=True)
class Chunk:
    """A stretch of the joined file: literal bytes, or `length` bytes of a blob from `start`."""

    length: int
    literal: bytes | None = None
    key: str = ""
    start: int = 0


class NotWebm(Exception):
    """The bytes are not the head of a segment of ours."""


def tracks_element(header: bytes) -> bytes:
    """Return the whole Tracks element of a segment's header. Raises NotWebm."""
    if not header.startswith(EBML):
        raise NotWebm("no EBML header")
    size, width = read_size(header, 4)
    at = 4 + width + size
    if header[at : at + 4] != SEGMENT:
        raise NotWebm("no Segment element")
    at += 4 + read_size(header, at + 4)[1]
    while at < len(header):
        identifier = header[at : at + id_width(header[at])]
        size, width = read_size(header, at + len(identifier))
        end = at + len(identifier) + width + size
        if identifier == TRACKS and end <= len(header):
            return header[at:end]
        at = end
    raise NotWebm("no whole Tracks element")


def layout(tracks: bytes, pieces: Sequence[Piece]) -> list[Chunk]:
    """Return the chunks of the joined file, in order. `pieces` must be in order and not empty."""
    origin = pieces[0].started_at_ms
    stamps = _stamps(pieces)
    duration = max(
        s + (p.ended_at_ms - p.started_at_ms) for s, p in zip(stamps, pieces, strict=True)
    )
    info = element(
        INFO,
        element(b"\x2a\xd7\xb1", unsigned(1_000_000, 4))
        + element(b"\x44\x89", struct.pack(">d", float(duration)))
        + element(b"\x44\x61", struct.pack(">q", (origin - _EPOCH_2001_MS) * 1_000_000))
        + element(b"\x4d\x80", b"ProctorHub")
        + element(b"\x57\x41", b"ProctorHub"),
    )
    sought = [(stamp, n) for n, stamp in enumerate(stamps) if pieces[n].sought]
    position = len(info) + len(tracks) + len(_cues([(stamp, 0) for stamp, _ in sought]))
    positions = []
    for piece in pieces:
        positions.append(position)
        start, end = piece.blocks
        position += CLUSTER_HEAD_BYTES + end - start
    cues = _cues([(stamp, positions[n]) for stamp, n in sought])
    head = _ebml_head() + SEGMENT + _size(position, 8) + info + tracks + cues
    chunks = [Chunk(len(head), literal=head)]
    for piece, stamp in zip(pieces, stamps, strict=True):
        start, end = piece.blocks
        size = CLUSTER_HEAD_BYTES - 12 + end - start
        cluster_head = CLUSTER + _size(size, 8) + b"\xe7\x88" + unsigned(stamp, 8)
        chunks.append(Chunk(len(cluster_head), literal=cluster_head))
        chunks.append(Chunk(end - start, key=piece.key, start=start))
    return chunks


def offset_of(data: bytes, header_bytes: int, after_ms: Mapping[int, int]) -> int | None:
    """Return where a segment of ours has its first block of a track after a time, if any.

    `after_ms` maps track numbers to milliseconds since the segment's origin: the time of the last
    block before a hole, which stays where it is.
    """
    stamp = int.from_bytes(data[header_bytes + CLUSTER_HEAD_BYTES - 8 :][:8], "big")
    at = header_bytes + CLUSTER_HEAD_BYTES
    while at + _BLOCK_HEAD.size <= len(data):
        _, size, track, relative, _ = _BLOCK_HEAD.unpack_from(data, at)
        wanted = after_ms.get(track & 0x7F)
        if wanted is not None and stamp + relative > wanted:
            return at
        at += 5 + (size & 0x0FFFFFFF)
    return None


def cut(chunks: Sequence[Chunk], start: int, length: int) -> Iterator[Chunk]:
    """Yield the chunks, shortened, that make up `[start, start+length)` of the joined file."""
    end = start + length
    at = 0
    for chunk in chunks:
        first, last = max(start, at), min(end, at + chunk.length)
        if first < last:
            skip, size = first - at, last - first
            if chunk.literal is not None:
                yield Chunk(size, literal=chunk.literal[skip : skip + size])
            else:
                yield Chunk(size, key=chunk.key, start=chunk.start + skip)
        at += chunk.length
        if at >= end:
            return


def element(identifier: bytes, payload: bytes) -> bytes:
    """Return an EBML element with an 8-byte size (RFC 8794 §6)."""
    return identifier + _size(len(payload), 8) + payload


def unsigned(value: int, width: int) -> bytes:
    """Return a big-endian unsigned integer of `width` bytes."""
    return value.to_bytes(width, "big")


_BLOCK_HEAD = struct.Struct(">BIBhB")
_EPOCH_2001_MS = 978_307_200_000


def _stamps(pieces: Sequence[Piece]) -> list[int]:
    """Cluster times in ms; they never go back, even where two senders overlapped."""
    stamps: list[int] = []
    floor = moved = 0
    for piece in pieces:
        own = piece.started_at_ms - pieces[0].started_at_ms
        if piece.beside:
            stamps.append(max(0, own + moved))
            continue
        stamp = max(own, floor)
        moved = stamp - own
        stamps.append(stamp)
        floor = stamp + (piece.ended_at_ms - piece.started_at_ms)
    return stamps


def _cues(sought: Sequence[tuple[int, int]]) -> bytes:
    points = b"".join(
        element(
            b"\xbb",
            element(b"\xb3", unsigned(stamp, 8))
            + element(
                b"\xb7", element(b"\xf7", unsigned(1, 1)) + element(b"\xf1", unsigned(position, 8))
            ),
        )
        for stamp, position in sought
    )
    return element(CUES, points)


def _ebml_head() -> bytes:
    fields = ((b"\x42\x86", 1), (b"\x42\xf7", 1), (b"\x42\xf2", 4), (b"\x42\xf3", 8))
    return element(
        EBML,
        b"".join(element(name, unsigned(value, 1)) for name, value in fields)
        + element(b"\x42\x82", b"webm")
        + element(b"\x42\x87", unsigned(4, 1))
        + element(b"\x42\x85", unsigned(2, 1)),
    )


def _size(value: int, width: int) -> bytes:
    return (value | 1 << (7 * width)).to_bytes(width, "big")


def id_width(first: int) -> int:
    """Return how many bytes the element id has that begins with `first`. Raises NotWebm."""
    if first < 0x10:
        raise NotWebm("no element id")
    return 9 - first.bit_length()


def read_size(data: bytes, at: int) -> tuple[int, int]:
    """Return an element's size and how many bytes it takes (RFC 8794 §6). Raises NotWebm."""
    if at >= len(data) or data[at] == 0:
        raise NotWebm("no element size")
    width = 9 - data[at].bit_length()
    if at + width > len(data):
        raise NotWebm("element size is cut off")
    return int.from_bytes(data[at : at + width], "big") & ~(1 << (7 * width)), width
