"""InsightFace's own loading, routing, decoding and alignment, on files that were checked."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
from insightface.app import FaceAnalysis
from insightface.app.common import Face as FoundFace

from proctorhub.plugins import Capability, Face, FaceGeometry, PluginError

if TYPE_CHECKING:
    from proctorhub_plugins.vision_insightface.settings import Settings

    from proctorhub.plugins import Embedding, Image

TASKS = {
    Capability.DETECT: "detection",
    Capability.EMBED: "recognition",
    Capability.POSE: "landmark_3d_68",
}
MIN_SCORE = 0.5
SAME_FACE_IOU = 0.3

Box = tuple[float, float, float, float]


class Engine:
    """One loaded pack. Raises PluginError when a provider is missing or a model does not fit."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        missing = set(settings.providers) - set(onnxruntime.get_available_providers())
        if missing:
            raise PluginError(
                f"onnxruntime has no {', '.join(sorted(missing))} here "
                "(NVIDIA: pip install onnxruntime-gpu in place of onnxruntime)"
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = settings.threads
        options.inter_op_num_threads = 1
        self._models = _load(folder, list(settings.providers), options)
        side = settings.detector_px
        self._models["detection"].prepare(0, input_size=(side, side), det_thresh=MIN_SCORE)
        for task, model in self._models.items():
            used = model.session.get_providers()
            if used[0] != settings.providers[0]:
                raise PluginError(
                    f"{task} was to run on {settings.providers[0]} and would run on {used[0]}: "
                    "its driver or libraries are not usable"
                )

    def file_name(self, task: str) -> str:
        """Return the name of the file that InsightFace chose for a task."""
        return Path(self._models[task].model_file).name

    def faces(self, image: Image) -> list[Face]:
        """Return the faces of a BGR picture with their five points, highest score first."""
        boxes, points = self._models["detection"].detect(image)
        found = [
            Face(
                tuple(map(float, box[:4])),
                float(box[4]),
                tuple((float(x), float(y)) for x, y in marks),
            )
            for box, marks in zip(boxes, points, strict=True)
        ]
        return sorted(found, key=lambda face: -face.score)

    def geometry(self, image: Image, face: Face) -> FaceGeometry:
        """Return the pose that InsightFace fits to its 68 points in space.

        Its z axis points at the viewer: it counts nods upwards.
        """
        found = FoundFace(bbox=np.array(face.box, np.float32))
        self._measure("landmark_3d_68", image, found)
        up, left, tilt = (float(angle) for angle in found.pose)
        return FaceGeometry(yaw=left, pitch=-up, roll=tilt)

    def embed(self, image: Image, face: Face) -> Embedding | None:
        """Return the embedding at unit length; None for a face that is not found again."""
        marks = face.marks or self._marks(image, face.box)
        if not marks:
            return None
        found = FoundFace(
            bbox=np.array(face.box, np.float32), kps=np.array(marks, np.float32), det_score=1.0
        )
        self._measure("recognition", image, found)
        return found.normed_embedding.astype(np.float32)

    def _measure(self, task: str, image: Image, found: FoundFace) -> None:
        with warnings.catch_warnings():
            # InsightFace calls NumPy and scikit-image in ways that are deprecated.
            warnings.simplefilter("ignore", FutureWarning)
            self._models[task].get(image, found)

    def _marks(self, image: Image, box: Box) -> tuple[tuple[float, float], ...]:
        """Find the points of a face that came from elsewhere."""
        best = max(self.faces(image), key=lambda face: _overlap(face.box, box), default=None)
        return best.marks if best and _overlap(best.box, box) >= SAME_FACE_IOU else ()


def _load(folder: Path, providers: list[str], options: Any) -> dict[str, Any]:
    """Load the models of an absolute folder; with one, InsightFace downloads nothing."""
    try:
        models = FaceAnalysis(
            name=str(folder),
            allowed_modules=list(TASKS.values()),
            providers=providers,
            sess_options=options,
        ).models
    except AssertionError as error:  # what InsightFace says of a pack without a detector
        raise PluginError(f"there is no face detector among the models of {folder}") from error
    for task in TASKS.values():
        if task not in models:
            raise PluginError(f"there is no model for {task} in {folder}")
    return models


def _overlap(one: Box, other: Box) -> float:
    """Return intersection over union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0.0, width) * max(0.0, height)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return shared / (sum(areas) - shared) if shared else 0.0


def distance(one: Embedding, other: Embedding) -> float:
    """Return the cosine distance of two embeddings, from 0 to 2."""
    a, b = one.astype(np.float64), other.astype(np.float64)
    return float(1 - a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
