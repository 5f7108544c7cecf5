"""Videos of people in front of webcams, as a browser would send them: VP8 and Opus in WebM.

A still photograph comes alive a little (the head moves, the light wanders, the sensor is noisy), so
that nothing looks frozen that is not.
"""

from __future__ import annotations

import fractions
from collections.abc import Iterable, Iterator
from pathlib import Path
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
    """Yield the frames of somebody who sits there."""
    random = np.random.default_rng(seed)
    move, light = np.zeros(2), 0.0
    for _ in range(round(seconds * RATE)):
        move = 0.9 * move + random.normal(0, 1.2, 2)
        light = 0.95 * light + random.normal(0, 0.6)
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
    grain = random.normal(light, 3, (HEIGHT // 2, WIDTH // 2, 1)).astype(np.float32)
    grain = cv2.resize(grain, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)[..., None]
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


def write(
    path: Path,
    pictures: Iterable[Picture],
    *,
    sound: bool = True,
    key_every: int = KEY_EVERY,
    codec: str = "libvpx",
) -> None:
    """Write the pictures (BGR, all of one size) at RATE with a quiet hum.

    `codec` is `libvpx` (into WebM) or `libx264` (into MP4).
    """
    with av.open(str(path), "w") as container:
        video: Any = None
        audio: Any = None
        if sound:
            audio = container.add_stream("libopus", rate=SAMPLE_RATE, layout="stereo")
        for index, picture in enumerate(pictures):
            if video is None:
                video = container.add_stream(codec, rate=RATE, options=_OPTIONS[codec])
                video.height, video.width = picture.shape[:2]
                video.pix_fmt = "yuv420p"
                video.bit_rate = 1_500_000
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
