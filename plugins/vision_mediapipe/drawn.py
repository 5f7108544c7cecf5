"""A drawn face: the first picture that a new backend looks at, to see that it can see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from proctorhub.plugins import Image

SIDE_PX = 256


def face() -> Image:
    """Return a square BGR picture that is filled by one simple face."""
    picture = np.full((SIDE_PX, SIDE_PX, 3), 200, np.uint8)

    def ellipse(centre: tuple[int, int], axes: tuple[int, int], bgr: tuple[int, int, int]) -> None:
        cv2.ellipse(picture, centre, axes, 0, 0, 360, bgr, -1)

    ellipse((128, 118), (78, 98), (40, 50, 60))  # hair
    ellipse((128, 132), (66, 86), (150, 180, 225))
    for x in (102, 154):
        ellipse((x, 116), (14, 8), (240, 240, 240))
        ellipse((x, 116), (7, 7), (40, 40, 60))
        ellipse((x, 98), (18, 4), (40, 50, 60))
    ellipse((128, 146), (9, 14), (120, 150, 200))  # nose
    ellipse((128, 180), (26, 8), (90, 90, 190))  # mouth
    return cv2.GaussianBlur(picture, (0, 0), 1.5)
