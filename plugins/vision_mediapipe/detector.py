"""Faces in a picture: MediaPipe's short-range detector, with a second look for small faces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import cv2
import mediapipe

from proctorhub.plugins import Face

if TYPE_CHECKING:
    from proctorhub.plugins import Image

MIN_SCORE = 0.5  # of a face that fills a good part of the picture
MIN_SCORE_SMALL = 0.65  # of one that only a tile shows: no false face in 85 pictures without any
TILE_SHARE = 0.6  # of the picture's sides; the four tiles overlap, so no face is cut by all of them
SAME_FACE_IOU = 0.3
SAME_FACE_INSIDE = 0.5  # of the smaller box

Box = tuple[float, float, float, float]


class Detector:
    """Finds faces down to about a twelfth of the picture's width."""

    def __init__(self) -> None:
        self._graph = mediapipe.solutions.face_detection.FaceDetection(
            model_selection=0, min_detection_confidence=MIN_SCORE
        )

    def faces(self, image: Image) -> list[Face]:
        """Return the faces of a BGR picture, highest score first."""
        rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        found = list(self._look(rgb))
        height, width = rgb.shape[:2]
        tile_height, tile_width = round(height * TILE_SHARE), round(width * TILE_SHARE)
        for y in (0, height - tile_height):
            for x in (0, width - tile_width):
                tile = rgb[y : y + tile_height, x : x + tile_width]
                for face in self._look(tile, x, y):
                    if face.score >= MIN_SCORE_SMALL:
                        _add(found, face)
        return sorted(found, key=lambda face: -face.score)

    def _look(self, rgb: Image, left: int = 0, top: int = 0) -> Iterator[Face]:
        height, width = rgb.shape[:2]
        for detection in self._graph.process(rgb).detections or ():
            box = detection.location_data.relative_bounding_box
            x, y = left + box.xmin * width, top + box.ymin * height
            yield Face((x, y, x + box.width * width, y + box.height * height), detection.score[0])


def _add(found: list[Face], face: Face) -> None:
    """Add a face, unless it was found before: then the surer score goes to the earlier box."""
    for place, known in enumerate(found):
        if _same(known.box, face.box):
            found[place] = Face(known.box, max(known.score, face.score))
            return
    found.append(face)


def _same(one: Box, other: Box) -> bool:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return False
    shared = width * height
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return shared >= SAME_FACE_IOU * (sum(areas) - shared) or shared >= SAME_FACE_INSIDE * min(
        areas
    )
