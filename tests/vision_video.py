"""Videos of people in front of webcams, as a browser would send them: VP8 and Opus in WebM.

A still photograph comes alive a little (the head moves, the light wanders, the sensor is noisy), so
that nothing looks frozen that is not.
"""

from __future__ import annotations

import fractions
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import av
import cv2
import numpy as np

from tests.vision_faces import HEIGHT, WIDTH, Picture, room

RATE = 15
#: A file cannot give a keyframe when one is asked for, so there is one four times a second.
KEY_EVERY = 4
SAMPLE_RATE = 48_000
_OPTIONS = {
    "libvpx": {
        "deadline": "realtime",
        "cpu-used": "8",
        "lag-in-frames": "0",
        "error-resilient": "1",
    },
    "libx264": {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline"},
}


def alive(picture: Picture, seconds: float, seed: int = 0) -> Iterator[Picture]:
    """Yield the frames of somebody who sits there. Neither heads nor light move by jumps."""
    random = np.random.default_rng(seed)
    move, speed, light, lighter = np.zeros(2), np.zeros(2), 0.0, 0.0
    for _ in range(round(seconds * RATE)):
        speed = 0.8 * speed + random.normal(0, 0.3, 2)
        move = 0.9 * move + speed
        lighter = 0.8 * lighter + random.normal(0, 0.12)
        light = 0.95 * light + lighter
        shift = np.array([[1, 0, move[0]], [0, 1, move[1]]], np.float32)
        moved = cv2.warpAffine(picture, shift, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
        yield noisy(moved, random, light)


def empty(seconds: float, seed: int = 0) -> Iterator[Picture]:
    """Yield the frames of a room that nobody is in."""
    return alive(room(), seconds, seed)


def covered(seconds: float, seed: int = 0) -> Iterator[Picture]:
    """Yield the frames of a camera with something over it."""
    random = np.random.default_rng(seed)
    for _ in range(round(seconds * RATE)):
        yield noisy(np.full((HEIGHT, WIDTH, 3), 10, np.uint8), random)


def noisy(picture: Picture, random: np.random.Generator, light: float = 0.0) -> Picture:
    """Return a picture as a sensor gives it: noise of about three levels."""
    grain = np.floor(random.normal(light, 3, (HEIGHT // 2, WIDTH // 2))).astype(np.int16)
    grain = cv2.resize(grain, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
    return cv2.add(picture, cv2.merge([grain, grain, grain]), dtype=cv2.CV_8U)


def write(
    path: Path,
    pictures: Iterable[Picture],
    *,
    sound: bool = True,
    key_every: int = KEY_EVERY,
    codec: str = "libvpx",
    bit_rate: int = 1_500_000,
    options: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write the pictures (BGR, all of one size) at RATE with a quiet hum.

    `codec` is `libvpx` (into WebM) or `libx264` (into MP4); `options` are further ones for it.
    """
    with av.open(str(path), "w") as container:
        video: Any = None
        audio: Any = None
        if sound:
            audio = container.add_stream("libopus", rate=SAMPLE_RATE, layout="stereo")
        for index, picture in enumerate(pictures):
            if video is None:
                video = container.add_stream(
                    codec, rate=RATE, options={**_OPTIONS[codec], **options}
                )
                video.height, video.width = picture.shape[:2]
                video.pix_fmt = "yuv420p"
                video.bit_rate = bit_rate
                video.gop_size = key_every
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = index, fractions.Fraction(1, RATE)
            container.mux(video.encode(frame))
            if audio is not None:
                container.mux(audio.encode(_hum(index)))
        container.mux(video.encode(None))
        if audio is not None:
            container.mux(audio.encode(None))


def _hum(index: int) -> av.AudioFrame:
    count = SAMPLE_RATE // RATE
    at = np.arange(index * count, (index + 1) * count)
    wave = (np.sin(2 * np.pi * 100 * at / SAMPLE_RATE) * 60).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(np.repeat(wave, 2)[None, :], format="s16", layout="stereo")
    frame.sample_rate, frame.pts = SAMPLE_RATE, index * count
    return frame
