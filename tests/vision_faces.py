"""Labelled faces: webcam-like frames of eight people, from photographs that ship in packages.

`people()` gives one 640x480 BGR frame for each person, framed as a webcam would (face height about
38 % of the picture, eyes a little above the middle), with the box of the face measured by hand.
`CHANGES` are what rooms, lenses and codecs do to a picture; each maps a frame and its box to
another such pair. Two more helpers put a second person into the picture and give pictures without
a face. Everything is deterministic.

Eight people and no second photograph of any of them: enough to see that a thing works, too few to
prove an error rate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.uint8]
Box = tuple[float, float, float, float]

WIDTH, HEIGHT = 640, 480
FACE_SHARE = 0.38  # of the picture's height
CENTRE = (0.5, 0.45)  # of the face in the picture


@dataclass(frozen=True)
class Person:
    """A person in front of a webcam: BGR picture and the face's box (x1, y1, x2, y2)."""

    name: str
    picture: Picture
    box: Box


@dataclass(frozen=True)
class _Photograph:
    package: str
    path: str
    boxes: dict[str, Box]


# Measured on the photographs: eyebrows to chin, cheek to cheek. The people of the group are named
# from left to right.
_PHOTOGRAPHS = (
    _Photograph("skimage", "data/astronaut.png", {"astronaut": (173, 66, 280, 174)}),
    _Photograph(
        "matplotlib", "mpl-data/sample_data/grace_hopper.jpg", {"hopper": (166, 128, 366, 329)}
    ),
    _Photograph(
        "insightface",
        "data/images/t1.jpg",
        {
            "group1": (61, 288, 161, 388),
            "group2": (263, 170, 365, 272),
            "group3": (455, 288, 580, 412),
            "group4": (732, 366, 838, 472),
            "group5": (869, 71, 1003, 204),
            "group6": (1121, 291, 1227, 396),
        },
    ),
)


def photograph(package: str, path: str) -> Picture:
    """Return a picture (BGR) that a package ships, without importing the package."""
    file = _shipped(package, path)
    return cv2.cvtColor(np.array(Image.open(file).convert("RGB")), cv2.COLOR_RGB2BGR)


def font_file(name: str) -> Path:
    """Return one of the DejaVu fonts that Matplotlib ships, to write documents with."""
    return _shipped("matplotlib", f"mpl-data/fonts/ttf/{name}")


def _shipped(package: str, path: str) -> Path:
    spec = find_spec(package)
    assert spec is not None and spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / path


@cache
def people() -> tuple[Person, ...]:
    """Return one webcam-like frame for each of the eight people."""
    return tuple(
        _framed(name, source, box, alone=len(origin.boxes) == 1)
        for origin in _PHOTOGRAPHS
        for source in [photograph(origin.package, origin.path)]
        for name, box in origin.boxes.items()
    )


def person(name: str) -> Person:
    """Return one of `people()` by name."""
    return next(someone for someone in people() if someone.name == name)


def strangers() -> list[Picture]:
    """Return a hundred grey portraits, 25 pixels wide and made larger, each in a plain frame.

    scikit-image ships them: faces of Labeled Faces in the Wild (Huang et al. 2007), drawn by lot
    and without names. Some people are there more than once.
    """
    small = np.load(_shipped("skimage", "data/lfw_subset.npy"))[:100]
    found = []
    for face in np.clip(small * 255, 0, 255).astype(np.uint8):
        large = cv2.resize(face, (200, 200), interpolation=cv2.INTER_CUBIC)
        framed = cv2.copyMakeBorder(large, 140, 140, 220, 220, cv2.BORDER_REPLICATE)
        found.append(cv2.cvtColor(framed, cv2.COLOR_GRAY2BGR))
    return found


def group_photograph() -> tuple[Picture, int]:
    """Return a photograph of several people and their number."""
    group = next(origin for origin in _PHOTOGRAPHS if len(origin.boxes) > 1)
    return photograph(group.package, group.path), len(group.boxes)


def _framed(name: str, source: Picture, box: Box, *, alone: bool) -> Person:
    """Cut and scale a webcam's picture around a face; neighbours vanish behind a blurred room."""
    x1, y1, x2, y2 = box
    scale = HEIGHT * FACE_SHARE / (y2 - y1)
    shift_x = WIDTH * CENTRE[0] - scale * (x1 + x2) / 2
    shift_y = HEIGHT * CENTRE[1] - scale * (y1 + y2) / 2
    picture = cv2.warpAffine(
        source,
        np.array([[scale, 0, shift_x], [0, scale, shift_y]], np.float32),
        (WIDTH, HEIGHT),
        flags=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if not alone:
        picture = _cut_out(picture)
    placed = (
        scale * x1 + shift_x,
        scale * y1 + shift_y,
        scale * x2 + shift_x,
        scale * y2 + shift_y,
    )
    return Person(name, picture, placed)


def _cut_out(picture: Picture) -> Picture:
    """Keep head and neck of the person in the middle, put a blurred room behind."""
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.ellipse(mask, (WIDTH // 2, int(HEIGHT * 0.47)), (115, 150), 0, 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), 8)[..., None]
    return (picture * mask + room() * (1 - mask)).astype(np.uint8)


@cache
def room() -> Picture:
    """Return a room with nobody in it."""
    corner = photograph("skimage", "data/astronaut.png")[0:90, 330:430]
    return cv2.GaussianBlur(cv2.resize(corner, (WIDTH, HEIGHT)), (0, 0), 25)


Change = Callable[[Picture, Box], tuple[Picture, Box]]


def _same_box(change: Callable[[Picture], Picture]) -> Change:
    return lambda picture, box: (change(picture), box)


def _levels(gain: float) -> Change:
    return _same_box(lambda p: np.clip(p.astype(np.float32) * gain, 0, 255).astype(np.uint8))


def _noise(sigma: float, gain: float = 1.0) -> Change:
    def change(picture: Picture) -> Picture:
        grain = np.random.default_rng(1).normal(0, sigma, picture.shape)
        return np.clip(picture * gain + grain, 0, 255).astype(np.uint8)

    return _same_box(change)


def _blur(sigma: float) -> Change:
    return _same_box(lambda picture: cv2.GaussianBlur(picture, (0, 0), sigma))


def _jpeg(quality: int) -> Change:
    def change(picture: Picture) -> Picture:
        return cv2.imdecode(jpeg(picture, quality), cv2.IMREAD_COLOR)

    return _same_box(change)


def jpeg(picture: Picture, quality: int = 80) -> NDArray[np.uint8]:
    """Return a picture as the bytes of a JPEG file."""
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return data


def _mirrored(picture: Picture, box: Box) -> tuple[Picture, Box]:
    x1, y1, x2, y2 = box
    return picture[:, ::-1].copy(), (WIDTH - x2, y1, WIDTH - x1, y2)


def _grey(picture: Picture) -> Picture:
    return cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)


def _further(scale: float) -> Change:
    """Move the camera back: the picture shrinks into the middle of a room."""

    def change(picture: Picture, box: Box) -> tuple[Picture, Box]:
        shift = np.array([WIDTH * (1 - scale) / 2, HEIGHT * (1 - scale) / 2])
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        seen = room().copy()
        x, y = shift.round().astype(int)
        seen[y : y + small.shape[0], x : x + small.shape[1]] = small
        x1, y1, x2, y2 = box
        return seen, (x1 * scale + x, y1 * scale + y, x2 * scale + x, y2 * scale + y)

    return change


def rolled(degrees: float) -> Change:
    """Turn the picture around the face, clockwise as the viewer sees it."""

    def change(picture: Picture, box: Box) -> tuple[Picture, Box]:
        centre = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        turn = cv2.getRotationMatrix2D(centre, -degrees, 1)
        size = (WIDTH, HEIGHT)
        return cv2.warpAffine(picture, turn, size, borderMode=cv2.BORDER_REPLICATE), box

    return change


def _covered(top: float, bottom: float) -> Change:
    """Hide a band of the face, given as shares of its height."""

    def change(picture: Picture, box: Box) -> tuple[Picture, Box]:
        x1, y1, x2, y2 = box
        height = y2 - y1
        hidden = picture.copy()
        corners = (
            (int(x1) - 10, int(y1 + top * height)),
            (int(x2) + 10, int(y1 + bottom * height)),
        )
        cv2.rectangle(hidden, *corners, (190, 160, 120), -1)
        return hidden, box

    return change


CHANGES: dict[str, Change] = {
    "clean": _same_box(lambda picture: picture),
    "mirrored": _mirrored,
    "grey": _same_box(_grey),
    "dark x0.3": _levels(0.3),
    "bright x1.5": _levels(1.5),
    "blur 3": _blur(3),
    "blur 6": _blur(6),
    "noise 15": _noise(15),
    "noise 30": _noise(30),
    "jpeg 10": _jpeg(10),
    "roll 15": rolled(15),
    "roll 45": rolled(45),
    "face 91 px": _further(0.5),
    "face 73 px": _further(0.4),
    "mask": _covered(0.55, 1.05),
    "eyes hidden": _covered(0.05, 0.45),
}


def with_visitor(main: Person, visitor: Person, face_px: int) -> Picture:
    """Return a person's picture with another's face, so many pixels wide, at the upper left."""
    x1, y1, x2, y2 = visitor.box
    centre_x, centre_y = (x1 + x2) / 2, (y1 + y2) / 2
    reach = 0.85 * (x2 - x1)
    head = visitor.picture[
        max(0, int(centre_y - reach)) : int(centre_y + reach),
        max(0, int(centre_x - reach)) : int(centre_x + reach),
    ]
    scale = face_px / (x2 - x1)
    head = cv2.resize(head, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    picture = main.picture.copy()
    picture[40 : 40 + head.shape[0], 20 : 20 + head.shape[1]] = head
    return picture


def nobody() -> Iterator[tuple[str, Picture]]:
    """Yield pictures without a face: objects, textures, rooms, and a covered camera."""
    for name in ("brick", "chelsea", "coffee", "coins", "grass", "gravel", "moon", "page", "text"):
        yield name, _letterboxed(photograph("skimage", f"data/{name}.png"))
    for name in ("hubble_deep_field", "retina", "rocket"):
        yield name, _letterboxed(photograph("skimage", f"data/{name}.jpg"))
    yield "motorcycle", _letterboxed(photograph("skimage", "data/motorcycle_left.png"))
    yield "room", room()
    random = np.random.default_rng(3)
    shape = (HEIGHT, WIDTH, 3)
    yield "black", np.zeros(shape, np.uint8)
    yield "white", np.full(shape, 250, np.uint8)
    yield "lens cap", np.clip(random.normal(8, 5, shape), 0, 255).astype(np.uint8)
    finger = np.clip(np.array([70, 90, 170]) + random.normal(0, 40, shape), 0, 255)
    yield "finger", cv2.GaussianBlur(finger.astype(np.uint8), (0, 0), 25)


def _letterboxed(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    scale = min(WIDTH / width, HEIGHT / height)
    inside = cv2.resize(picture, (round(width * scale), round(height * scale)))
    whole = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    y, x = (HEIGHT - inside.shape[0]) // 2, (WIDTH - inside.shape[1]) // 2
    whole[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
    return whole


def overlap(one: Box, other: Box) -> float:
    """Return intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0.0, width) * max(0.0, height)
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (one, other)]
    return shared / (sum(areas) - shared)
