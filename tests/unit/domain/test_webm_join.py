"""Joining segments: PyAV reads the joined file as one recording and seeks in it."""

from __future__ import annotations

import io
import struct
from itertools import pairwise

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctorhub.domain import webm_join
from proctorhub.domain.webm_join import Chunk, Piece

FRAME_MS = 100
ORIGIN = 1_800_000_000_000


def encoded(seconds: int) -> tuple[bytes, list[tuple[int, bool, bytes]]]:
    """Return the Tracks element and (ms, keyframe, VP8 data) of a small moving picture."""
    file = io.BytesIO()
    frames = []
    with av.open(file, "w", format="webm") as container:
        stream = container.add_stream("vp8", rate=10)
        stream.width, stream.height, stream.gop_size = 64, 48, 10
        for n in range(seconds * 10):
            picture = np.full((48, 64, 3), n * 5 % 256, dtype=np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture)):
                frames.append((len(frames) * FRAME_MS, packet.is_keyframe, bytes(packet)))
                container.mux(packet)
        for packet in stream.encode(None):
            frames.append((len(frames) * FRAME_MS, packet.is_keyframe, bytes(packet)))
            container.mux(packet)
    return webm_join.tracks_element(file.getvalue()), frames


TRACKS, FRAMES = encoded(6)
HEADER = (
    webm_join.element(webm_join.EBML, b"\x42\x86\x81\x01")
    + webm_join.SEGMENT
    + b"\x01"
    + b"\xff" * 7
    + webm_join.element(webm_join.INFO, b"")
    + TRACKS
)


def segment(frames: list[tuple[int, bool, bytes]], offset_ms: int) -> tuple[bytes, Piece]:
    """Return one segment as the media node writes it: a header and one cluster."""
    start = frames[0][0]
    blocks = b"".join(
        b"\xa3"
        + (0x10000000 | len(data) + 4).to_bytes(4, "big")
        + struct.pack(">BhB", 0x81, at - start, 0x80 if key else 0)
        + data
        for at, key, data in frames
    )
    body = b"\xe7\x88" + (start + offset_ms).to_bytes(8, "big") + blocks
    cluster = webm_join.CLUSTER + (len(body) | 1 << 56).to_bytes(8, "big") + body
    header = HEADER
    began = ORIGIN + offset_ms + start
    piece = Piece(
        f"k{began}", len(header) + len(cluster), len(header), began, began + len(frames) * FRAME_MS
    )
    return header + cluster, piece


def recording(gap_ms: int = 0) -> tuple[dict[str, bytes], list[Piece]]:
    """Return the blobs and pieces of six seconds in three segments, a gap before the last."""
    keys = [n for n, (_, key, _) in enumerate(FRAMES) if key]
    first, second = keys[len(keys) // 3], keys[2 * len(keys) // 3]
    made = [
        segment(FRAMES[:first], 5000),
        segment(FRAMES[first:second], 5000),
        segment(FRAMES[second:], 5000 + gap_ms),
    ]
    return {piece.key: data for data, piece in made}, [piece for _, piece in made]


def read(chunks: list[Chunk], blobs: dict[str, bytes], start: int, length: int) -> bytes:
    return b"".join(
        c.literal if c.literal is not None else blobs[c.key][c.start : c.start + c.length]
        for c in webm_join.cut(chunks, start, length)
    )


def joined(gap_ms: int = 0) -> bytes:
    blobs, pieces = recording(gap_ms)
    chunks = webm_join.layout(webm_join.tracks_element(next(iter(blobs.values()))), pieces)
    return read(chunks, blobs, 0, sum(c.length for c in chunks))


def test_every_frame_is_there_once_and_time_starts_at_zero() -> None:
    with av.open(io.BytesIO(joined())) as container:
        times = [round(p.pts * p.time_base * 1000) for p in container.demux(video=0) if p.size]
        assert times == [at for at, _, _ in FRAMES]
        assert container.duration == pytest.approx(6_000_000, abs=1000)


def test_a_gap_stays_a_gap() -> None:
    with av.open(io.BytesIO(joined(gap_ms=2000))) as container:
        times = [round(p.pts * p.time_base * 1000) for p in container.demux(video=0) if p.size]
    steps = [b - a for a, b in pairwise(times)]
    assert steps.count(2000 + FRAME_MS) == 1
    assert set(steps) == {FRAME_MS, 2000 + FRAME_MS}


def test_it_seeks_to_the_segment_of_a_time() -> None:
    _, pieces = recording()
    third_ms = pieces[2].started_at_ms - pieces[0].started_at_ms
    with av.open(io.BytesIO(joined())) as container:
        container.seek((third_ms + 50) * 1000)
        frame = next(container.decode(video=0))
        assert round(frame.time * 1000) == third_ms


def test_overlapping_senders_never_make_time_go_back() -> None:
    blobs, pieces = recording(gap_ms=-500)
    chunks = webm_join.layout(TRACKS, pieces)
    data = read(chunks, blobs, 0, sum(c.length for c in chunks))
    with av.open(io.BytesIO(data)) as container:
        times = [p.pts for p in container.demux(video=0) if p.size]
    assert times == sorted(times) and len(times) == len(FRAMES)


@given(st.data())
def test_any_range_is_the_same_as_a_cut_of_the_whole(data) -> None:
    blobs, pieces = recording()
    chunks = webm_join.layout(TRACKS, pieces)
    size = sum(c.length for c in chunks)
    whole = read(chunks, blobs, 0, size)
    start = data.draw(st.integers(0, size - 1))
    length = data.draw(st.integers(0, size - start))
    assert read(chunks, blobs, start, length) == whole[start : start + length]


@given(st.binary(max_size=60))
def test_garbage_headers_are_refused(data) -> None:
    with pytest.raises(webm_join.NotWebm):
        webm_join.tracks_element(data)


@given(st.integers(0, len(HEADER) - 1))
def test_a_header_cut_anywhere_is_refused(length) -> None:
    assert webm_join.tracks_element(HEADER) == TRACKS
    with pytest.raises(webm_join.NotWebm):
        webm_join.tracks_element(HEADER[:length])
