"""The 478 points of one face: MediaPipe's face mesh with irises, on a crop around the face."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import mediapipe
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from proctorhub.plugins import Face, Image

    Points = NDArray[np.float64]

MARGIN = 2.2  # side of the square crop, in lengths of the face's longer side
SIDE_PX = 384  # the crop is scaled to this: the mesh itself looks at 192 pixels of face
MIN_SCORE = 0.5


class Mesh:
    """Measures a face that was found before.

    Each picture is looked at for itself (no tracking), so the same picture gives the same points.
    """

    def __init__(self) -> None:
        self._graph = mediapipe.solutions.face_mesh.FaceMesh(
            static_image_mode=True,
            max_num_faces=1,
            refine_landmarks=True,
            min_detection_confidence=MIN_SCORE,
        )

    def points(self, image: Image, face: Face) -> Points | None:
        """Return the points (478, 3) in pixels of a BGR picture, z towards the back, or None."""
        x1, y1, x2, y2 = face.box
        side = MARGIN * max(x2 - x1, y2 - y1)
        if not side >= 1:
            return None
        scale = SIDE_PX / side
        left, top = (x1 + x2 - side) / 2, (y1 + y2 - side) / 2
        place = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])
        crop = cv2.warpAffine(
            image,
            place,
            (SIDE_PX, SIDE_PX),
            flags=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        meshes = self._graph.process(cv2.cvtColor(crop, cv2.COLOR_BGR2RGB)).multi_face_landmarks
        if not meshes:
            return None
        points = np.array([(p.x, p.y, p.z) for p in meshes[0].landmark]) * side
        return points + np.array([left, top, 0.0])
