"""A WHIP client and a WebRTC stack that we did not write: Debian's simple-whip-client over
GStreamer's webrtcbin, sending VP8 and Opus. Its RTCP and its certificate (RSA) are its own, too."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import ifaddr
import pytest
from conftest import NodeProcess, until
from looking import chromium_plays, probe

from proctorhub.domain.media import ClosedSegment

RATE, SENT_S = 15, 10.0
SESSION = "gstreamer"
VIDEO = (
    f"videotestsrc is-live=true pattern=ball ! video/x-raw,width=640,height=480,framerate={RATE}/1"
    " ! vp8enc deadline=1 target-bitrate=500000 keyframe-max-dist=30 ! rtpvp8pay pt=96 ssrc=2"
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


def own_address() -> str:
    """An address that is not loopback: GStreamer gathers no candidates there."""
    found = (ip.ip for adapter in ifaddr.get_adapters() for ip in adapter.ips)
    return next(ip for ip in found if isinstance(ip, str) and not ip.startswith("127."))


@pytest.fixture
def libraries(tmp_path: Path) -> Path:
    source = tmp_path / "mapper.c"
    source.write_text(EMPTY_MAPPER)
    command = ["cc", "-shared", "-fPIC", "-o", str(tmp_path / MAPPER), str(source)]
    subprocess.run(command, check=True)
    return tmp_path


def recorded(node: NodeProcess, libraries: Path) -> list[ClosedSegment]:
    """Send for a while; return the segments."""
    url, ticket = node.whip(SESSION)
    client = subprocess.Popen(
        ["whip-client", "-u", url, "-t", ticket, "-V", VIDEO, "-A", AUDIO, "-n", "-o"],
        env={"LD_LIBRARY_PATH": str(libraries), "PATH": "/usr/bin", "HOME": str(libraries)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        until(lambda: "sender_connected" in node.log.read_text(), 20, "GStreamer to connect")
        time.sleep(SENT_S)
    finally:
        client.send_signal(signal.SIGINT)
        said, _ = client.communicate(timeout=15)
    assert re.search(r"PeerConnection connected", said), said
    until(lambda: node.ledger.calls("closed", session_id=SESSION))
    until(lambda: not list(node.spool.glob(f"{SESSION}*")), what="the spool to be empty")
    return node.ledger.segments(session_id=SESSION)


def test_gstreamer_sends_vp8_that_plays_everywhere(
    make_node: Callable[..., NodeProcess], libraries: Path
) -> None:
    node = make_node(PROCTORHUB_MEDIA_ADDRESSES=own_address())
    segments = recorded(node, libraries)
    assert {s.video_codec for s in segments} == {"VP8"}
    assert {(s.width, s.height, s.has_audio) for s in segments} == {(640, 480, True)}
    assert sum(s.video_frames for s in segments) >= (SENT_S - 1) * RATE
    assert sum(s.lost_packets for s in segments) == 0
    assert node.ledger.calls("gap", session_id=SESSION) == []
    # Its sender reports run twice as fast as its media; the recording does not.
    long = segments[-1].ended_at_ms - segments[0].started_at_ms
    assert abs(long - 1000 * sum(s.video_frames for s in segments) / RATE) <= 700
    paths = [node.ledger.path_of(segment) for segment in segments]
    for path, segment in zip(paths, segments, strict=True):
        assert int(probe(path)["streams"][0]["nb_read_frames"]) == segment.video_frames
        command = ["ffmpeg", "-v", "error", "-xerror", "-i", str(path)]
        command += ["-enc_time_base", "1:1000", "-f", "null", "-"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
    for segment, seen in zip(segments, chromium_plays(paths), strict=True):
        assert seen["how"] == "ended"
        assert (seen["width"], seen["height"]) == (640, 480)
        assert seen["seconds"] >= (segment.ended_at_ms - segment.started_at_ms) / 1000 - 0.2
        assert seen["frames"] > 0
