"""A WHIP client that we did not write: FFmpeg's own (its `whip` muxer), sending H.264 and Opus."""

from __future__ import annotations

import datetime
import subprocess
import time
from fractions import Fraction

import av
import numpy as np
import pytest
from conftest import NodeProcess
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from looking import chromium_plays, probe

from proctorhub.domain.media import ClosedSegment
from tests.waiting import wait_for

RATE, SENT_S = 15, 9
SOUND_RATE, SOUND_FRAME = 48_000, 960
SESSION = "other"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A DTLS certificate on P-256.

    FFmpeg's GnuTLS builds make one of their own on a curve that OpenSSL 4 does not take.
    """
    folder = tmp_path_factory.mktemp("certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "WHIP client")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    traditional, plain = (
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    (folder / "key.pem").write_bytes(key.private_bytes(pem, traditional, plain))
    return {"cert_file": str(folder / "cert.pem"), "key_file": str(folder / "key.pem")}


def send(url: str, ticket: str, certificate: dict[str, str]) -> dict[str, int]:
    """Send SENT_S seconds of a moving square and a tone; return the frames sent."""
    options = {"authorization": ticket, **certificate}
    sent = {"video": 0, "audio": 0}
    with av.open(url, "w", format="whip", options=options) as whip:
        encoding = {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline", "g": "15"}
        video = whip.add_stream("libx264", rate=RATE, options=encoding)
        video.width, video.height, video.pix_fmt = 640, 480, "yuv420p"
        audio = whip.add_stream("libopus", rate=SOUND_RATE, layout="stereo")
        began = time.monotonic()
        for number in range(SENT_S * RATE):
            for packet in video.encode(square(number)):
                whip.mux(packet)
                sent["video"] += 1
            while sent["audio"] * SOUND_FRAME / SOUND_RATE < (number + 1) / RATE:
                for packet in audio.encode(tone(sent["audio"])):
                    whip.mux(packet)
                sent["audio"] += 1
            time.sleep(max(0.0, began + number / RATE - time.monotonic()))
    return sent


def square(number: int) -> av.VideoFrame:
    picture = np.full((480, 640, 3), 90, np.uint8)
    at = number * 4 % 540
    picture[200:300, at : at + 100] = 255
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
    frame.pts, frame.time_base = number, Fraction(1, RATE)
    return frame


def tone(number: int) -> av.AudioFrame:
    at = (np.arange(SOUND_FRAME) + number * SOUND_FRAME) / SOUND_RATE
    wave = (np.sin(2 * np.pi * 440 * at) * 8000).astype(np.int16)
    samples = np.stack([wave, wave], 1).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
    frame.rate, frame.time_base = SOUND_RATE, Fraction(1, SOUND_RATE)
    frame.pts = number * SOUND_FRAME
    return frame


@pytest.fixture(scope="module")
def recorded(
    node: NodeProcess, certificate: dict[str, str]
) -> tuple[list[ClosedSegment], dict[str, int]]:
    """What FFmpeg sent, as recorded, and the frames it sent."""
    sent = send(*node.whip(SESSION), certificate)
    wait_for(lambda: node.ledger.calls("closed", session_id=SESSION))
    wait_for(lambda: not list(node.spool.glob(f"{SESSION}*")), "the spool to be empty")
    return node.ledger.segments(session_id=SESSION), sent


def test_every_frame_is_recorded(
    recorded: tuple[list[ClosedSegment], dict[str, int]], node: NodeProcess
) -> None:
    segments, sent = recorded
    assert {s.video_codec for s in segments} == {"H264"}
    assert {(s.width, s.height, s.has_audio) for s in segments} == {(640, 480, True)}
    # FFmpeg says good-bye right behind its last packets: a tenth of a second may be on its way
    assert sum(s.video_frames for s in segments) >= sent["video"] - 0.1 * RATE
    assert sum(s.audio_frames for s in segments) >= sent["audio"] - 0.1 * SOUND_RATE / SOUND_FRAME
    assert sum(s.lost_packets for s in segments) == 0
    assert node.ledger.calls("gap", session_id=SESSION) == []
    (closed,) = node.ledger.calls("closed", session_id=SESSION)
    assert closed["reason"] == "deleted"


def test_ffmpeg_decodes_every_segment(
    recorded: tuple[list[ClosedSegment], dict[str, int]], node: NodeProcess
) -> None:
    for segment in recorded[0]:
        path = node.ledger.path_of(segment)
        assert int(probe(path)["streams"][0]["nb_read_frames"]) == segment.video_frames
        command = ["ffmpeg", "-v", "error", "-xerror", "-i", str(path), "-f", "null", "-"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_chromium_plays_every_segment(
    recorded: tuple[list[ClosedSegment], dict[str, int]], node: NodeProcess
) -> None:
    played = chromium_plays([node.ledger.path_of(segment) for segment in recorded[0]])
    for segment, seen in zip(recorded[0], played, strict=True):
        assert seen["how"] == "ended"
        assert (seen["width"], seen["height"]) == (640, 480)
        assert seen["seconds"] >= (segment.ended_at_ms - segment.started_at_ms) / 1000 - 0.2
        assert seen["frames"] > 0
