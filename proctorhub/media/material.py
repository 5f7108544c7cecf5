"""Media to send: made at run time, and read back as encoded packets without decoding."""

from __future__ import annotations

import fractions
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import av
import numpy as np
from av.bitstream import BitStreamFilterContext

WIDTH, HEIGHT, RATE, SAMPLE_RATE = 640, 480, 15, 48_000
FLASH_S = 0.2
CLICK_HZ = 1000
_CODECS = {"vp8": "libvpx", "h264": "libx264"}
_OPTIONS = {
    "vp8": {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "error-resilient": "1"},
    "h264": {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline"},
}


class MaterialError(Exception):
    """A file that cannot be sent."""


@dataclass(frozen=True)
class Packet:
    """One encoded frame: seconds since the beginning, bytes, whether it stands on its own."""

    at_s: float
    data: bytes
    key: bool


@dataclass(frozen=True)
class Material:
    """The tracks of a file; `codec` is `VP8` or `H264`, None without video."""

    codec: str | None
    video: list[Packet]
    audio: list[Packet]
    duration_s: float


def make_media(
    path: Path,
    seconds: float,
    with_audio: bool = True,
    flash_and_click: bool = False,
    *,
    codec: str = "vp8",
    bit_rate: int = 500_000,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    keyframe_every: int = RATE,
    options: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write a moving picture at 15 frames/s with a keyframe each second, and a tone.

    With `flash_and_click` the picture turns white and the tone sounds at every full second for
    FLASH_S, so that picture and sound can be compared. `codec` is `vp8` (WebM) or `h264` (MP4);
    `options` are further ones for its encoder.
    """
    with av.open(str(path), "w") as container:
        chosen = {**_OPTIONS[codec], **options}
        video: Any = container.add_stream(_CODECS[codec], rate=RATE, options=chosen)
        video.width, video.height = size
        video.pix_fmt = "yuv420p"
        video.bit_rate = bit_rate
        video.gop_size = keyframe_every
        audio: Any = None
        if with_audio:
            audio = container.add_stream("libopus", rate=SAMPLE_RATE, layout="stereo")
            audio.bit_rate = 32_000
        for index in range(int(seconds * RATE)):
            frame = _picture(index, size, flash_and_click)
            container.mux(video.encode(frame))
            if audio is not None:
                _mux_sound(container, audio, index, flash_and_click)
        container.mux(video.encode(None))
        if audio is not None:
            container.mux(audio.encode(None))


def _picture(index: int, size: tuple[int, int], flashes: bool) -> av.VideoFrame:
    width, height = size
    lines = np.zeros((height * 3 // 2, width), np.uint8)
    x = np.arange(width, dtype=np.int32)
    y = np.arange(height, dtype=np.int32)[:, None]
    if flashes and index % RATE < FLASH_S * RATE:
        lines[:height] = 235
    else:
        # Shade that wanders and a little noise: about as hard to code as a face in a room.
        noise = np.random.default_rng(index).integers(0, 8, (height, width))
        lines[:height] = (40 + (x + 3 * index) // 8 % 32 + (y + 2 * index) // 8 % 32 + noise) % 120
    lines[height:] = 128
    frame = av.VideoFrame.from_ndarray(lines, format="yuv420p")
    frame.pts = index
    frame.time_base = fractions.Fraction(1, RATE)
    return frame


def _mux_sound(container: Any, audio: Any, index: int, clicks: bool) -> None:
    count = SAMPLE_RATE // RATE
    at = np.arange(index * count, (index + 1) * count)
    wave = np.sin(2 * np.pi * CLICK_HZ * at / SAMPLE_RATE) * 8000
    if clicks:
        wave *= at % SAMPLE_RATE < FLASH_S * SAMPLE_RATE
    samples = np.repeat(wave.astype(np.int16), 2)[None, :]
    frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
    frame.sample_rate = SAMPLE_RATE
    frame.pts = index * count
    container.mux(audio.encode(frame))


def read_media(path: Path) -> Material:
    """Return the packets of a WebM or MP4 file. Raises MaterialError."""
    try:
        with av.open(str(path)) as container:
            return _read(container)
    except (av.FFmpegError, OSError) as error:
        raise MaterialError(f"{path}: {error}") from error


def _read(container: Any) -> Material:
    video: Any = next(iter(container.streams.video), None)
    audio: Any = next(iter(container.streams.audio), None)
    codec = {"vp8": "VP8", "h264": "H264"}.get(video.codec_context.name) if video else None
    if video is not None and codec is None:
        raise MaterialError(f"{video.codec_context.name} cannot be sent, only VP8 and H.264")
    if audio is not None and audio.codec_context.name not in ("opus", "libopus"):
        raise MaterialError("the sound must be Opus")
    annexb = None
    if codec == "H264" and video.codec_context.extradata:
        annexb = BitStreamFilterContext("h264_mp4toannexb", video)
    found: dict[str, list[Packet]] = {"video": [], "audio": []}
    for packet in container.demux([s for s in (video, audio) if s is not None]):
        if packet.pts is None:
            continue
        kind, key = packet.stream.type, bool(packet.is_keyframe)
        at = max(0.0, float(packet.pts * packet.time_base))
        for part in annexb.filter(packet) if annexb and kind == "video" else [packet]:
            found[kind].append(Packet(at, bytes(part), key))
    if not found["video"] and not found["audio"]:
        raise MaterialError("there is nothing in it to send")
    ends = [
        packets[-1].at_s + (0.02 if kind == "audio" else 1 / RATE)
        for kind, packets in found.items()
        if packets
    ]
    return Material(codec, found["video"], found["audio"], max(ends))
