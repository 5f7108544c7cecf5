"""One look at a camera, a screen and a second of sound, with the real embedded backend."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from proctorhub.config import Settings
from proctorhub.domain import incidents
from proctorhub.domain.incident_policy import Policy
from proctorhub.domain.incident_terms import Detector
from proctorhub.domain.observation import Observation, Source, Value
from proctorhub.frames import jpeg as frames_jpeg
from proctorhub.frames import planes
from proctorhub.media.material import make_media, read_media
from proctorhub.plugins import Capability
from proctorhub.vision import abilities, camera, composition, judging, screen, sound
from proctorhub.vision.abilities import NEEDS
from proctorhub.vision.composition import Composition
from proctorhub.vision.memory import Memory
from proctorhub.vision.pictures import Decoder, UndecodablePicture, difference
from tests import vision_backends, vision_faces
from tests.vision_faces import Picture, jpeg, person
from tests.vision_movement import posed

AT = 1_000_000


@pytest.fixture
def backends() -> Composition:
    return vision_backends.embedded()


def at_camera(picture: Picture, at_ms: int = AT, **more) -> camera.Look:
    decoded = Decoder().decode(jpeg(picture, 90).tobytes())
    given = {"burst": False, "memory": Memory(), "reference": None, **more}
    return camera.Look(decoded, at_ms, [], "chain-000001", "ab" * 32, **given)


def reference(backends: Composition, name: str) -> camera.Reference:
    picture = person(name).picture
    (faces,) = backends[Capability.DETECT].detect([picture])
    found = backends[Capability.EMBED].embed(picture, faces[0])
    assert found is not None and backends.space_id is not None
    limits = backends[Capability.EMBED].match_thresholds
    assert limits is not None
    return camera.Reference(backends.space_id, found, limits)


def test_a_person_at_the_camera(backends) -> None:
    ((seen, memory),) = camera.look(backends, [at_camera(person("hopper").picture)])
    values = seen.values
    assert (seen.source, seen.at_ms, seen.size) == (Source.CAMERA, AT, (640, 480))
    assert values[Value.FACES] == 1 and values[Value.FACE] > 0.65
    assert values[Value.SECOND_FACE] == 0
    assert abs(values[Value.YAW]) < 25 and 0.3 < values[Value.IRIS] < 0.7
    assert {"detect", "pose", "eyes", "iris"} <= set(seen.models)
    assert Value.CHANGE not in values and Value.DISTANCE not in values
    assert seen.since_ms is None
    assert memory.at_ms == AT and memory.faces == 1


def test_nobody_and_two(backends) -> None:
    pair = vision_faces.with_visitor(person("hopper"), person("astronaut"), 120)
    looks = [at_camera(vision_faces.room()), at_camera(pair)]
    (nobody, _), (two, _) = camera.look(backends, looks)
    assert (nobody.values[Value.FACES], nobody.values[Value.FACE]) == (0, 0)
    assert Value.YAW not in nobody.values and nobody.boxes == ()
    assert two.values[Value.FACES] == 2 and two.values[Value.SECOND_FACE] > 0.65
    assert len(two.boxes) == 2


def test_the_change_names_the_look_it_is_measured_from(backends) -> None:
    picture = person("hopper").picture
    ((_, memory),) = camera.look(backends, [at_camera(picture)])
    moved = np.roll(picture, 30, axis=1)
    ((seen, _),) = camera.look(backends, [at_camera(moved, AT + 1000, memory=memory)])
    assert seen.since_ms == AT and seen.values[Value.CHANGE] > 3


def test_the_same_person_is_near_and_another_is_far(backends) -> None:
    known = reference(backends, "hopper")
    darker = vision_faces.CHANGES["dark x0.3"]
    looks = [
        at_camera(darker(person(name).picture, person(name).box)[0], reference=known)
        for name in ("hopper", "astronaut")
    ]
    (same, memory), (other, _) = camera.look(backends, looks)
    assert same.values[Value.DISTANCE] < 0.5 < 0.6 < other.values[Value.DISTANCE]
    assert memory.embedded_ms == AT and "embed" in same.models


@pytest.mark.parametrize(
    ("since", "faces", "distance", "lately", "compared"),
    [
        (1_000, 1, 0.3, 1, False),
        (9_999, 1, 0.3, 1, False),
        (10_000, 1, 0.3, 1, True),
        (1_000, 0, 0.3, 1, True),
        (250, 1, 0.7, 1, True),
        (1_000, 1, 0.7, 5, True),
        (1_000, 1, 0.7, 6, False),
        (1_000, 0, 0.3, 6, False),
        (10_000, 1, 0.7, 6, True),
    ],
)
def test_when_the_face_is_compared(backends, since, faces, distance, lately, compared) -> None:
    picture, known = person("hopper").picture, reference(backends, "hopper")
    ((_, memory),) = camera.look(backends, [at_camera(picture, reference=known)])
    memory = replace(memory, faces=faces, distance=distance, embeds_ms=(AT,) * lately)
    look = at_camera(picture, AT + since, memory=memory, reference=known)
    ((seen, _),) = camera.look(backends, [look])
    assert (Value.DISTANCE in seen.values) is compared


@pytest.mark.parametrize("other", ["astronaut", "group1"])
def test_a_face_that_looks_like_none_that_was_compared_is_compared(backends, other) -> None:
    known = reference(backends, "hopper")
    ((_, memory),) = camera.look(backends, [at_camera(person("hopper").picture, reference=known)])
    look = at_camera(person(other).picture, AT + 250, memory=memory, reference=known)
    ((seen, after),) = camera.look(backends, [look])
    assert seen.values[Value.DISTANCE] > 0.6
    # what is not the candidate's is no view to compare with, and the doubt stays
    assert len(after.views) == 1
    again = replace(look, at_ms=AT + 500, memory=after)
    ((seen, _),) = camera.look(backends, [again])
    assert Value.DISTANCE in seen.values


def test_moving_about_and_lamps_are_no_reason_to_compare(backends) -> None:
    picture, known = person("hopper").picture, reference(backends, "hopper")
    ((_, memory),) = camera.look(backends, [at_camera(picture, reference=known)])
    for changed in (
        np.roll(picture, 40, axis=1),
        cv2.convertScaleAbs(picture, alpha=0.5),
        posed("hopper", 6, 6, False, 0.0),
    ):
        look = at_camera(changed, AT + 1000, memory=memory, reference=known)
        ((seen, _),) = camera.look(backends, [look])
        assert seen.values[Value.CHANGE] > 3
        assert Value.DISTANCE not in seen.values


def test_a_new_view_of_the_candidate_is_learnt(backends) -> None:
    known = reference(backends, "hopper")
    ((_, memory),) = camera.look(backends, [at_camera(person("hopper").picture, reference=known)])
    turned = posed("hopper", 24, 0, False, 0.0)
    looks = []
    for number in (1, 2):
        look = at_camera(turned, AT + number * 800, memory=memory, reference=known)
        ((seen, memory),) = camera.look(backends, [look])
        looks.append(Value.DISTANCE in seen.values)
    assert looks == [True, False] and len(memory.views) == 2


def test_a_hand_before_the_mouth_makes_nobody_another_person(backends) -> None:
    """Looking down behind a hand, people are as far from themselves as from others."""
    who, known = person("hopper"), reference(backends, "hopper")
    x1, y1, x2, y2 = who.box
    side = x2 - x1
    mouth = (int((x1 + x2) / 2), int((y1 + y2) / 2 + 0.38 * side))
    picture = posed("hopper", 0, 21, False, 0.0).copy()
    axes = (int(0.45 * side), int(0.27 * side))
    cv2.ellipse(picture, mouth, axes, 0, 0, 360, (125, 150, 205), -1)
    (faces,) = backends[Capability.DETECT].detect([picture])
    hidden = backends[Capability.EMBED].embed(picture, faces[0])
    assert backends[Capability.EMBED].distance(hidden, known.embedding) > 0.5
    ((seen, memory),) = camera.look(backends, [at_camera(picture, reference=known)])
    assert seen.values[Value.FACES] == 1 and Value.DISTANCE not in seen.values
    assert seen.values[Value.COMPARED] == 0
    # the face is compared as soon as it is whole again
    again = at_camera(who.picture, AT + 800, memory=memory, reference=known)
    ((seen, _),) = camera.look(backends, [again])
    assert seen.values[Value.DISTANCE] < 0.5 and seen.values[Value.COMPARED] == 1


@pytest.mark.parametrize(("since", "compared"), [(24_999, 1), (25_000, 0)])
def test_a_comparison_speaks_for_a_while(backends, since, compared) -> None:
    """Whoever turns away is the same person still, but not for the rest of the exam."""
    known = reference(backends, "hopper")
    known = replace(known, limits=replace(known.limits, least_score=1.0))
    memory = Memory(at_ms=AT, faces=1, distance=0.3, embeds_ms=(AT,))
    look = at_camera(person("hopper").picture, AT + since, memory=memory, reference=known)
    ((seen, _),) = camera.look(backends, [look])
    assert seen.values[Value.COMPARED] == compared


@pytest.mark.parametrize(
    ("known", "compared", "is_served"),
    [(True, 1, True), (True, 0, False), (True, None, True), (False, 1, False)],
)
def test_who_was_not_compared_is_not_called_the_same_person(known, compared, is_served) -> None:
    values = {} if compared is None else {Value.COMPARED: float(compared)}
    seen = Observation(Source.CAMERA, AT, values)
    can = frozenset({Detector.OTHER_PERSON, Detector.NO_FACE})
    found = judging.served(can, seen, known=known)
    assert found == (can if is_served else {Detector.NO_FACE})


def test_faces_of_another_space_are_never_compared(backends) -> None:
    known = replace(reference(backends, "hopper"), space_id="another")
    ((seen, _),) = camera.look(backends, [at_camera(person("hopper").picture, reference=known)])
    assert Value.DISTANCE not in seen.values


def test_without_a_backend_light_and_change_are_measured_and_nothing_is_claimed() -> None:
    nobody = Composition({}, {})
    ((seen, _),) = camera.look(nobody, [at_camera(person("hopper").picture)])
    measured = {Value.BRIGHTNESS, Value.DETAIL, Value.STILL_S, Value.REPLAYED}
    assert set(seen.values) == measured
    assert seen.models == {}
    assert abilities.able(nobody) == {d for d, needed in NEEDS.items() if needed is None}


def test_a_backend_that_cannot_be_used_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    made = composition.compose(Settings(data_dir=tmp_path, vision="missing, mediapipe"))
    assert set(made.refused) == {"missing"} and "missing" in made.refused["missing"]
    assert Capability.DETECT in made


def desktop(*titles: str) -> Picture:
    image = Image.new("RGB", (1280, 720), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 1280, 70), "lightgrey")
    draw.text((40, 36), "https://lms.example.edu/quiz", "black", font_size=22)
    draw.rectangle((0, 680, 1280, 720), "black")
    for place, title in enumerate(titles):
        draw.text((30 + 320 * place, 687), title, "white", font_size=22)
    draw.text((200, 300), "Telegram is not a title here", "black", font_size=22)
    return np.asarray(image)[:, :, ::-1].copy()


def on_screen(picture: Picture, memory: Memory | None = None) -> screen.ScreenLook:
    decoded = Decoder().decode(jpeg(picture, 90).tobytes())
    return screen.ScreenLook(
        picture=decoded,
        at_ms=AT,
        segment_id="chain-000001",
        frame_sha256="ab" * 32,
        burst=False,
        memory=memory or Memory(),
        forbidden=("Telegram", "TeamViewer"),
        signs=("Linear algebra", "lms.example.edu"),
    )


def test_a_screen_that_shows_the_exam_alone(backends) -> None:
    seen, _ = screen.look(backends, on_screen(desktop("Chromium", "Files")))
    assert (seen.values[Value.FORBIDDEN], seen.values[Value.EXAM_SHOWN]) == (0, 1)
    assert seen.words == () and set(seen.models) == {"ocr"}


def test_a_forbidden_application_in_the_task_bar(backends) -> None:
    seen, _ = screen.look(backends, on_screen(desktop("Chromium", "Telegram")))
    assert seen.values[Value.FORBIDDEN] == 1 and seen.words == ("Telegram",)


def with_window(title: str) -> Picture:
    picture = desktop("Chromium")
    picture[260:520, 300:900] = 70
    image = Image.fromarray(picture[:, :, ::-1])
    ImageDraw.Draw(image).text((320, 264), title, "white", font_size=22)
    return np.asarray(image)[:, :, ::-1].copy()


def test_a_window_that_newly_appears_is_read_and_flagged_while_it_is_there(backends) -> None:
    shown = [desktop("Chromium"), *[with_window("TeamViewer")] * 3, desktop("Chromium")]
    memory, state, words, flags = Memory(), incidents.State(), [], []
    for at, picture in enumerate(shown):
        look = replace(on_screen(picture, memory), at_ms=AT + 10_000 * at, burst=at == 2)
        seen, memory = screen.look(backends, look)
        state, changes = incidents.step(state, seen, Policy())
        words.append(seen.words)
        flags += [(at, change.detector, change.kind) for change in changes]
    assert words == [(), *[("TeamViewer",)] * 3, ()]
    assert flags == [(2, Detector.FORBIDDEN_APPLICATION, incidents.Kind.OPENED)]


class Reader:
    """Reads with the real backend, and notes how many rows of pixels it was given each time."""

    def __init__(self, backends: Composition) -> None:
        self.backend = backends[Capability.OCR]
        self.rows: list[int] = []
        self.only = Composition({Capability.OCR: self}, {})

    capabilities = frozenset({Capability.OCR})

    @property
    def model_sha256(self):
        return self.backend.model_sha256

    def read_text(self, image):
        self.rows.append(image.shape[0])
        return self.backend.read_text(image)


def test_strips_that_look_as_they_did_are_not_read_again(backends) -> None:
    reader = Reader(backends)
    first, memory = screen.look(reader.only, on_screen(desktop("Chromium", "Files")))
    noisy = desktop("Chromium", "Files") + np.random.default_rng(1).normal(0, 3, (720, 1280, 1))
    again = np.clip(noisy, 0, 255).astype(np.uint8)
    second, memory = screen.look(reader.only, on_screen(again, memory))
    assert second.values[Value.EXAM_SHOWN] == first.values[Value.EXAM_SHOWN] == 1
    third, memory = screen.look(reader.only, on_screen(desktop("Chromium", "Terminal"), memory))
    assert third.values[Value.FORBIDDEN] == 0
    assert reader.rows == [72 + 43, 43]


def test_what_speaks_against_somebody_is_read_in_every_picture(backends) -> None:
    reader = Reader(backends)
    _, memory = screen.look(reader.only, on_screen(desktop("Chromium", "Files")))
    for _ in range(2):
        look = on_screen(desktop("Chromium", "Telegram"), memory)
        seen, memory = screen.look(reader.only, look)
        assert seen.words == ("Telegram",)
    assert reader.rows == [115, 43, 115, 115]
    confirmed, _ = screen.look(reader.only, replace(look, memory=memory, burst=True))
    assert confirmed.words == ("Telegram",) and reader.rows[4:] == [115]


def test_a_second_of_a_tone_is_no_speech(backends, tmp_path: Path) -> None:
    make_media(tmp_path / "tone.webm", 2)
    packets = [(20 * n, p.data) for n, p in enumerate(read_media(tmp_path / "tone.webm").audio)]
    seen = sound.look(backends, packets[:50], AT, "chain-000001")
    assert seen.values[Value.SPEECH_S] < 0.3
    assert len(sound.decode(packets[:50])) == pytest.approx(16_000, abs=400)
    assert sound.look(backends, packets[:50], AT, "chain-000001") == seen


def test_what_is_no_sound_or_picture_is_refused() -> None:
    with pytest.raises(sound.UndecodableSound):
        sound.decode([(0, b"\xff" * 40)])
    decoder = Decoder()
    for data in (b"", b"\xff\xd8\xff\xd9", b"\x89PNG\r\n\x1a\nIEND", b"I420cut"):
        with pytest.raises(UndecodablePicture):
            decoder.decode(data)
    good = decoder.decode(jpeg(person("hopper").picture, 90).tobytes())
    assert good.size == (640, 480)


def test_planes_and_jpeg_show_the_same() -> None:
    shown = person("hopper").picture
    frame = av.VideoFrame.from_ndarray(shown, format="bgr24").reformat(format="yuv420p")
    image = planes.planes(frame)
    assert image is not None
    one, other = (Decoder().decode(data) for data in (image, frames_jpeg.jpeg(frame)))
    assert difference(one.small, other.small) < 0.5
    for picture in (one, other):
        assert np.abs(picture.image.astype(int) - shown).mean() < 4


def test_png_and_jpeg_show_the_same(tmp_path: Path) -> None:
    picture = person("hopper").picture
    path = tmp_path / "still.png"
    Image.fromarray(picture[:, :, ::-1]).save(path)
    decoder = Decoder()
    one = decoder.decode(path.read_bytes())
    other = decoder.decode(jpeg(picture, 95).tobytes())
    assert difference(one.small, other.small) < 2
    assert np.array_equal(one.image, picture)


@pytest.mark.parametrize("level", [18, 25, 35])
@pytest.mark.parametrize("someone", [one.name for one in vision_faces.people()])
def test_a_dark_room_is_not_a_covered_camera(someone: str, level: int) -> None:
    random = np.random.default_rng(level)
    lit = person(someone).picture
    dark = lit * (level / lit.mean()) + random.normal(0, 4, (*lit.shape[:2], 1))
    assert found_at(dark) == {Detector.TOO_DARK}


@pytest.mark.parametrize("level", [4, 20, 90, 170])
def test_a_covered_camera_is_one_at_any_brightness(level: int) -> None:
    random = np.random.default_rng(level)
    smooth = np.full((vision_faces.HEIGHT, vision_faces.WIDTH, 3), level, float)
    assert found_at(smooth + random.normal(0, 4, smooth.shape)) == {Detector.CAMERA_COVERED}


def test_light_that_leaks_in_beside_a_finger_covers_no_less() -> None:
    y, x = np.mgrid[0 : vision_faces.HEIGHT, 0 : vision_faces.WIDTH]
    leak = 8 + 90 * np.exp(-((x / 220) ** 2) - (y / 220) ** 2)
    assert found_at(np.repeat(leak[..., None], 3, 2)) == {Detector.CAMERA_COVERED}


def found_at(picture: np.ndarray) -> set[Detector]:
    """Return which of the two detectors an ever-same picture opens."""
    shown = np.clip(picture, 0, 255).astype(np.uint8)
    state, found = incidents.State(), set()
    nobody = Composition({}, {})
    policy = Policy(checked=frozenset({Detector.CAMERA_COVERED, Detector.TOO_DARK}))
    for number in range(8):
        ((seen, _),) = camera.look(nobody, [at_camera(shown, AT + 1000 * number)])
        state, changes = incidents.step(state, seen, policy)
        found |= {change.detector for change in changes}
    return found
