"""Rows of print, and which face can be a document's photograph."""

from __future__ import annotations

import pytest

from proctorhub.plugins import TextLine
from proctorhub.vision.document import in_rows, on_document

PRINT = (300.0, 200.0, 900.0, 600.0)


def line(text: str, *box: float) -> TextLine:
    return TextLine(text, 1.0, box)  # type: ignore[arg-type]


def test_pieces_of_a_row_lie_beside_each_other() -> None:
    label, value = line("Surname", 300, 200, 420, 230), line("ERIKSSON", 450, 205, 600, 235)
    below = line("Given names", 300, 240, 420, 270)
    assert in_rows([below, value, label]) == [[label, value], [below]]


def test_lines_held_askew_stay_apart() -> None:
    """Upright boxes of long lines that are askew overlap in height."""
    first, second = line("<<A", 300, 500, 900, 560), line("<<B", 302, 525, 902, 590)
    assert in_rows([second, first]) == [[first], [second]]


@pytest.mark.parametrize(
    ("face", "can_be"),
    [
        ((320, 300, 440, 440), True),
        ((180, 300, 290, 430), True),  # left of all print
        ((320, 130, 440, 260), True),  # a little above it
        ((500, -150, 620, -10), False),  # whoever holds it
        ((300, 250, 700, 650), False),  # a face as wide as the card
        ((20, 300, 80, 380), False),  # somebody in the background
        ((320, 700, 440, 840), False),  # far below
    ],
)
def test_which_face_can_be_the_photograph(face, can_be) -> None:
    assert on_document(face, PRINT) is can_be
