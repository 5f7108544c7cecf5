"""Reading what browsers record, writing what the media node would have written."""

from __future__ import annotations

import io
import struct

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctorhub.domain import webm_capture
from proctorhub.domain.webm_capture import AUDIO, VIDEO, Block
from proctorhub.domain.webm_join import NotWebm, tracks_element
from proctorhub.media.webm import VideoTrack, header, read_segment

ORIGIN = 1_800_000_000_000
UNKNOWN = b"\x01" + b"\xff" * 7
VP8_KEY = b"\x10\x00\x00\x9d\x01\x2a\x80\x02\xe0\x01rest"
VP8_DELTA = b"\x11\x00\x00rest"


def sized(name: bytes, body: bytes) -> bytes:
    return name + (len(body) | 1 << 28).to_bytes(4, "big") + body


def entry(number: int, codec: bytes, more: bytes = b"") -> bytes:
    return sized(b"\xae", sized(b"\xd7", bytes([number])) + sized(b"\x86", codec) + more)


def block(number: int, at: int, data: bytes, flags: int = 0) -> bytes:
    return bytes([0x80 | number]) + struct.pack(">hB", at, flags) + data


def file(clusters: bytes, tracks: bytes = entry(1, b"V_VP8") + entry(2, b"A_OPUS")) -> bytes:
    body = sized(b"\x16\x54\xae\x6b", tracks) + clusters
    return sized(b"\x1a\x45\xdf\xa3", b"") + b"\x18\x53\x80\x67" + UNKNOWN + body


def cluster(at: int, *blocks: bytes) -> bytes:
    return b"\x1f\x43\xb6\x75" + UNKNOWN + sized(b"\xe7", at.to_bytes(2, "big")) + b"".join(blocks)


def recorded(seconds: float = 2) -> bytes:
    """A WebM of VP8 and Opus as a muxer of somebody else writes it."""
    out = io.BytesIO()
    with av.open(out, "w", format="webm", options={"live": "1"}) as container:
        video = container.add_stream("libvpx", rate=15)
        video.width, video.height, video.pix_fmt = 320, 240, "yuv420p"
        sound = container.add_stream("libopus", rate=48_000)
        for n in range(int(seconds * 15)):
            picture = np.full((240, 320, 3), n % 255, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture)))
        for n in range(int(seconds * 50)):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1920), np.int16), layout="stereo")
            frame.rate, frame.pts = 48_000, n * 960
            container.mux(sound.encode(frame))
        container.mux(video.encode(None))
        container.mux(sound.encode(None))
    return out.getvalue()


def test_unknown_sizes_groups_and_many_clusters():
    data = file(
        cluster(0, sized(b"\xa3", block(1, 0, VP8_KEY)), sized(b"\xa3", block(2, 5, b"o")))
        + cluster(4000, sized(b"\xa0", sized(b"\xa1", block(1, -3, VP8_DELTA))))
    )
    assert webm_capture.read(data).blocks == [
        Block(VIDEO, 0, VP8_KEY, True),
        Block(AUDIO, 5, b"o", True),
        Block(VIDEO, 3997, VP8_DELTA, False),
    ]


def test_the_bitstream_says_what_a_keyframe_is():
    data = file(cluster(0, sized(b"\xa3", block(1, 0, VP8_DELTA, 0x80))))
    assert [b.key for b in webm_capture.read(data).blocks] == [False]


REFUSED = {
    "no EBML header": b"RIFF" + bytes(20),
    "not one frame": file(b""),
    "a codec that is neither VP8, H.264 nor Opus": file(b"", entry(1, b"V_VP9")),
    "encoded content": file(b"", entry(1, b"V_VP8", sized(b"\x6d\x80", b""))),
    "a block of no track": file(cluster(0, sized(b"\xa3", block(3, 0, VP8_KEY)))),
    "laced blocks": file(cluster(0, sized(b"\xa3", block(1, 0, VP8_KEY, 0x02)))),
    "a keyframe without its start code": file(cluster(0, sized(b"\xa3", block(1, 0, bytes(20))))),
    "more elements than a browser writes": file(
        cluster(0, sized(b"\xa3", block(1, 0, VP8_KEY)), b"\xec\x80" * webm_capture.MOST_ELEMENTS)
    ),
    "a codec's header that is too large": file(
        b"",
        entry(
            1,
            b"V_MPEG4/ISO/AVC",
            sized(b"\x63\xa2", bytes(webm_capture.LARGEST_PRIVATE_BYTES + 1)),
        ),
    ),
    "cut off": file(cluster(0, sized(b"\xa3", block(1, 0, VP8_KEY))))[:-3],
}


@pytest.mark.parametrize("reason", REFUSED)
def test_refused(reason):
    with pytest.raises(NotWebm, match=reason):
        webm_capture.read(REFUSED[reason])


def test_thirty_seconds_of_many_small_blocks_are_read():
    blocks = [
        sized(b"\xa0", sized(b"\xa1", block(n % 2 + 1, n, VP8_DELTA)) + b"\x9b\x80\xfb\x80")
        for n in range(30 * (50 + 60))
    ]
    assert len(webm_capture.read(file(cluster(0, *blocks))).blocks) == 3300


@given(st.binary(max_size=400))
def test_garbage_is_refused(rest):
    with pytest.raises(NotWebm):
        webm_capture.read(b"\x1a\x45\xdf\xa3" + rest)


@given(st.data())
def test_damage_is_refused_or_read(data):
    whole = file(
        cluster(0, sized(b"\xa3", block(1, 0, VP8_KEY)), sized(b"\xa3", block(2, 5, b"o")))
    )
    at = data.draw(st.integers(4, len(whole) - 1))
    broken = whole[:at] + bytes([data.draw(st.integers(0, 255))]) + whole[at + 1 :]
    try:
        webm_capture.read(broken)
    except NotWebm:
        pass


def test_written_as_the_node_writes():
    blocks = [
        Block(b.track, ORIGIN + 5000 + b.at_ms, b.data, b.key)
        for b in sorted(webm_capture.read(recorded()).blocks, key=lambda b: b.at_ms)
    ]
    head = header(VideoTrack("VP8", 320, 240), True)
    data = webm_capture.write(head, blocks, ORIGIN)
    info = read_segment(data)
    assert info.header_bytes == len(head)
    assert (info.timestamp_ms, info.whole_bytes) == (blocks[0].at_ms - ORIGIN, len(data))
    assert (info.video_frames, info.audio_frames) == (30, sum(b.track == AUDIO for b in blocks))
    assert tracks_element(data[: len(head)]) == tracks_element(head)
    with av.open(io.BytesIO(data)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 30
    with av.open(io.BytesIO(data)) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) >= 1.9 * 48_000


def test_nothing_is_written_behind_a_foreign_head_or_over_too_long_a_time():
    far = [Block(VIDEO, ORIGIN, VP8_KEY, True), Block(VIDEO, ORIGIN + 40_000, VP8_DELTA, False)]
    head = header(VideoTrack("VP8", 320, 240), True)
    with pytest.raises(NotWebm):
        webm_capture.write(head, far, ORIGIN)
    with pytest.raises(NotWebm):
        webm_capture.write(b"\x1a\x45\xdf\xa3\x80nothing", far[:1], ORIGIN)
