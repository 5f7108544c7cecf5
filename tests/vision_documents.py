"""Documents of people who do not exist: the page of a passport, with its machine-readable zone."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from proctorhub.domain.mrz import check_digit
from tests.vision_faces import Picture, font_file, person, room

#: A page of a passport, width to height (ICAO Doc 9303 part 4: 125 x 88 mm).
SHAPE = 125 / 88
_PAPER, _INK = (205, 202, 193), (25, 25, 30)


@dataclass(frozen=True)
class Holder:
    """Whose document it is; dates are YYMMDD. `face` is one of `vision_faces.people()`."""

    face: str = "hopper"
    surname: str = "HOPPER"
    given_names: str = "GRACE BREWSTER"
    number: str = "L898902C3"
    birth_date: str = "740812"
    expiry_date: str = "341231"

    @property
    def zone(self) -> tuple[str, str]:
        """Return the two lines of a passport (part 4, section 4.2)."""
        names = f"{self.surname}<<{self.given_names}".replace(" ", "<")
        first = f"P<UTO{names}".ljust(44, "<")
        number = self.number.ljust(9, "<")
        number += check_digit(number)
        birth = self.birth_date + check_digit(self.birth_date)
        expiry = self.expiry_date + check_digit(self.expiry_date)
        rest = "<" * 14 + "0"
        composite = check_digit(number + birth + expiry + rest)
        return first, f"{number}UTO{birth}F{expiry}{rest}{composite}"


def passport(holder: Holder, width: int = 1000) -> Picture:
    """Draw the page with the photograph (BGR)."""

    def at(share: float) -> int:
        return round(share * width)

    image = Image.new("RGB", (width, round(width / SHAPE)), _PAPER)
    draw = ImageDraw.Draw(image)

    def write(x: float, y: float, text: str, size: float, font: str = "DejaVuSans.ttf") -> None:
        drawn = ImageFont.truetype(str(font_file(font)), at(size))
        draw.text((at(x), at(y)), text, font=drawn, fill=_INK)

    image.paste(_portrait(holder.face).resize((at(0.26), at(0.34))), (at(0.05), at(0.16)))
    write(0.05, 0.04, "PASSPORT  PASSEPORT", 0.044, "DejaVuSans-Bold.ttf")
    rows = (
        ("Surname", holder.surname),
        ("Given names", holder.given_names),
        ("Passport No", holder.number),
        ("Date of birth", holder.birth_date),
        ("Nationality", "UTOPIAN"),
    )
    for row, (title, text) in enumerate(rows):
        write(0.36, 0.150 + 0.072 * row, title, 0.017)
        write(0.36, 0.172 + 0.072 * row, text, 0.030)
    for row, line in enumerate(holder.zone):
        write(0.04, 0.575 + 0.055 * row, line, 0.033, "DejaVuSansMono.ttf")
    return cv2.cvtColor(np.array(image), cv2.COLOR_RGB2BGR)


def _portrait(face: str) -> Image.Image:
    somebody = person(face)
    x1, y1, x2, y2 = (round(value) for value in somebody.box)
    cut = somebody.picture[max(0, y1 - 60) : y2 + 50, x1 - 40 : x2 + 40]
    return Image.fromarray(cv2.cvtColor(cut, cv2.COLOR_BGR2RGB))


def held_up(page: Picture, size: tuple[int, int] = (1280, 720), share: float = 0.83) -> Picture:
    """Return what a webcam sees of a page that is held before it, as high as this share of it."""
    width, height = size
    high = round(height * share)
    page = cv2.resize(page, (round(high * SHAPE), high), interpolation=cv2.INTER_AREA)
    seen = cv2.resize(room(), size)
    x, y = (width - page.shape[1]) // 2, (height - page.shape[0]) // 2
    seen[y : y + page.shape[0], x : x + page.shape[1]] = page
    return seen
