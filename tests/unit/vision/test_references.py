"""The approved face as a reference: only a face seen straight says who somebody is."""

from __future__ import annotations

import pytest

from proctorhub.records import files
from proctorhub.vision.composition import Composition
from proctorhub.vision.references import References
from tests import vision_backends
from tests.vision_faces import Picture, jpeg, person, photograph


@pytest.fixture
def backends() -> Composition:
    return vision_backends.embedded()


def approved(picture: Picture, name: str) -> str:
    files.save(name, jpeg(picture, 90).tobytes(), content_type="image/jpeg", owner="s")
    return name


@pytest.mark.usefixtures("database")
def test_a_face_seen_straight_is_a_reference(backends: Composition) -> None:
    found = References(backends).of("s", approved(person("hopper").picture, "straight"))
    assert found is not None and found.space_id == backends.space_id


@pytest.mark.usefixtures("database")
def test_a_face_in_profile_is_none_and_accuses_nobody(backends: Composition) -> None:
    assert References(backends).of("s", approved(person("group5").picture, "profile")) is None


@pytest.mark.usefixtures("database")
def test_neither_is_a_picture_without_a_face_or_none_at_all(backends: Composition) -> None:
    page = photograph("skimage", "data/page.png")
    assert References(backends).of("s", approved(page, "page")) is None
    assert References(backends).of("s", None) is None
