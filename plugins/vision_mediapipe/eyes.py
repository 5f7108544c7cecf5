"""Eyes on the face mesh: how far they are open and where the irises look.

The eye aspect ratio is that of Soukupová and Čech, "Real-Time Eye Blink Detection using Facial
Landmarks" (CVWW 2016), equation 1. Open eyes give 0.20 to 0.34, closed ones 0.12 or less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from proctorhub_plugins.vision_mediapipe.mesh import Points


@dataclass(frozen=True)
class _Eye:
    """Indices into the mesh: corners as the picture shows them, lids above and below, iris."""

    corners: tuple[int, int]
    upper: tuple[int, int]
    lower: tuple[int, int]
    iris: int


_LEFT = _Eye(corners=(362, 263), upper=(385, 387), lower=(380, 373), iris=473)
_RIGHT = _Eye(corners=(33, 133), upper=(160, 158), lower=(144, 153), iris=468)


def openness(points: Points) -> tuple[float, float]:
    """Return the eye aspect ratios (the person's left, right)."""
    return _aspect_ratio(points[:, :2], _LEFT), _aspect_ratio(points[:, :2], _RIGHT)


def iris_places(points: Points) -> tuple[float, float]:
    """Return where the irises are between the corners (the person's left, right).

    0 is the corner on the picture's left, 1 the one on its right.
    """
    return _iris_place(points[:, :2], _LEFT), _iris_place(points[:, :2], _RIGHT)


def _aspect_ratio(points: Points, eye: _Eye) -> float:
    heights = [
        np.linalg.norm(points[above] - points[below])
        for above, below in zip(eye.upper, eye.lower, strict=True)
    ]
    width = np.linalg.norm(points[eye.corners[0]] - points[eye.corners[1]])
    return float(sum(heights) / (2 * width))


def _iris_place(points: Points, eye: _Eye) -> float:
    start, end = points[eye.corners[0]], points[eye.corners[1]]
    along = end - start
    return float((points[eye.iris] - start) @ along / (along @ along))
