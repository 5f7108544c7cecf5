"""Recorded segments opened again: the very frames and packets that were looked at."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import av

from proctorhub.frames import decoding
from proctorhub.frames.jpeg import jpeg
from proctorhub.frames.miniature import Miniatures
from proctorhub.frames.planes import planes
from proctorhub.services import playback


class Unreadable(Exception):
    """A segment that is not stored or cannot be decoded."""


@dataclass(frozen=True)
class Frames:
    """Frames of a segment by their times, UTC ms.

    `images` are the pictures that were looked at, each in every form that a worker may have got;
    `miniatures` are of those, and of what was decoded on the way to them.
    """

    images: dict[int, list[bytes]]
    miniatures: dict[int, bytes]


def frames(
    session_id: str, segment_id: str, looks: Iterable[int], between: Iterable[int]
) -> Frames:
    """Return the frames that were looked at at these times, and those `between`.

    Times at which there is no frame are left out. Raises Unreadable.
    """
    looked, small = set(looks), Miniatures()
    compared = looked | set(between)
    found = Frames({}, {})
    for at_ms, picture in _pictures(*_segment(session_id, segment_id)):
        if at_ms in compared:
            found.miniatures[at_ms] = small.of(picture)
        if at_ms in looked:
            found.images[at_ms] = [x for x in (planes(picture), jpeg(picture)) if x is not None]
    return found


def _pictures(origin_ms: int, data: bytes) -> Iterator[tuple[int, av.VideoFrame]]:
    try:
        with av.open(io.BytesIO(data), format="matroska") as container:
            stream: Any = next(iter(container.streams.video), None)
            if stream is None:
                return
            kept = stream.codec_context
            decoder = decoding.decoder_for_looks(kept.name, kept.extradata)
            for packet in container.demux(stream):
                for picture in decoder.decode(packet):
                    yield origin_ms + round(picture.pts * stream.time_base * 1000), picture
    except av.FFmpegError as error:
        raise Unreadable(str(error)) from error


class Sounds:
    """The sound of a session. What was read last is kept: one second follows the other."""

    def __init__(self, session_id: str) -> None:
        self._of_segment = lru_cache(maxsize=2)(partial(_packets, session_id))

    def stretch(self, segment_id: str, at_ms: int, length_ms: int) -> list[tuple[int, bytes]]:
        """Return the Opus packets of a stretch with their times, UTC ms.

        It begins in this segment and may go on in those after. Raises Unreadable, also while
        nothing is stored of what came after it: there may be more.
        """
        until = at_ms + length_ms
        found: list[tuple[int, bytes]] = []
        chain, _, first = segment_id.rpartition("-")
        for seq in itertools.count(int(first)):
            packets = self._of_segment(f"{chain}-{seq:06d}")
            found += [packet for packet in packets if at_ms <= packet[0] < until]
            if packets and packets[-1][0] >= until:
                break
        return found


def _packets(session_id: str, segment_id: str) -> list[tuple[int, bytes]]:
    origin_ms, data = _segment(session_id, segment_id)
    try:
        with av.open(io.BytesIO(data), format="matroska") as container:
            stream: Any = next(iter(container.streams.audio), None)
            if stream is None:
                return []
            return [
                (origin_ms + round(packet.pts * packet.time_base * 1000), bytes(packet))
                for packet in container.demux(stream)
                if packet.pts is not None
            ]
    except av.FFmpegError as error:
        raise Unreadable(str(error)) from error


def _segment(session_id: str, segment_id: str) -> tuple[int, bytes]:
    found = playback.stored_segment(session_id, segment_id)
    if found is None:
        raise Unreadable("the segment is not stored")
    return found
