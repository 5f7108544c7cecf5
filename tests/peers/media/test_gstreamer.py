"""A WHIP client and a WebRTC stack that we did not write: Debian's simple-whip-client over
GStreamer's webrtcbin, sending VP8 and Opus. Its RTCP and its certificate (RSA) are its own, too."""

from __future__ import annotations

import itertools
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import NodeProcess
from looking import chromium_plays, probe

from proctorhub.domain.media import ClosedSegment
from tests.waiting import wait_for

RATE, SOUND_MS = 15, 20
SESSION = "gstreamer"
VIDEO = (
    f"videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate={RATE}/1"
    " ! vp8enc deadline=1 target-bitrate=300000 keyframe-max-dist=15 ! rtpvp8pay pt=96 ssrc=2"
    " ! application/x-rtp,media=video,encoding-name=VP8,payload=96"
)
AUDIO = (
    "audiotestsrc is-live=true ! audioconvert ! audioresample ! opusenc ! rtpopuspay pt=111 ssrc=1"
    " ! application/x-rtp,media=audio,encoding-name=OPUS,payload=111"
)
# Debian 12's client brings libsoup 2, its libnice brings libsoup 3 by way of its port mapper, and
# the two do not bear each other. Nobody maps ports here: an empty port mapper takes the place.
MAPPER = "libgupnp-igd-1.0.so.4"
EMPTY_MAPPER = """
extern unsigned long g_object_get_type(void);
extern void *g_object_new(unsigned long, const char *, ...);
unsigned long gupnp_simple_igd_get_type(void) { return g_object_get_type(); }
void *gupnp_simple_igd_thread_new(void) { return g_object_new(g_object_get_type(), (char *)0); }
void gupnp_simple_igd_add_port(void) {}
void gupnp_simple_igd_remove_port_local(void) {}
"""


@pytest.fixture
def libraries(tmp_path: Path) -> Path:
    source = tmp_path / "mapper.c"
    source.write_text(EMPTY_MAPPER)
    command = ["cc", "-shared", "-fPIC", "-nostdlib", "-o", str(tmp_path / MAPPER), str(source)]
    subprocess.run(command, check=True)
    return tmp_path


def recorded(node: NodeProcess, libraries: Path) -> list[ClosedSegment]:
    """Send until two segments are stored, then say good-bye; return all of them."""
    url, ticket = node.whip(SESSION)
    log = libraries / "client.log"
    with log.open("w") as said:
        client = subprocess.Popen(
            ["whip-client", "-u", url, "-t", ticket, "-V", VIDEO, "-A", AUDIO, "-n", "-o"],
            env={"LD_LIBRARY_PATH": str(libraries), "PATH": "/usr/bin", "HOME": str(libraries)},
            stdout=said,
            stderr=said,
        )
    try:
        wait_for(
            lambda: client.poll() is not None or len(node.ledger.segments(session_id=SESSION)) >= 2,
            lambda: f"two segments of GStreamer: {log.read_text()}",
        )
        assert client.poll() is None, log.read_text()
        client.send_signal(signal.SIGINT)
        wait_for(lambda: node.ledger.calls("closed", session_id=SESSION), "its good-bye")
    finally:
        client.kill()
        client.wait()
    wait_for(lambda: not list(node.spool.glob(f"{SESSION}*")), "the spool to be empty")
    return node.ledger.segments(session_id=SESSION)


def test_gstreamer_sends_vp8_that_plays_everywhere(
    make_node: Callable[..., NodeProcess], libraries: Path
) -> None:
    # GStreamer does not use the loopback's addresses: every address is offered, as by default.
    node = make_node(PROCTORHUB_MEDIA_ADDRESSES="", PROCTORHUB_SEGMENT_MIN_S="2.0")
    segments = recorded(node, libraries)
    (closed,) = node.ledger.calls("closed", session_id=SESSION)
    assert closed["reason"] == "deleted"
    assert {s.video_codec for s in segments} == {"VP8"}
    assert {(s.width, s.height, s.has_audio) for s in segments} == {(320, 240, True)}
    assert sum(s.lost_packets for s in segments) == 0
    assert node.ledger.calls("gap", session_id=SESSION) == []
    paths = [node.ledger.path_of(segment) for segment in segments]
    pictures: list[float] = []
    sounds: list[float] = []
    for path, segment in zip(paths, segments, strict=True):
        streams = probe(path)["streams"]
        assert int(streams[0]["nb_read_frames"]) == segment.video_frames
        pictures += times_ms(path, "v")
        sounds += times_ms(path, "a")
        command = ["ffmpeg", "-v", "error", "-xerror", "-i", str(path)]
        command += ["-enc_time_base", "1:1000", "-f", "null", "-"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
    # Its sender reports run twice as fast as its media; the recording does not, and lacks no frame.
    for times, every_ms in ((pictures, 1000 / RATE), (sounds, SOUND_MS)):
        steps = [later - before for before, later in itertools.pairwise(times)]
        off = [(n, step) for n, step in enumerate(steps) if abs(step - every_ms) > every_ms / 2]
        assert not off
    (seen,) = chromium_plays(paths[:1])
    assert seen["how"] == "ended"
    assert (seen["width"], seen["height"]) == (320, 240)
    long_s = (segments[0].ended_at_ms - segments[0].started_at_ms) / 1000
    assert seen["seconds"] >= long_s - 0.2
    assert seen["frames"] > 0


def times_ms(path: Path, kind: str) -> list[float]:
    """When each frame of a track is shown or heard, on the session's timeline."""
    command = ["ffprobe", "-v", "error", "-select_streams", kind, "-of", "csv=p=0"]
    command += ["-show_entries", "packet=pts_time", str(path)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [float(line.strip(",")) * 1000 for line in told.split()]
