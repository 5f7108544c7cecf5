"""A second of sound is found again wherever segments were cut, or told as not there."""

from __future__ import annotations

from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest

from proctorhub.domain.media import ClosedSegment
from proctorhub.media.webm import SegmentWriter
from proctorhub.services import recording, runtime
from proctorhub.vision import recordings

AUDIO = 2
ORIGIN_MS = 1_795_306_000_000


def store(folder: Path, seq: int, times: list[int]) -> None:
    """Store a segment with a packet at each of these times since the origin, ms."""
    writer = SegmentWriter(
        folder / f"{seq}.webm", video=None, audio=True, timestamp_ms=times[0] if times else 0
    )
    for at in times:
        writer.add(AUDIO, at, f"packet {at}".encode(), True)
    size = writer.close()
    segment = ClosedSegment(
        session_id="heard",
        source="camera",
        chain="c",
        seq=seq,
        origin_ms=ORIGIN_MS,
        started_at_ms=ORIGIN_MS + writer.timestamp_ms,
        ended_at_ms=ORIGIN_MS + (times[-1] if times else 0),
        bytes=size,
        sha256=sha256(writer.path.read_bytes()).hexdigest(),
        header_bytes=writer.header_bytes,
        video_codec=None,
        width=0,
        height=0,
        has_audio=True,
        video_frames=0,
        audio_frames=len(times),
        lost_packets=0,
    )
    recording.store_segment(segment, writer.path)


def heard() -> list[int]:
    """Return the times of the packets of the second that begins after 500 ms."""
    found = recordings.Sounds("heard").stretch("c-000000", ORIGIN_MS + 500, 1000)
    for at_ms, data in found:
        assert data == f"packet {at_ms - ORIGIN_MS}".encode()
    return [at_ms - ORIGIN_MS for at_ms, _ in found]


@pytest.mark.parametrize(
    ("segments", "times"),
    [
        ([[480, 500, 1480, 1500]], [500, 1480]),
        ([[480, 500, 1000], [1020, 1480, 1500]], [500, 1000, 1020, 1480]),
        # times that a clock was put right by: one packet of the second lies behind the cut
        ([[500, 1000, 1471], [1492, 1512]], [500, 1000, 1471, 1492]),
        ([[500, 1499], [1519]], [500, 1499]),
        # sound that paused while pictures went on
        ([[500, 700], [], [1400, 1600]], [500, 700, 1400]),
        ([[500, 700], [], [1700]], [500, 700]),
    ],
)
@pytest.mark.usefixtures("database")
def test_all_packets_of_a_second_and_no_others(
    tmp_path: Path, segments: list[list[int]], times: list[int]
) -> None:
    for seq, packets in enumerate(segments):
        store(tmp_path, seq, packets)
    assert heard() == times


@pytest.mark.parametrize("segments", [[], [[500, 1000]], [[500, 1000, 1499]], [[500], [1480]]])
@pytest.mark.usefixtures("database")
def test_what_came_after_is_not_stored_yet(tmp_path: Path, segments: list[list[int]]) -> None:
    for seq, packets in enumerate(segments):
        store(tmp_path, seq, packets)
    with pytest.raises(recordings.Unreadable):
        heard()


def test_a_segment_that_is_damaged(tmp_path: Path, database: runtime.Runtime) -> None:
    store(tmp_path, 0, [500, 1000, 1500])
    (key,) = database.store.list("sessions/heard/")
    other = b"no segment"
    database.store.delete(key)
    database.store.put(key, BytesIO(other), size=len(other), sha256=sha256(other).hexdigest())
    with pytest.raises(recordings.Unreadable):
        heard()
