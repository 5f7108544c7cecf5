"""Every vision backend with pictures of what it takes for faces; each is made once for the run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from proctorhub.plugins import VisionBackend, load
from proctorhub.services import models
from tests import vision_faces
from tests.contracts.vision import toy_pack


@dataclass(frozen=True)
class Sight:
    """A backend, portraits of different people, a picture of two people and one of nobody.

    The two are `portraits[0]`'s person and another; `shifted` and `dimmed` are the first portrait
    again, a little moved and a little darker.
    """

    backend: VisionBackend
    portraits: list[vision_faces.Picture]
    dimmed: vision_faces.Picture
    two: vision_faces.Picture
    nobody: vision_faces.Picture


def mediapipe(folder: Path) -> Sight:
    astronaut, hopper = vision_faces.person("astronaut"), vision_faces.person("hopper")
    return Sight(
        backend=load("vision", "mediapipe")({}, folder),
        portraits=[someone.picture for someone in vision_faces.people()],
        dimmed=(astronaut.picture * 0.8).astype("uint8"),
        two=vision_faces.with_visitor(astronaut, hopper, 91),
        nobody=vision_faces.room(),
    )


def insightface_with_toy_models(folder: Path) -> Sight:
    pack = toy_pack.make(folder / "downloaded")
    found = models.recognise(folder / "downloaded", {"insightface": [pack]})
    models.install(found, folder, "a test")
    plugin = type("WithToyModels", (load("vision", "insightface"),), {"known": [pack]})
    return Sight(
        backend=plugin({"pack": "toy"}, folder),
        portraits=[toy_pack.picture(person) for person in range(8)],
        dimmed=(toy_pack.picture(0) * 0.9).astype("uint8"),
        two=toy_pack.picture(0, 1),
        nobody=toy_pack.picture(),
    )


@pytest.fixture(scope="session", params=[mediapipe, insightface_with_toy_models])
def sight(request, tmp_path_factory) -> Sight:
    return request.param(tmp_path_factory.mktemp(request.param.__name__))


@pytest.fixture
def backend(sight) -> VisionBackend:
    return sight.backend
