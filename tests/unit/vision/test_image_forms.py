"""One recording looked at as planes (over a socket) and as JPEG (over Redis) gives one account."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator

import av
import pytest

from proctorhub.domain import incidents
from proctorhub.domain.incident_policy import Policy
from proctorhub.domain.incident_terms import Detector
from proctorhub.frames.jpeg import jpeg
from proctorhub.frames.miniature import Miniatures
from proctorhub.frames.planes import planes
from proctorhub.vision import camera
from proctorhub.vision.composition import Composition
from proctorhub.vision.memory import Memory
from proctorhub.vision.pictures import Decoder, luma
from tests import vision_backends, vision_faces, vision_video
from tests.vision_faces import person

#: Every fourth frame of 15 a second is looked at.
EVERY, EVERY_MS = 4, 4000 // 15


@pytest.fixture
def backends() -> Composition:
    return vision_backends.embedded()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[av.VideoFrame]:
    """Frames of somebody who is visited, covers the camera, is there again and leaves."""
    path = tmp_path_factory.mktemp("forms") / "recorded.webm"
    pair = vision_faces.with_visitor(person("hopper"), person("astronaut"), 120)
    there = person("hopper").picture
    parts = (
        vision_video.alive(there, 2, 1),
        vision_video.alive(pair, 3, 2),
        vision_video.covered(3, 3),
        vision_video.alive(there, 2, 4),
        vision_video.empty(3, 5),
    )
    vision_video.write(path, itertools.chain(*parts), sound=False)
    with av.open(str(path)) as container:
        return list(itertools.islice(container.decode(video=0), 0, None, EVERY))


def opened(
    backends: Composition, frames: list[av.VideoFrame], form: Callable[[av.VideoFrame], bytes]
) -> Iterator[tuple[Detector, int, str]]:
    state, memory, decoder = incidents.State(), Memory(), Decoder()
    for number, frame in enumerate(frames):
        image = form(frame)
        look = camera.Look(
            picture=decoder.decode(image, luma(Miniatures().of(frame))),
            at_ms=1_000_000 + EVERY_MS * number,
            between=[],
            segment_id="chain-000001",
            frame_sha256=hashlib.sha256(image).hexdigest(),
            burst=False,
            memory=memory,
            reference=None,
        )
        ((seen, memory),) = camera.look(backends, [look])
        state, changes = incidents.step(state, seen, Policy())
        for change in changes:
            yield change.detector, change.started_at, change.kind


def test_planes_and_jpeg_give_the_same_incidents_at_the_same_times(backends, recorded) -> None:
    def as_planes(frame: av.VideoFrame) -> bytes:
        image = planes(frame)
        assert image is not None
        return image

    found = list(opened(backends, recorded, as_planes))
    assert {Detector.SECOND_FACE, Detector.CAMERA_COVERED, Detector.NO_FACE} <= {
        detector for detector, _, _ in found
    }
    assert list(opened(backends, recorded, jpeg)) == found
