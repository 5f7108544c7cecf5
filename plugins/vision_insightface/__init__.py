"""A vision backend on InsightFace, on processors or NVIDIA GPUs, with a pack the operator installs.

It finds faces, tells where they point and tells them apart. Eyes, irises, text and speech are left
to another backend.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from proctorhub_plugins.vision_insightface import packs, settings

from proctorhub.plugins import (
    API_VERSION,
    Capability,
    Face,
    FaceGeometry,
    MatchThresholds,
    ModelPack,
    PluginError,
    TextLine,
    require_picture,
)

if TYPE_CHECKING:
    from proctorhub.plugins import Embedding, Image, Samples


class InsightFaceVision:
    """A `VisionBackend`; see there. Its options are those of `settings.Settings`."""

    api_version = API_VERSION
    known: Sequence[ModelPack] = packs.InsightFacePacks.packs

    def __init__(self, options: Mapping[str, str], data_dir: Path) -> None:
        chosen = settings.read(options)
        pack = next((pack for pack in self.known if pack.name == chosen.pack), None)
        if pack is None:
            names = ", ".join(pack.name for pack in self.known)
            raise PluginError(f"plugins.insightface.pack is one of {names}, not {chosen.pack!r}")
        if find_spec("insightface") is None:
            raise PluginError(
                "the vision plugin insightface needs packages that are not installed "
                "(make run VISION=1, or pip install 'proctorhub[insightface]')"
            )
        folder = packs.checked_folder(pack, data_dir)
        # Imported here: these libraries are an extra, and take seconds to load.
        from proctorhub_plugins.vision_insightface import engine

        self._distance = engine.distance
        self._engine = engine.Engine(folder, chosen)
        self._thresholds = chosen.thresholds
        self._sha256 = {
            capability: pack.files[self._engine.file_name(task)]
            for capability, task in engine.TASKS.items()
        }

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Those of the pack's three models."""
        return frozenset(self._sha256)

    @property
    def model_sha256(self) -> Mapping[Capability, str]:
        """As the contract says; every file was compared with the known one."""
        return self._sha256

    @property
    def space_id(self) -> str:
        """The space of this very recogniser."""
        return f"insightface-{self._sha256[Capability.EMBED][:12]}"

    @property
    def match_thresholds(self) -> MatchThresholds:
        """Cosine distances; the operator's own where given."""
        return self._thresholds

    def detect(self, batch: Sequence[Image]) -> list[list[Face]]:
        """Look at each picture for itself: the packs' detectors take one at a time."""
        for picture in batch:
            require_picture(picture)
        return [self._engine.faces(picture) for picture in batch]

    def geometry(self, image: Image, face: Face) -> FaceGeometry | None:
        """Measure where the face points."""
        require_picture(image)
        return self._engine.geometry(image, face)

    def embed(self, image: Image, face: Face) -> Embedding | None:
        """Embed the face at the points it was found with."""
        require_picture(image)
        return self._engine.embed(image, face)

    def distance(self, one: Embedding, other: Embedding) -> float:
        """Cosine distance."""
        return self._distance(one, other)

    def read_text(self, image: Image) -> list[TextLine]:
        """Not among its capabilities."""
        raise NotImplementedError("InsightFace reads no text")

    def speech_seconds(self, samples: Samples) -> float:
        """Not among its capabilities."""
        raise NotImplementedError("InsightFace hears nothing")
