"""Our segments, read by ffmpeg's demuxer."""

from __future__ import annotations

import io
from pathlib import Path

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proctorhub.media.material import make_media, read_media
from proctorhub.media.vp8 import size
from proctorhub.media.webm import (
    AUDIO_TRACK,
    CLUSTER_HEAD,
    VIDEO_TRACK,
    MalformedSegment,
    SegmentWriter,
    VideoTrack,
    read_segment,
)

TIMESTAMP = 3_600_123


class Bytes(bytes):
    """Bytes that hypothesis need not print."""

    def __repr__(self) -> str:
        return f"<{len(self)} bytes>"


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    path = tmp_path_factory.mktemp("m") / "m.webm"
    make_media(path, 2.0, size=(320, 240))
    return read_media(path)


@pytest.fixture(scope="module")
def segment(material, tmp_path_factory: pytest.TempPathFactory) -> Bytes:  # type: ignore[no-untyped-def]
    path = tmp_path_factory.mktemp("s") / "000000.part"
    video = VideoTrack("VP8", *size(material.video[0].data))
    writer = SegmentWriter(path, video=video, audio=True, timestamp_ms=TIMESTAMP)
    blocks = [(p.at_s, VIDEO_TRACK, p) for p in material.video]
    blocks += [(p.at_s, AUDIO_TRACK, p) for p in material.audio]
    for at, track, packet in sorted(blocks, key=lambda b: b[0]):
        writer.add(track, TIMESTAMP + int(at * 1000), packet.data, packet.key)
        writer.flush()
    assert writer.close() == path.stat().st_size
    return Bytes(path.read_bytes())


def test_ffmpeg_reads_the_same_packets_and_decodes_them(material, segment: bytes) -> None:  # type: ignore[no-untyped-def]
    with av.open(io.BytesIO(segment)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.width, video.height) == ("vp8", 320, 240)
        assert (audio.codec_context.name, audio.rate, audio.channels) == ("opus", 48_000, 2)
        assert audio.codec_context.extradata[:8] == b"OpusHead"
        # Chromium refuses to append sound that claims a pre-skip.
        assert audio.codec_context.extradata[10:12] == b"\0\0"
        found: dict[str, list[bytes]] = {"video": [], "audio": []}
        times = []
        for packet in container.demux():
            if packet.pts is None:
                continue
            found[packet.stream.type].append(bytes(packet))
            times.append(packet.pts * packet.time_base)
        assert found["video"] == [p.data for p in material.video]
        assert found["audio"] == [p.data for p in material.audio]
        assert times == sorted(times)
        assert float(times[0]) == pytest.approx(TIMESTAMP / 1000)
    with av.open(io.BytesIO(segment)) as container:
        assert sum(1 for _ in container.decode(video=0)) == len(material.video)


def test_the_sizes_are_known_and_right(segment: bytes) -> None:
    info = read_segment(segment)
    cluster = segment[info.header_bytes :]
    assert cluster[:4] == b"\x1f\x43\xb6\x75"
    assert int.from_bytes(cluster[4:12], "big") & ~(1 << 56) == len(cluster) - 12
    assert cluster[12:14] == b"\xe7\x88"
    assert int.from_bytes(cluster[14:CLUSTER_HEAD], "big") == TIMESTAMP
    at = segment.index(b"\x18\x53\x80\x67")
    assert int.from_bytes(segment[at + 4 : at + 12], "big") & ~(1 << 56) == len(segment) - at - 12


def test_reading_back_finds_what_was_written(material, segment: bytes) -> None:  # type: ignore[no-untyped-def]
    info = read_segment(segment)
    assert info.whole_bytes == len(segment)
    assert info.video == VideoTrack("VP8", 320, 240)
    assert info.has_audio
    assert (info.video_frames, info.audio_frames) == (len(material.video), len(material.audio))
    assert (info.timestamp_ms, info.first_ms) == (TIMESTAMP, TIMESTAMP)


def test_joined_clusters_play_as_one_file(material, segment: bytes) -> None:  # type: ignore[no-untyped-def]
    info = read_segment(segment)
    again = bytearray(segment[info.header_bytes :])
    again[14:CLUSTER_HEAD] = (TIMESTAMP + 2000).to_bytes(8, "big")
    head = segment[: info.header_bytes].replace(
        segment[segment.index(b"\x18\x53\x80\x67") + 4 :][:8], b"\x01" + b"\xff" * 7
    )
    joined = head + segment[info.header_bytes :] + bytes(again)
    with av.open(io.BytesIO(joined)) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == 2 * len(material.video)


@settings(max_examples=150)
@given(data=st.data())
def test_a_cut_file_reads_up_to_its_last_whole_block(segment: Bytes, data) -> None:  # type: ignore[no-untyped-def]
    cut = data.draw(st.integers(0, len(segment)))
    try:
        info = read_segment(segment[:cut])
    except MalformedSegment:
        first_block = read_segment(segment).header_bytes + CLUSTER_HEAD
        size_of_first = 5 + (int.from_bytes(segment[first_block + 1 : first_block + 5]) & 0xFFFFFFF)
        assert cut < first_block + size_of_first
        return
    assert info.whole_bytes <= cut
    assert read_segment(segment[: info.whole_bytes]) == info
    with av.open(io.BytesIO(segment[: info.whole_bytes])) as container:
        packets = [p for p in container.demux() if p.pts is not None]
    assert len(packets) == info.video_frames + info.audio_frames


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_garbage_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedSegment):
        read_segment(data)


@settings(max_examples=200)
@given(data=st.data())
def test_a_flipped_byte_never_hurts(segment: Bytes, data) -> None:  # type: ignore[no-untyped-def]
    broken = bytearray(segment[:600])
    broken[data.draw(st.integers(0, 599))] = data.draw(st.integers(0, 255))
    try:
        read_segment(bytes(broken))
    except MalformedSegment:
        return


def test_sound_alone_is_a_whole_segment(material, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "a.part"
    writer = SegmentWriter(path, video=None, audio=True, timestamp_ms=0)
    for packet in material.audio[:10]:
        writer.add(AUDIO_TRACK, int(packet.at_s * 1000), packet.data, True)
    writer.close()
    with av.open(str(path)) as container:
        assert [s.type for s in container.streams] == ["audio"]
        assert sum(1 for _ in container.decode(audio=0)) == 10


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "x.part"
    path.write_bytes(b"kept")
    with pytest.raises(FileExistsError):
        SegmentWriter(path, video=None, audio=True, timestamp_ms=0)
    assert path.read_bytes() == b"kept"


def test_what_was_flushed_survives_without_closing(material, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "f.part"
    writer = SegmentWriter(path, video=None, audio=True, timestamp_ms=5)
    writer.add(AUDIO_TRACK, 5, material.audio[0].data, True)
    assert path.stat().st_size == 0
    assert writer.flush() == path.stat().st_size > 0
    assert writer.flush() == 0
    assert read_segment(path.read_bytes()).audio_frames == 1
