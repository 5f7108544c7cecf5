"""The InsightFace packs that may be installed, and the check of one that is.

The hashes are those of the files of InsightFace's release v0.7 as several public repositories give
them. Only what finds, measures and recognises faces is installed: nothing here guesses a person's
age or sex.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from proctorhub.plugins import API_VERSION, MODEL_RECORD, ModelPack, PluginError, model_folder

PLUGIN = "insightface"

LICENCE = (
    "InsightFace's pretrained models are for non-commercial research purposes only; this holds for "
    "models you download yourself as well. A licence for other use comes from InsightFace."
)
LICENCE_URL = "https://github.com/deepinsight/insightface#license"

BUFFALO_L = ModelPack(
    name="buffalo_l",
    licence=LICENCE,
    licence_url=LICENCE_URL,
    files={
        "det_10g.onnx": "5838f7fe053675b1c7a08b633df49e7af5495cee0493c7dcf6697200b85b5b91",
        "w600k_r50.onnx": "4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43",
        "1k3d68.onnx": "df5c06b8a0c12e422b2ed8947b8869faa4105387f199c477af038aa01f9a45cc",
    },
    unused={
        "2d106det.onnx": "f001b856447c413801ef5c42091ed0cd516fcd21f2d6b79635b1e733a7109dbf",
        "genderage.onnx": "4fde69b1c810857b88c64a335084f1c3fe8f01246c9a191b48c7bb756d6652fb",
    },
)


class InsightFacePacks:
    """A `ModelCatalogue`; see there."""

    api_version = API_VERSION
    packs = (BUFFALO_L,)


def checked_folder(pack: ModelPack, data_dir: Path) -> Path:
    """Return the folder of an installed pack, every file of which is the known one.

    Raises PluginError when the pack is missing or another, when files were added to it, or when
    nobody accepted its licence. InsightFace itself would load changed files without a word, and
    would try to download a missing pack.
    """
    folder = model_folder(data_dir, PLUGIN, pack.name)
    if not folder.is_dir():
        raise PluginError(
            f"the InsightFace pack {pack.name} is not installed in {folder.parent} "
            "(proctorhub models install PACK.zip)"
        )
    if not (folder / MODEL_RECORD).is_file():
        raise PluginError(
            f"nobody accepted the licence of the models in {folder}: "
            "remove the folder and use `proctorhub models install`"
        )
    there = {file.name for file in folder.glob("*.onnx")}
    for name in sorted(there ^ set(pack.files)):
        state = "is not part of the pack" if name in there else "is missing"
        raise PluginError(f"{folder / name} {state} {pack.name}")
    for name, expected in pack.files.items():
        if _sha256(folder / name) != expected:
            raise PluginError(f"{folder / name} is not the file of {pack.name}: it was changed")
    return folder


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
