"""A camera in Chromium that shows what a test wants it to show, from now on.

Chromium reads a Y4M file frame by frame and begins again at its end. This file has one frame, and a
thread writes it anew with fresh grain, as a sensor gives it; so no two pictures are alike.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from tests.vision_faces import Picture

SIZE = (1280, 720)
RATE = 15
GRAIN = 3
_HEAD = f"YUV4MPEG2 W{SIZE[0]} H{SIZE[1]} F{RATE}:1 Ip A1:1 C420jpeg\n".encode()


class LiveCamera:
    """Shows one picture after another; the last one stays."""

    def __init__(self, path: Path, picture: Picture) -> None:
        self.path = path
        self._random = np.random.default_rng(0)
        self._grain = self._random.normal(0, GRAIN, SIZE[0] * SIZE[1] * 2).astype(np.int16)
        self._queue: list[tuple[float, Picture]] = []
        self._lock = threading.Lock()
        self._now = _planes(picture)
        path.write_bytes(_HEAD + b"FRAME\n" + self._frame())
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def arguments(self) -> Sequence[str]:
        """What a Chromium needs to have this camera."""
        return [f"--use-file-for-fake-video-capture={self.path}"]

    def show(self, *pictures: Picture, each_s: float = 0.15) -> None:
        """Show these one after the other, each for so long."""
        now = time.monotonic()
        with self._lock:
            self._queue = [(now + n * each_s, picture) for n, picture in enumerate(pictures)]

    def close(self) -> None:
        """Stop."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with self.path.open("r+b") as file:
            while not self._stop.wait(1 / (RATE + 3)):
                with self._lock:
                    due = [p for at, p in self._queue if at <= time.monotonic()]
                    self._queue = self._queue[len(due) :]
                if due:
                    self._now = _planes(due[-1])
                file.seek(len(_HEAD) + len(b"FRAME\n"))
                file.write(self._frame())
                file.flush()

    def _frame(self) -> bytes:
        bright, colours = self._now
        start = int(self._random.integers(len(self._grain) - len(bright)))
        grainy = bright + self._grain[start : start + len(bright)]
        return np.clip(grainy, 0, 255).astype(np.uint8).tobytes() + colours


def _planes(picture: Picture) -> tuple[np.ndarray, bytes]:
    yuv = cv2.cvtColor(filling(picture), cv2.COLOR_BGR2YUV_I420).ravel()
    pixels = SIZE[0] * SIZE[1]
    return yuv[:pixels].astype(np.int16), yuv[pixels:].tobytes()


def filling(picture: Picture) -> Picture:
    """Return a picture in the camera's size, its edges drawn out where it is narrower."""
    width, height = SIZE
    if picture.shape[:2] == (height, width):
        return picture
    wide = round(picture.shape[1] * height / picture.shape[0])
    scaled = cv2.resize(picture, (wide, height), interpolation=cv2.INTER_CUBIC)
    side = (width - wide) // 2
    return cv2.copyMakeBorder(scaled, 0, 0, side, width - wide - side, cv2.BORDER_REPLICATE)
