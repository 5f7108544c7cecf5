"""Looking at pictures: is this the photograph that the camera showed?"""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image
from playwright.sync_api import Locator

_GRAB = """video => {
  if (!video.videoWidth) return null;
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth; canvas.height = video.videoHeight;
  canvas.getContext("2d", { willReadFrequently: true }).drawImage(video, 0, 0);
  return canvas.toDataURL("image/png").split(",")[1];
}"""
_SMALL = (32, 24)


def shown_by(video: Locator) -> np.ndarray | None:
    """Return the frame a <video> shows now, as RGB, or None between two streams."""
    grabbed = video.evaluate(_GRAB)
    if grabbed is None:
        return None
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(grabbed))).convert("RGB"))


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """Return the correlation (-1 to 1) of two pictures, brightness and size left aside.

    A picture of one shade is like none.
    """
    small = [np.asarray(Image.fromarray(p).resize(_SMALL), dtype=float).ravel() for p in (a, b)]
    if not all(np.ptp(p) for p in small):
        return 0.0
    return float(np.corrcoef(small[0], small[1])[0, 1])
