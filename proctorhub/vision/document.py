"""An identity document in a camera's picture: its lines of text, its photograph, how well it shows.

The person who holds it is often in the picture too, and must not be taken for the photograph: one
lies within the block of print or just beside it, and is narrower than half of that block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proctorhub.plugins import Capability, Face, TextLine
from proctorhub.vision.composition import Composition

if TYPE_CHECKING:
    from proctorhub.plugins import Image

#: Lines read with less confidence are noise of the background; blurred print is read with more.
SURE = 0.5
#: Of the print's width: how far beside and above it a photograph's middle may lie, and its width.
BESIDE, ABOVE, WIDEST = 0.35, 0.25, 0.45
#: A grey value from which on a pixel is burnt out.
BURNT = 252

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Document:
    """Lines from top to bottom, the photograph; of the print: mean confidence, burnt-out share."""

    lines: Sequence[str]
    photograph: Face | None
    legibility: float | None
    glare: float | None


def look(backends: Composition, image: Image, faces: Sequence[Face]) -> Document:
    """Return what the picture shows; without a backend that reads there is no document to find."""
    if Capability.OCR not in backends:
        return Document((), None, None, None)
    read = [line for line in backends[Capability.OCR].read_text(image) if line.confidence >= SURE]
    if not read:
        return Document((), None, None, None)
    print_ = _around([line.box for line in read])
    weight = sum(len(line.text) for line in read)
    return Document(
        lines=[line.text for line in in_rows(read)],
        photograph=max(
            (face for face in faces if on_document(face.box, print_)),
            key=lambda face: face.area,
            default=None,
        ),
        legibility=sum(line.confidence * len(line.text) for line in read) / max(1, weight),
        glare=_burnt(image, print_),
    )


def in_rows(lines: Sequence[TextLine]) -> list[TextLine]:
    """Return lines from top to bottom, those of one row from left to right."""
    rows: list[list[TextLine]] = []
    for line in sorted(lines, key=lambda one: one.box[1] + one.box[3]):
        middle = (line.box[1] + line.box[3]) / 2
        if rows and rows[-1][0].box[1] <= middle <= rows[-1][0].box[3]:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [line for row in rows for line in sorted(row, key=lambda one: one.box[0])]


def on_document(face: Box, print_: Box) -> bool:
    """Tell whether a face can be the photograph of a document with this block of print."""
    left, top, right, bottom = print_
    width = right - left
    x, y = (face[0] + face[2]) / 2, (face[1] + face[3]) / 2
    inside = left - BESIDE * width <= x <= right + BESIDE * width
    return inside and top - ABOVE * width <= y <= bottom and face[2] - face[0] <= WIDEST * width


def _around(boxes: Sequence[Box]) -> Box:
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _burnt(image: Image, print_: Box) -> float:
    height, width = image.shape[:2]
    left, top, right, bottom = (int(side) for side in print_)
    part = image[max(0, top) : min(height, bottom + 1), max(0, left) : min(width, right + 1)]
    return float((part.min(axis=2) >= BURNT).mean()) if part.size else 0.0
