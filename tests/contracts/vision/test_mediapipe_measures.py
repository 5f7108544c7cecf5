"""What the embedded backend measures on real pixels; `benchmarks/vision` prints the figures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from benchmarks.vision.strangers import among
from proctorhub.plugins import Face, VisionBackend, load
from tests import voice
from tests.vision_faces import (
    CHANGES,
    font_file,
    nobody,
    overlap,
    people,
    person,
    strangers,
    with_visitor,
)

SURE = 0.65  # what a second face has to score


@pytest.fixture(scope="module")
def backend(tmp_path_factory) -> VisionBackend:
    return load("vision", "mediapipe")({}, tmp_path_factory.mktemp("mediapipe"))


def only_face(backend: VisionBackend, picture) -> Face:
    (face,) = backend.detect([picture])[0]
    return face


def geometry(backend: VisionBackend, picture):
    return backend.geometry(picture, only_face(backend, picture))


def found(backend: VisionBackend, change: str) -> int:
    """Return in how many of the eight people's changed pictures the face is found."""
    count = 0
    for someone in people():
        picture, box = CHANGES[change](someone.picture, someone.box)
        count += any(overlap(face.box, box) > 0.25 for face in backend.detect([picture])[0])
    return count


@pytest.mark.parametrize(
    ("change", "least"),
    [
        ("clean", 8),
        ("mirrored", 8),
        ("grey", 8),
        ("dark x0.3", 8),
        ("blur 3", 8),
        ("noise 15", 8),
        ("jpeg 10", 8),
        ("roll 45", 8),
        ("face 91 px", 8),
        ("mask", 7),
        ("eyes hidden", 7),
    ],
)
def test_faces_are_found(backend, change, least) -> None:
    assert found(backend, change) >= least


@pytest.mark.parametrize("face_px", [120, 91, 73, 60])
def test_a_second_face_is_found_far_behind(backend, face_px) -> None:
    crew = people()
    pictures = [
        with_visitor(main, crew[(place + 3) % len(crew)], face_px)
        for place, main in enumerate(crew)
    ]
    sure = [[face for face in seen if face.score >= SURE] for seen in backend.detect(pictures)]
    assert sum(len(faces) == 2 for faces in sure) >= 7


def test_no_second_face_where_one_person_is(backend) -> None:
    pictures = [
        change(someone.picture, someone.box)[0]
        for change in CHANGES.values()
        for someone in people()
    ]
    sure = [[face for face in seen if face.score >= SURE] for seen in backend.detect(pictures)]
    assert [len(faces) for faces in sure if len(faces) > 1] == []


@pytest.mark.parametrize("picture", [pytest.param(picture, id=name) for name, picture in nobody()])
def test_no_face_where_nobody_is(backend, picture) -> None:
    assert backend.detect([picture]) == [[]]


def test_a_mirrored_face_looks_the_other_way(backend) -> None:
    for someone in people():
        there = geometry(backend, someone.picture)
        mirrored = geometry(backend, CHANGES["mirrored"](someone.picture, someone.box)[0])
        assert mirrored.yaw == pytest.approx(-there.yaw, abs=6), someone.name
        assert mirrored.roll == pytest.approx(-there.roll, abs=6), someone.name
        assert mirrored.pitch == pytest.approx(there.pitch, abs=6), someone.name


def test_frontal_faces_look_ahead(backend) -> None:
    for name in ("astronaut", "hopper"):
        there = geometry(backend, person(name).picture)
        assert abs(there.yaw) < 5
        assert abs(there.pitch) < 5


def test_yaw_is_positive_to_the_persons_own_left(backend) -> None:
    """The man at the group's top right looks to the picture's left, which is his right."""
    assert geometry(backend, person("group5").picture).yaw < -30


def test_roll_is_positive_towards_the_persons_own_left_shoulder(backend) -> None:
    """A picture turned clockwise leans the head to the picture's right, the person's left."""
    for name in ("astronaut", "hopper", "group3"):
        someone = person(name)
        turned, _ = CHANGES["roll 15"](someone.picture, someone.box)
        before, after = geometry(backend, someone.picture), geometry(backend, turned)
        assert after.roll - before.roll == pytest.approx(15, abs=3)
        assert after.yaw == pytest.approx(before.yaw, abs=5)


def test_open_eyes_are_open(backend) -> None:
    for name in ("astronaut", "hopper"):
        left, right = geometry(backend, person(name).picture).eyes
        assert 0.2 < left < 0.4
        assert 0.2 < right < 0.4


def test_irises_move_with_the_mirror(backend) -> None:
    someone = person("hopper")
    there = geometry(backend, someone.picture).iris
    mirrored = geometry(backend, CHANGES["mirrored"](someone.picture, someone.box)[0]).iris
    assert all(0.3 < place < 0.7 for place in there)
    assert mirrored[1] == pytest.approx(1 - there[0], abs=0.06)
    assert mirrored[0] == pytest.approx(1 - there[1], abs=0.06)


@pytest.mark.parametrize("change", ["mirrored", "grey", "dark x0.3", "blur 3", "jpeg 10"])
def test_a_person_stays_the_same_and_unlike_all_others(backend, change) -> None:
    limits = backend.match_thresholds
    known = {
        someone.name: backend.embed(someone.picture, only_face(backend, someone.picture))
        for someone in people()
    }
    for someone in people():
        picture, _ = CHANGES[change](someone.picture, someone.box)
        seen = backend.embed(picture, only_face(backend, picture))
        assert seen is not None
        for name, embedding in known.items():
            distance = backend.distance(seen, embedding)
            if name == someone.name:
                assert distance <= limits.accept
            else:
                assert distance > limits.reject


def test_a_document_is_read(backend) -> None:
    written = ["Surname ERIKSSON", "Given names ANNA MARIA", "Number 48213376"]
    page = Image.new("RGB", (800, 480), (235, 235, 230))
    font = ImageFont.truetype(font_file("DejaVuSans.ttf"), 40)
    for line, text in enumerate(written):
        ImageDraw.Draw(page).text((60, 80 + 110 * line), text, (20, 20, 20), font)
    read = backend.read_text(cv2.cvtColor(np.array(page), cv2.COLOR_RGB2BGR))
    assert [line.text for line in read] == written
    assert all(line.confidence > 0.7 for line in read)
    assert read[0].box[3] < read[1].box[3]


def test_an_empty_page_has_no_text(backend) -> None:
    assert backend.read_text(np.full((480, 640, 3), 255, np.uint8)) == []


@pytest.mark.parametrize("pitch_hz", [100, 140, 220])
def test_speech_is_heard(backend, pitch_hz) -> None:
    assert backend.speech_seconds(voice.speech(2.0, pitch_hz)) > 1.4


def test_speech_seconds_are_those_that_are_spoken(backend) -> None:
    half = np.concatenate([voice.silence(1.0), voice.speech(1.0)])
    assert 0.5 < backend.speech_seconds(half) < 1.1


@pytest.mark.parametrize("sound", [voice.silence, voice.fan])
def test_what_is_no_speech(backend, sound) -> None:
    assert backend.speech_seconds(sound(3.0)) < 0.2


def test_what_was_heard_before_does_not_matter(backend) -> None:
    first = backend.speech_seconds(voice.speech(1.0, seed=1))
    backend.speech_seconds(voice.fan(1.0))
    assert backend.speech_seconds(voice.speech(1.0, seed=1)) == first


def test_too_little_sound_is_no_speech(backend) -> None:
    assert backend.speech_seconds(voice.speech(0.02)) == 0


def test_strangers_do_not_contradict_the_stated_false_match_rate(backend) -> None:
    """A hundred tiny portraits, some of one person twice: harder than what candidates show."""
    found = among(backend, strangers())
    assert found["faces"] >= 90
    assert found["accept"]["interval_95"][1] < backend.match_thresholds.false_match_rate
    assert among(backend, [one.picture for one in people()])["reject"]["matches"] == 0
