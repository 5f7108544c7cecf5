"""An identity document in a camera's picture: its lines of text, its photograph, how well it shows.

The person who holds it is often in the picture too, and must not be taken for the photograph: one
lies within the block of print or just beside it, and is narrower than half of that block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from proctorhub.plugins import Capability, Face, TextLine
from proctorhub.vision.composition import Composition

if TYPE_CHECKING:
    from proctorhub.plugins import Image

#: Lines read with less confidence are noise of the background; blurred print is read with more.
SURE = 0.5
#: Of the print's width: how far beside it, and above or below, a photograph's middle may lie, and
#: how wide it may be.
BESIDE, BEYOND, WIDEST = 0.35, 0.25, 0.45
#: A grey value from which on a pixel is burnt out.
BURNT = 252

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Document:
    """Lines from top to bottom; of the print: mean confidence, burnt-out share.

    `part` is the picture's part about the document, `photograph` the face in it.
    """

    lines: Sequence[str]
    part: Image | None
    photograph: Face | None
    legibility: float | None
    glare: float | None


def look(backends: Composition, image: Image) -> Document:
    """Return what the picture shows; without a backend that reads there is no document to find."""
    if Capability.OCR not in backends:
        return Document((), None, None, None, None)
    read = [line for line in backends[Capability.OCR].read_text(image) if line.confidence >= SURE]
    if not read:
        return Document((), None, None, None, None)
    print_ = _around([line.box for line in read])
    # In the part the photograph is larger than in the whole, where a detector may overlook it.
    part, (x, y) = _about(image, print_)
    there = (print_[0] - x, print_[1] - y, print_[2] - x, print_[3] - y)
    faces = backends[Capability.DETECT].detect([part])[0] if Capability.DETECT in backends else []
    weight = sum(len(line.text) for line in read)
    return Document(
        lines=[text for row in in_rows(read) for text in _texts(row)],
        part=part,
        photograph=max(
            (face for face in faces if on_document(face.box, there)),
            key=lambda face: face.area,
            default=None,
        ),
        legibility=sum(line.confidence * len(line.text) for line in read) / max(1, weight),
        glare=_burnt(image, print_),
    )


def in_rows(lines: Sequence[TextLine]) -> list[list[TextLine]]:
    """Return the rows from top to bottom, the pieces of each from left to right.

    Pieces of one row lie beside each other: boxes of a document held askew overlap in height.
    """
    rows: list[list[TextLine]] = []
    for line in sorted(lines, key=lambda one: one.box[1] + one.box[3]):
        middle = (line.box[1] + line.box[3]) / 2
        if rows and all(_beside(line, one) for one in rows[-1]):
            top, bottom = rows[-1][0].box[1], rows[-1][0].box[3]
            if top <= middle <= bottom:
                rows[-1].append(line)
                continue
        rows.append([line])
    return [sorted(row, key=lambda one: one.box[0]) for row in rows]


def _beside(one: TextLine, other: TextLine) -> bool:
    shared = min(one.box[2], other.box[2]) - max(one.box[0], other.box[0])
    narrower = min(one.box[2] - one.box[0], other.box[2] - other.box[0])
    return shared <= 0.2 * narrower


def _texts(row: Sequence[TextLine]) -> list[str]:
    """Return the texts of a row; pieces of a zone's line, which fillers tear apart, as one."""
    texts = [line.text for line in row]
    return ["".join(texts)] if any("<<" in text for text in texts) else texts


def on_document(face: Box, print_: Box) -> bool:
    """Tell whether a face can be the photograph of a document with this block of print."""
    left, top, right, bottom = print_
    width = right - left
    x, y = (face[0] + face[2]) / 2, (face[1] + face[3]) / 2
    inside = left - BESIDE * width <= x <= right + BESIDE * width
    near = top - BEYOND * width <= y <= bottom + BEYOND * width
    return inside and near and face[2] - face[0] <= WIDEST * width


def _around(boxes: Sequence[Box]) -> Box:
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _about(image: Image, print_: Box) -> tuple[Image, tuple[int, int]]:
    """Return the part of a picture in which a photograph can be, and where its corner is."""
    height, width = image.shape[:2]
    left, top, right, bottom = print_
    wide = right - left
    x, y = max(0, int(left - BESIDE * wide)), max(0, int(top - BEYOND * wide))
    to_x, to_y = int(right + BESIDE * wide) + 1, int(bottom + BEYOND * wide) + 1
    return np.ascontiguousarray(image[y : min(height, to_y), x : min(width, to_x)]), (x, y)


def _burnt(image: Image, print_: Box) -> float:
    height, width = image.shape[:2]
    left, top, right, bottom = (int(side) for side in print_)
    part = image[max(0, top) : min(height, bottom + 1), max(0, left) : min(width, right + 1)]
    return float((part.min(axis=2) >= BURNT).mean()) if part.size else 0.0
