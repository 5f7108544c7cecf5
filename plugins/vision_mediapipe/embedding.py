"""Face embeddings: dlib's ResNet on a face aligned by its mesh.

Measured on pictures of eight people: the same face under other light, blur, noise, distance or
mirrored stays within 0.5, other people are 0.58 and more apart. A face whose mesh cannot be found
(too dark, too blurred) gives no embedding rather than a bad one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import dlib
import numpy as np

from proctorhub.plugins import MatchThresholds

if TYPE_CHECKING:
    from proctorhub_plugins.vision_mediapipe.mesh import Points

    from proctorhub.plugins import Embedding, Face, Image

SPACE_ID = "dlib-resnet-v1"
THRESHOLDS = MatchThresholds(
    accept=0.50,
    reject=0.60,
    false_match_rate=0.018,
    source=(
        "upper bound: dlib's author states 99.13 % on LFW at 0.60 without jitter, so at most 53 of "
        "its 3,000 pairs of different people match there, and 0.50 is stricter"
    ),
    # A hand before the mouth and a look down bring the same face as far away as another person's.
    # Whole faces scored 0.79 and more, down to a third of the light; those further away than 0.55
    # from themselves 0.78 and less.
    least_score=0.8,
)

# What dlib calls the five points: outer and inner corner of the eye on the picture's right, the
# same on its left, and the base of the nose.
_FIVE_POINTS = [263, 362, 33, 133, 2]
_CHIP_PX = 150  # the network's input
_CHIP_PADDING = 0.25  # as it was trained


class Embedder:
    """Turns an aligned face into 128 numbers."""

    def __init__(self, model: Path) -> None:
        self._network = dlib.face_recognition_model_v1(str(model))

    def embed(self, image: Image, face: Face, points: Points) -> Embedding:
        """Return the embedding of a face of a BGR picture, given its mesh."""
        parts = dlib.points([dlib.point(round(x), round(y)) for x, y in points[_FIVE_POINTS, :2]])
        whole = dlib.full_object_detection(dlib.rectangle(*map(round, face.box)), parts)
        rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        chip = dlib.get_face_chip(rgb, whole, _CHIP_PX, _CHIP_PADDING)
        return np.array(self._network.compute_face_descriptor(chip), np.float32)


def distance(one: Embedding, other: Embedding) -> float:
    """Return the Euclidean distance, in which the thresholds are given."""
    return float(np.linalg.norm(one.astype(np.float64) - other.astype(np.float64)))
