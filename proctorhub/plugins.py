"""Plugin contracts and the entry-point loader.

A plugin is a class named by an entry point of one of the groups below. The core asks for a
plugin by the name the settings give and never imports one itself. Stores and connectors are made
with `(options, data_dir)`: their own section of the settings (`[plugins.NAME]`), which they
check themselves (`PluginError`), and the folder for their data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]
    Embedding = NDArray[np.float32]
    Samples = NDArray[np.float32]

API_VERSION = 1

GROUPS = {
    "auth": "proctorhub.auth",
    "connector": "proctorhub.connectors",
    "database": "proctorhub.databases",
    "models": "proctorhub.models",
    "storage": "proctorhub.storage",
    "vision": "proctorhub.vision",
}


class PluginError(Exception):
    """A plugin that is missing or speaks another API version."""


@dataclass(frozen=True)
class BlobStat:
    """Size in bytes and lower-case hex SHA-256 of a stored blob."""

    size: int
    sha256: str


class BlobNotFound(Exception):
    """There is no blob under this key."""


class BlobRefused(Exception):
    """The store did not take the blob: size or SHA-256 differ from what was promised."""


@runtime_checkable
class BlobStore(Protocol):
    """Keeps immutable blobs under slash-separated keys."""

    api_version: int

    def put(self, key: str, stream: BinaryIO, *, size: int, sha256: str) -> BlobStat:
        """Store the whole stream durably, or nothing. Raises BlobRefused on a mismatch."""

    def get(self, key: str, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield the bytes of `[start, start+length)`. Raises BlobNotFound."""

    def stat(self, key: str) -> BlobStat:
        """Raises BlobNotFound."""

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the keys under a prefix, sorted."""

    def delete(self, key: str) -> bool:
        """Remove a blob; False when there was none."""


@dataclass(frozen=True)
class SignedOn:
    """Who an authenticator says is at the door."""

    login: str


@runtime_checkable
class Authenticator(Protocol):
    """One way to sign on with a form; returns None for a wrong answer."""

    api_version: int
    label: str

    def hash_secret(self, secret: str) -> str:
        """Return what may be stored of a secret."""

    def check_secret(self, secret: str, stored: str) -> bool:
        """Tell whether the secret is the one behind `stored`."""


class DeliveryFailed(Exception):
    """The other side did not take a message; `permanent` says that trying again is pointless."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


@runtime_checkable
class Connector(Protocol):
    """Tells one LMS (or any other system) what happened."""

    api_version: int

    @property
    def configured(self) -> bool:
        """Tell whether the operator gave it what it needs."""

    def send_verdict(self, message_id: str, payload: Mapping[str, Any]) -> None:
        """Deliver one conclusion; `message_id` is the idempotency key. Raises DeliveryFailed."""

    def send_event(self, message_id: str, payload: Mapping[str, Any]) -> None:
        """Deliver other news, named by `payload["type"]`, in the same way. Raises DeliveryFailed.

        News that the other system has no use for are taken and dropped.
        """


@runtime_checkable
class Database(Protocol):
    """Starts a private MongoDB-compatible server for a single machine."""

    api_version: int

    def command(self, db_path: Path, socket_path: Path) -> Sequence[str]:
        """Return the argv of the server process."""

    def backup_command(self, db_path: Path, to: Path) -> Sequence[str]:
        """Return the argv that copies the database, in use or not, to the new file `to`."""

    def uri(self, socket_path: Path) -> str:
        """Return the `mongodb://` URI of that server."""


class Capability(StrEnum):
    """What a vision backend may be able to do."""

    DETECT = "detect"
    POSE = "pose"
    EYES = "eyes"
    IRIS = "iris"
    EMBED = "embed"
    OCR = "ocr"
    SPEECH = "speech"


@dataclass(frozen=True)
class Face:
    """A face in a picture: box in pixels (x1, y1, x2, y2) and score from 0 to 1.

    `marks` are points that the backend noted when it found the face and uses again to measure or
    embed it: pass a face on as it came. A face without marks is looked for again.
    """

    box: tuple[float, float, float, float]
    score: float
    marks: tuple[tuple[float, float], ...] = ()

    @property
    def area(self) -> float:
        """The box's area in square pixels."""
        x1, y1, x2, y2 = self.box
        return (x2 - x1) * (y2 - y1)


@dataclass(frozen=True)
class FaceGeometry:
    """Where a face points, in degrees from the camera's axis, and what its eyes do.

    `yaw` is positive when the person turns to their own left, `pitch` positive downwards, `roll`
    positive when the head tilts to its own left shoulder. `eyes` is the eye aspect ratio (left,
    right; the person's own), `iris` the iris' place between the corners (0 to 1, picture's left
    corner = 0). What the backend does not measure is None.
    """

    yaw: float
    pitch: float
    roll: float
    eyes: tuple[float, float] | None = None
    iris: tuple[float, float] | None = None


@dataclass(frozen=True)
class TextLine:
    """A line of text read from a picture: text, confidence from 0 to 1, box in pixels."""

    text: str
    confidence: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class MatchThresholds:
    """Distances in one embedding space: same person up to `accept`, another from `reject`.

    `false_match_rate` is the share of different people that `accept` takes for the same, or a bound
    of it, as stated by `source` (a published figure or a measurement, and of what). While somebody
    is watched, faces that the detector is less sure of than `least_score` are not compared.
    """

    accept: float
    reject: float
    false_match_rate: float
    source: str
    least_score: float = 0.0


@runtime_checkable
class VisionBackend(Protocol):
    """Measures pictures and sound; knows nothing about conduct or thresholds of rules.

    Made with `(options, data_dir)`; making it loads the models and raises PluginError when one is
    missing or not the known one. Pictures are BGR, uint8, (height, width, 3), not empty; what is
    none raises ValueError (`require_picture`). The same picture gives the same values. Only methods
    of declared capabilities are called; the others raise NotImplementedError. One process has one
    instance and calls it from one thread at a time; `read_text`, which is slow, from another
    meanwhile.
    """

    api_version: int

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What this backend can do, as installed."""

    @property
    def space_id(self) -> str | None:
        """The embedding space; None without EMBED. Two spaces are never compared."""

    @property
    def match_thresholds(self) -> MatchThresholds | None:
        """The thresholds that belong to the space; None without EMBED."""

    @property
    def model_sha256(self) -> Mapping[Capability, str]:
        """SHA-256 of the model behind each capability.

        Where several files work together: the SHA-256 of their SHA-256s (`joint_sha256`).
        """

    def detect(self, batch: Sequence[Image]) -> list[list[Face]]:
        """Return the faces of each picture, highest score first.

        Faces of score 0.5 and more are given; who needs to be surer asks for more. The largest
        face, not the surest, is the person in front of the camera.
        """

    def geometry(self, image: Image, face: Face) -> FaceGeometry | None:
        """Return pose, eyes and iris of a face; None when it cannot be told."""

    def embed(self, image: Image, face: Face) -> Embedding | None:
        """Return the face's embedding, float32; None when the face is unusable."""

    def distance(self, one: Embedding, other: Embedding) -> float:
        """Return the distance of two embeddings of this space; smaller is more alike."""

    def read_text(self, image: Image) -> list[TextLine]:
        """Return the lines of text, from top to bottom."""

    def speech_seconds(self, samples: Samples) -> float:
        """Return how many seconds of mono float32 samples at 16 kHz are speech."""


@dataclass(frozen=True)
class ModelPack:
    """Models that an operator brings along, because they may not be distributed with ProctorHub.

    `files` maps the name of each file that is installed to its SHA-256 (lower-case hex); `unused`
    has those of the published pack that are left out. `licence` is what the operator accepts.
    """

    name: str
    licence: str
    licence_url: str
    files: Mapping[str, str]
    unused: Mapping[str, str]


@runtime_checkable
class ModelCatalogue(Protocol):
    """The packs that `proctorhub models install` may install for a vision plugin of the same name.

    They go to `model_folder(data_dir, plugin, pack)`; `data_dir` is what the plugin is made with.
    """

    api_version: int
    packs: Sequence[ModelPack]


MODEL_RECORD = "ACCEPTED.json"  # beside the models: who accepted the licence, and when


def model_folder(data_dir: Path, plugin: str, pack: str) -> Path:
    """Return the folder of an installed pack of models."""
    return data_dir.absolute() / "models" / plugin / pack


def require_picture(picture: Image) -> None:
    """Raise ValueError unless this is a picture as `VisionBackend` takes them."""
    shape = tuple(picture.shape)
    if str(picture.dtype) != "uint8" or len(shape) != 3 or shape[2] != 3 or 0 in shape:
        raise ValueError(
            f"a picture is uint8 of shape (height, width, 3), not {picture.dtype} of {shape}"
        )


def joint_sha256(hashes: Sequence[str]) -> str:
    """Return one SHA-256 for one or more model files, given theirs in lower-case hex."""
    if len(hashes) == 1:
        return hashes[0]
    return hashlib.sha256("".join(hashes).encode("ascii")).hexdigest()


def names(kind: str) -> list[str]:
    """Return the names of the installed plugins of one kind."""
    return sorted(point.name for point in entry_points(group=GROUPS[kind]))


def load(kind: str, name: str) -> Any:
    """Return the plugin class `name` of one kind. Raises PluginError."""
    for point in entry_points(group=GROUPS[kind]):
        if point.name == name:
            plugin = point.load()
            if plugin.api_version != API_VERSION:
                raise PluginError(
                    f"the {kind} plugin {name!r} speaks API {plugin.api_version}, "
                    f"this ProctorHub speaks {API_VERSION}"
                )
            return plugin
    known = ", ".join(names(kind)) or "none"
    raise PluginError(f"there is no {kind} plugin {name!r} (installed: {known})")
