"""The embedded vision backend: works offline once its packages are installed, on any processor.

MediaPipe finds and measures faces, dlib tells them apart, RapidOCR reads, Silero hears speech. Each
capability is there when its packages are; they are those of the extra `vision`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from proctorhub_plugins.vision_mediapipe import models, native

from proctorhub.plugins import (
    API_VERSION,
    Capability,
    Face,
    FaceGeometry,
    MatchThresholds,
    PluginError,
    TextLine,
    require_picture,
)

if TYPE_CHECKING:
    from proctorhub.plugins import Embedding, Image, Samples


class MediaPipeVision:
    """A `VisionBackend`; see there. It has no options."""

    api_version = API_VERSION

    def __init__(self, options: Mapping[str, str], data_dir: Path) -> None:
        if options:
            raise PluginError(f"the vision plugin mediapipe has no option {min(options)!r}")
        can = models.installed()
        if not can:
            raise PluginError(
                "the vision plugin mediapipe needs packages that are not installed "
                "(make run VISION=1, or pip install 'proctorhub[vision]')"
            )
        self._sha256 = {capability: models.checked_sha256(capability) for capability in can}
        with native.loading():
            self._load()

    def _load(self) -> None:
        # Imported here: these libraries are an extra, and take a second to load.
        if Capability.DETECT in self.capabilities:
            from proctorhub_plugins.vision_mediapipe import drawn, eyes, pose
            from proctorhub_plugins.vision_mediapipe.detector import Detector
            from proctorhub_plugins.vision_mediapipe.mesh import Mesh

            self._detector, self._mesh, self._pose, self._eyes = Detector(), Mesh(), pose, eyes
            picture = drawn.face()
            faces = self._detector.faces(picture)
            if not faces or self._mesh.points(picture, faces[0]) is None:
                raise PluginError("the vision plugin mediapipe does not find a face where one is")
        if Capability.EMBED in self.capabilities:
            from proctorhub_plugins.vision_mediapipe import embedding

            self._embedding = embedding
            self._embedder = embedding.Embedder(models.EMBEDDING.file)
        if Capability.OCR in self.capabilities:
            from proctorhub_plugins.vision_mediapipe.text import TextReader

            self._text = TextReader()
        if Capability.SPEECH in self.capabilities:
            from proctorhub_plugins.vision_mediapipe.speech import SpeechDetector

            self._speech = SpeechDetector(models.SPEECH.file)

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Those whose packages are installed."""
        return frozenset(self._sha256)

    @property
    def model_sha256(self) -> Mapping[Capability, str]:
        """As the contract says; every file was compared with the known one."""
        return self._sha256

    @property
    def space_id(self) -> str | None:
        """The space of dlib's ResNet."""
        return self._embedding.SPACE_ID if Capability.EMBED in self.capabilities else None

    @property
    def match_thresholds(self) -> MatchThresholds | None:
        """The thresholds of that space."""
        return self._embedding.THRESHOLDS if Capability.EMBED in self.capabilities else None

    def detect(self, batch: Sequence[Image]) -> list[list[Face]]:
        """Look at each picture as a whole and in four overlapping parts."""
        self._require(Capability.DETECT)
        for picture in batch:
            require_picture(picture)
        return [self._detector.faces(picture) for picture in batch]

    def geometry(self, image: Image, face: Face) -> FaceGeometry | None:
        """Measure the face's mesh."""
        self._require(Capability.POSE)
        require_picture(image)
        points = self._mesh.points(image, face)
        if points is None:
            return None
        yaw, pitch, roll = self._pose.head_pose(points)
        return FaceGeometry(
            yaw, pitch, roll, self._eyes.openness(points), self._eyes.iris_places(points)
        )

    def embed(self, image: Image, face: Face) -> Embedding | None:
        """Embed the face; None when it has no mesh."""
        self._require(Capability.EMBED)
        require_picture(image)
        points = self._mesh.points(image, face)
        return None if points is None else self._embedder.embed(image, face, points)

    def distance(self, one: Embedding, other: Embedding) -> float:
        """Euclidean distance."""
        self._require(Capability.EMBED)
        return self._embedding.distance(one, other)

    def read_text(self, image: Image) -> list[TextLine]:
        """Read printed text."""
        self._require(Capability.OCR)
        require_picture(image)
        return self._text.lines(image)

    def speech_seconds(self, samples: Samples) -> float:
        """Hear speech, in steps of 32 ms."""
        self._require(Capability.SPEECH)
        return self._speech.seconds(samples)

    def _require(self, capability: Capability) -> None:
        if capability not in self._sha256:
            raise NotImplementedError(f"{capability} is not installed")
