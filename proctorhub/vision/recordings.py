"""Recorded segments opened again: the very frames and packets that were looked at."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import av

from proctorhub.frames.jpeg import jpeg
from proctorhub.frames.planes import planes
from proctorhub.services import playback


class Unreadable(Exception):
    """A segment that is not stored or cannot be decoded."""


def pictures(session_id: str, segment_id: str, times: Iterable[int]) -> dict[int, list[bytes]]:
    """Return the frames of these times (UTC ms): time → the images that a worker may have got.

    Times at which there is no frame are left out. Raises Unreadable.
    """
    wanted = set(times)
    origin_ms, data = _segment(session_id, segment_id)
    found: dict[int, list[bytes]] = {}
    try:
        with av.open(io.BytesIO(data), format="matroska") as container:
            stream: Any = next(iter(container.streams.video), None)
            if stream is None:
                return {}
            stream.codec_context.thread_count = 1
            for frame in container.decode(stream):
                at_ms = origin_ms + round(frame.pts * frame.time_base * 1000)
                if at_ms in wanted:
                    found[at_ms] = [x for x in (planes(frame), jpeg(frame)) if x is not None]
    except av.FFmpegError as error:
        raise Unreadable(str(error)) from error
    return found


def packets(session_id: str, segment_id: str) -> list[tuple[int, bytes]]:
    """Return the Opus packets of a segment with their times, UTC ms. Raises Unreadable."""
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
