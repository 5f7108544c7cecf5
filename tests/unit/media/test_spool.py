from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proctorhub.domain.media import ClosedSegment
from proctorhub.media.coverage import cut_off
from proctorhub.media.material import make_media, read_media
from proctorhub.media.spool import ChainRecord, Spool, SpoolFull, SpoolInUse
from proctorhub.media.vp8 import size
from proctorhub.media.webm import (
    AUDIO_TRACK,
    CLUSTER_HEAD,
    VIDEO_TRACK,
    SegmentWriter,
    VideoTrack,
    read_segment,
)

RECORD = ChainRecord("session", "camera", "chain", 1_000_000, 1_005_000)
SEVEN_S = 7_000


class Bytes(bytes):
    """Bytes that hypothesis need not print."""

    def __repr__(self) -> str:
        return f"<{len(self)} bytes>"


@pytest.fixture(scope="module")
def open_segment(tmp_path_factory: pytest.TempPathFactory) -> Bytes:
    """What a `.part` holds while it is being written."""
    folder = tmp_path_factory.mktemp("m")
    make_media(folder / "m.webm", 1.0, size=(160, 120))
    material = read_media(folder / "m.webm")
    video = VideoTrack("VP8", *size(material.video[0].data))
    writer = SegmentWriter(folder / "x.part", video=video, audio=True, timestamp_ms=SEVEN_S)
    blocks = [(p.at_s, VIDEO_TRACK, p) for p in material.video]
    blocks += [(p.at_s, AUDIO_TRACK, p) for p in material.audio]
    for at, track, packet in sorted(blocks, key=lambda b: b[0]):
        writer.add(track, SEVEN_S + int(at * 1000), packet.data, packet.key)
    writer.flush()
    return Bytes((folder / "x.part").read_bytes())


def _spool(root: Path, limit: int = 1 << 30) -> Spool:
    return Spool(root, limit)


def _values(seq: int = 0, started_at_ms: int = 1_007_000) -> dict[str, object]:
    return {
        "session_id": RECORD.session_id,
        "source": RECORD.source,
        "chain": RECORD.chain,
        "seq": seq,
        "origin_ms": RECORD.origin_ms,
        "started_at_ms": started_at_ms,
        "ended_at_ms": started_at_ms + 4000,
        "header_bytes": 194,
        "video_codec": "VP8",
        "width": 160,
        "height": 120,
        "has_audio": True,
        "video_frames": 15,
        "audio_frames": 50,
        "lost_packets": 0,
    }


def test_a_finished_segment_has_its_hash_size_and_sidecar(tmp_path: Path) -> None:
    spool = _spool(tmp_path)
    folder = spool.open_chain(RECORD)
    part = folder / "000003.part"
    part.write_bytes(b"media" * 1000)
    segment, path = spool.finish(part, _values(3))
    assert path == folder / "000003.webm" and not part.exists()
    assert segment.bytes == 5000
    assert segment.sha256 == hashlib.sha256(b"media" * 1000).hexdigest()
    assert ClosedSegment(**json.loads(path.with_suffix(".json").read_text())) == segment
    assert spool.used_bytes == 5000
    assert spool.closed_segments() == [(segment, path)]


def test_a_stored_segment_leaves_nothing_behind(tmp_path: Path) -> None:
    spool = _spool(tmp_path)
    folder = spool.open_chain(RECORD)
    (folder / "000000.part").write_bytes(b"media")
    stored = spool.finish(folder / "000000.part", _values())
    spool.end_chain(folder)
    spool.stored(*stored)
    assert spool.used_bytes == 0
    assert not (tmp_path / "session").exists()


def test_the_limit_is_a_full_spool(tmp_path: Path) -> None:
    spool = _spool(tmp_path, limit=5)
    spool.require_room()
    folder = spool.open_chain(RECORD)
    (folder / "000000.part").write_bytes(b"media")
    stored = spool.finish(folder / "000000.part", _values())
    with pytest.raises(SpoolFull):
        spool.require_room()
    spool.stored(*stored)
    spool.require_room()


def test_a_second_node_may_not_use_the_same_spool(tmp_path: Path) -> None:
    first = _spool(tmp_path)
    with pytest.raises(SpoolInUse):
        _spool(tmp_path)
    assert first.used_bytes == 0


def test_segments_are_taken_up_oldest_first(tmp_path: Path) -> None:
    spool = _spool(tmp_path)
    folder = spool.open_chain(RECORD)
    for seq, start in ((0, 3000), (1, 1000), (2, 2000)):
        (folder / f"{seq:06d}.part").write_bytes(b"x")
        spool.finish(folder / f"{seq:06d}.part", _values(seq, start))
    assert [s.seq for s, _ in spool.closed_segments()] == [1, 2, 0]


def test_notes_keep_their_order_over_a_restart(tmp_path: Path) -> None:
    spool = _spool(tmp_path)
    for number in range(12):
        spool.add_note("track_state", {"number": number})
    del spool
    again = _spool(tmp_path)
    again.add_note("track_state", {"number": 12})
    told = [json.loads(p.read_text())["values"]["number"] for p in again.notes()]
    assert told == list(range(13))


@settings(max_examples=120)
@given(data=st.data())
def test_a_part_cut_anywhere_is_closed_behind_its_last_whole_block(
    open_segment: Bytes, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(open_segment)))
    with tempfile.TemporaryDirectory() as name:
        spool = _spool(Path(name))
        folder = spool.open_chain(RECORD)
        (folder / "000004.part").write_bytes(open_segment[:cut])
        ((record, found),) = spool.abandoned_chains()
        assert (record, found) == (RECORD, folder)
        mended = spool.recover(record, folder)
        assert not list(folder.glob("*.part"))
        if not mended:
            head = read_segment(open_segment).header_bytes + CLUSTER_HEAD
            first_block = int.from_bytes(open_segment[head + 1 : head + 5], "big") & 0xFFFFFFF
            assert cut < head + 5 + first_block
            return
        ((segment, path),) = mended
        content = path.read_bytes()
        info = read_segment(content)
        assert segment.seq == 4
        assert segment.bytes == len(content) == info.whole_bytes <= cut
        assert segment.sha256 == hashlib.sha256(content).hexdigest()
        assert segment.started_at_ms == RECORD.origin_ms + SEVEN_S
        assert segment.ended_at_ms <= RECORD.origin_ms + SEVEN_S + 1040
        size8 = content[info.header_bytes + 4 : info.header_bytes + 12]
        assert int.from_bytes(size8, "big") & ~(1 << 56) == len(content) - info.header_bytes - 12
        with av.open(str(path)) as container:
            packets = [p for p in container.demux() if p.pts is not None]
        assert len(packets) == segment.video_frames + segment.audio_frames


def test_a_whole_part_loses_nothing_by_mending(tmp_path: Path, open_segment: Bytes) -> None:
    spool = _spool(tmp_path)
    folder = spool.open_chain(RECORD)
    (folder / "000000.part").write_bytes(open_segment)
    ((segment, _),) = spool.recover(RECORD, folder)
    assert segment.bytes == len(open_segment)
    assert segment.video_frames == 15 and segment.audio_frames >= 49


def test_a_chain_with_an_open_part_is_not_ended(tmp_path: Path) -> None:
    spool = _spool(tmp_path)
    folder = spool.open_chain(RECORD)
    (folder / "000000.part").write_bytes(b"could not be closed")
    spool.end_chain(folder)
    assert spool.abandoned_chains()


def test_a_track_that_was_away_when_the_node_was_killed_is_missing(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1 << 30)
    record = ChainRecord("s", "camera", "c", 1_000_000, 0)
    folder = spool.open_chain(record)
    writer = SegmentWriter(
        folder / "000000.part", video=VideoTrack("VP8", 64, 48), audio=True, timestamp_ms=5000
    )
    for at in range(5000, 11_000, 100):
        writer.add(AUDIO_TRACK, at, b"sound", True)
        if at < 7000:
            writer.add(VIDEO_TRACK, at, b"picture", at == 5000)
    writer.flush()
    ((segment, path),) = spool.recover(record, folder)
    (gap,) = cut_off(segment, read_segment(path.read_bytes()))
    assert (gap.track, gap.chain, gap.cause) == ("video", "c", "client")
    assert (gap.started_at_ms, gap.ended_at_ms) == (1_006_900, segment.ended_at_ms)
