"""How a face looks, small and upright: whether it was seen like this when it was compared.

Comparing faces is dear. A face that looks like one that was just found to be the candidate's is
theirs until the next comparison in turn; one that looks like none of them is compared at once. This
says nothing of who somebody is: who looks alike is found in turn.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from proctorhub.vision.pictures import Luma

if TYPE_CHECKING:
    from proctorhub.plugins import Image

Box = tuple[float, float, float, float]

#: Pixels of a view to each side, and points of the picture to each side of a pixel of it.
SIDE, POINTS = 16, 2
#: How much of the picture it shows, in sizes of the face's box.
REACH = 1.2
#: Views further apart than this are of different people, poses or light: 1 less their correlation.
#: Of six people 1.2 % of innocent looks are further from all kept ones, strangers all.
UNLIKE = 0.35
#: So many views are kept, the newest.
KEPT = 16
#: Added to the deviation of a view, so that the noise of a dark one is not made large.
_FLOOR = 4.0


def none() -> Luma:
    """Return no views."""
    return np.zeros((0, SIDE * SIDE), np.uint8)


def view(image: Image, box: Box, roll: float) -> Luma:
    """Return a face (`box` in pixels, `roll` degrees as FaceGeometry has it), (256,)."""
    x1, y1, x2, y2 = box
    count = SIDE * POINTS
    reach = max(x2 - x1, y2 - y1) * REACH / 2
    along = np.linspace(-reach, reach, count, dtype=np.float32)
    cos, sin = math.cos(math.radians(roll)), math.sin(math.radians(roll))
    across, down = along[None, :], along[:, None]
    x = (x1 + x2) / 2 + cos * across - sin * down
    y = (y1 + y2) / 2 + sin * across + cos * down
    high, wide = image.shape[:2]
    columns = np.clip(np.rint(x), 0, wide - 1).astype(np.intp)
    rows = np.clip(np.rint(y), 0, high - 1).astype(np.intp)
    # Green is nearly luma.
    blocks = image[rows, columns, 1].reshape(SIDE, POINTS, SIDE, POINTS)
    return np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8).ravel()


def unlike(one: Luma, kept: Luma) -> bool:
    """Tell whether a view is like none of those kept, (n, 256)."""
    if not len(kept):
        return True
    return bool(1 - float((_normal(kept) @ _normal(one)).max()) > UNLIKE)


def keep(one: Luma, kept: Luma) -> Luma:
    """Return the views with one more, the newest first."""
    return np.concatenate([one.reshape(1, -1), kept])[:KEPT]


def _normal(seen: Luma) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    values = seen.astype(np.float32)
    values -= values.mean(axis=-1, keepdims=True)
    scale = values.std(axis=-1, keepdims=True) + _FLOOR
    found: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = values / (scale * SIDE)
    return found
