"""What every vision backend must do."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from proctorhub.plugins import Capability, Face, PluginError, VisionBackend

NO_FACE = Face((0.0, 0.0, 9.0, 9.0), 1.0)
METHODS = {
    Capability.DETECT: lambda backend, picture: backend.detect([picture]),
    Capability.POSE: lambda backend, picture: backend.geometry(picture, NO_FACE),
    Capability.EMBED: lambda backend, picture: backend.embed(picture, NO_FACE),
    Capability.OCR: lambda backend, picture: backend.read_text(picture),
    Capability.SPEECH: lambda backend, _: backend.speech_seconds(np.zeros(16_000, np.float32)),
}
TAKES_PICTURES = set(METHODS) - {Capability.SPEECH}


def faces(backend: VisionBackend, picture) -> list[Face]:
    return backend.detect([picture])[0]


def embedding(backend: VisionBackend, picture):
    return backend.embed(picture, faces(backend, picture)[0])


def test_it_keeps_the_contract(backend) -> None:
    assert isinstance(backend, VisionBackend)


@pytest.mark.parametrize("capability", METHODS)
def test_it_does_what_it_declares_and_nothing_else(backend, capability) -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    if capability in backend.capabilities:
        METHODS[capability](backend, picture)
    else:
        with pytest.raises(NotImplementedError):
            METHODS[capability](backend, picture)


def test_geometry_has_what_is_declared(sight) -> None:
    picture = sight.portraits[0]
    measured = sight.backend.geometry(picture, faces(sight.backend, picture)[0])
    assert (measured.eyes is not None) == (Capability.EYES in sight.backend.capabilities)
    assert (measured.iris is not None) == (Capability.IRIS in sight.backend.capabilities)


def test_every_capability_names_its_model(backend) -> None:
    assert set(backend.model_sha256) == set(backend.capabilities)
    assert all(re.fullmatch("[0-9a-f]{64}", value) for value in backend.model_sha256.values())


def test_an_embedding_space_has_a_name_and_thresholds(backend) -> None:
    limits = backend.match_thresholds
    assert backend.space_id
    assert 0 < limits.accept < limits.reject
    assert 0 < limits.false_match_rate < 0.05
    assert limits.source


def test_an_unknown_option_is_refused(backend, tmp_path) -> None:
    with pytest.raises(PluginError, match="colour"):
        type(backend)({"colour": "blue"}, tmp_path)


def test_one_face_for_each_portrait(sight) -> None:
    found = sight.backend.detect(sight.portraits)
    assert [len(each) for each in found] == [1] * len(sight.portraits)


def test_a_box_lies_around_the_face(sight) -> None:
    (face,) = faces(sight.backend, sight.portraits[0])
    x1, y1, x2, y2 = face.box
    blank = sight.portraits[0].copy()
    blank[int(y1) : int(y2), int(x1) : int(x2)] = 90
    assert 0.5 <= face.score <= 1
    assert faces(sight.backend, blank) == []


def test_a_picture_without_a_face(sight) -> None:
    assert faces(sight.backend, sight.nobody) == []


def test_several_faces_come_surest_first(sight) -> None:
    found = faces(sight.backend, sight.two)
    assert len(found) == 2
    assert found[0].score >= found[1].score


def test_a_batch_is_its_pictures_one_by_one(sight) -> None:
    pictures = [*sight.portraits[:3], sight.nobody, sight.two]
    assert sight.backend.detect(pictures) == [faces(sight.backend, one) for one in pictures]
    assert sight.backend.detect([]) == []


def test_the_same_picture_gives_the_same_values(sight) -> None:
    backend, looks = sight.backend, []
    _, data = cv2.imencode(".jpg", sight.portraits[0])
    for other in sight.portraits[1:3]:
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
        (face,) = faces(backend, picture)
        looks.append((face, backend.geometry(picture, face), embedding(backend, picture).tolist()))
        backend.geometry(other, faces(backend, other)[0])  # what was seen between leaves no trace
    assert looks[0] == looks[1]


def test_a_picture_is_left_as_it_was(sight) -> None:
    picture = sight.portraits[0].copy()
    for face in faces(sight.backend, picture):
        sight.backend.geometry(picture, face)
        sight.backend.embed(picture, face)
    assert np.array_equal(picture, sight.portraits[0])


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((0, 0, 3), np.uint8),
        np.zeros((480, 0, 3), np.uint8),
        np.zeros((480, 640), np.uint8),
        np.zeros((480, 640, 1), np.uint8),
        np.zeros((480, 640, 4), np.uint8),
        np.zeros((480, 640, 3), np.float32),
    ],
    ids=["empty", "no width", "grey", "one channel", "alpha", "floats"],
)
def test_what_is_no_picture_is_refused(backend, picture) -> None:
    for capability in backend.capabilities & TAKES_PICTURES:
        with pytest.raises(ValueError, match="a picture is uint8"):
            METHODS[capability](backend, picture)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 640), (16, 16), (3000, 4000)])
def test_pictures_of_any_size(backend, size) -> None:
    assert faces(backend, np.full((*size, 3), 90, np.uint8)) == []


def test_a_picture_that_is_a_part_of_another(sight) -> None:
    wide = np.full((480, 1280, 3), 90, np.uint8)
    wide[:, 320:960] = sight.portraits[0]
    view = wide[:, 320:960]
    assert not view.flags.c_contiguous
    assert faces(sight.backend, view) == faces(sight.backend, sight.portraits[0])


@pytest.mark.parametrize(
    "box", [(-50, -50, -10, -10), (600, 440, 900, 700), (10, 10, 10, 10), (50, 50, 20, 20)]
)
def test_a_box_where_no_face_is(sight, box) -> None:
    face = Face(tuple(map(float, box)), 1.0)
    assert sight.backend.embed(sight.nobody, face) is None


def test_a_face_without_marks_gives_the_same_embedding(sight) -> None:
    picture = sight.portraits[0]
    (face,) = faces(sight.backend, picture)
    again = sight.backend.embed(picture, Face(face.box, face.score))
    assert np.array_equal(again, sight.backend.embed(picture, face))


def test_embeddings_have_one_shape(sight) -> None:
    one, other = (embedding(sight.backend, picture) for picture in sight.portraits[:2])
    assert one.dtype == other.dtype == np.float32
    assert one.ndim == 1
    assert one.shape == other.shape


def test_distances_are_distances(sight) -> None:
    people = [embedding(sight.backend, picture) for picture in sight.portraits[:4]]
    for one in people:
        assert sight.backend.distance(one, one) == pytest.approx(0, abs=1e-6)
        for other in people:
            there = sight.backend.distance(one, other)
            assert there == pytest.approx(sight.backend.distance(other, one))
            assert there >= 0 or there == pytest.approx(0, abs=1e-6)


def test_the_same_person_is_accepted_and_others_are_rejected(sight) -> None:
    limits = sight.backend.match_thresholds
    people = [embedding(sight.backend, picture) for picture in sight.portraits]
    again = embedding(sight.backend, sight.dimmed)
    assert sight.backend.distance(people[0], again) <= limits.accept
    others = [sight.backend.distance(again, other) for other in people[1:]]
    assert min(others) > limits.reject


def test_reading_goes_on_while_faces_are_looked_at(sight) -> None:
    backend = sight.backend
    if Capability.OCR not in backend.capabilities:
        return
    page = np.full((120, 640, 3), 255, np.uint8)
    cv2.putText(page, "Linear algebra", (20, 80), cv2.FONT_HERSHEY_SIMPLEX, 2, (0, 0, 0), 3)
    alone = backend.read_text(page), backend.detect(sight.portraits)
    with ThreadPoolExecutor(1) as reader:
        reading = reader.submit(lambda: [backend.read_text(page) for _ in range(5)])
        seen = []
        while not reading.done():
            seen.append(backend.detect(sight.portraits))
    assert "algebra" in alone[0][0].text
    assert reading.result() == [alone[0]] * 5
    assert seen == [alone[1]] * len(seen) and seen
