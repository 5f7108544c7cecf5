"""Drawn identity documents and bursts of moves, for what cannot be had otherwise.

The photographs are those of `vision_faces`: the face on a document is the same photograph as the
one before the camera, so that these tell nothing about how alike two photographs of a person are.

`document` shows any lines and a small faded photograph, and is `held_up` askew. `passport` is a
page as good as pages get, `held_square`: on those the page's own look at pictures was tuned.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from proctorhub.domain import liveness, mrz
from proctorhub.domain.liveness import Move, Step
from tests import vision_faces
from tests.vision_faces import Picture, font_file, person, room
from tests.vision_movement import posed, rounded, shut

#: Width and height, pixels, of a card (ID-1) and of a passport's page (ID-3).
CARD, PAGE = (1012, 638), (1012, 704)
#: A page of a passport, width to height (ICAO Doc 9303 part 4: 125 x 88 mm).
SHAPE = 125 / 88
_PAPER, _INK = (205, 202, 193), (25, 25, 30)


def zone(
    kind: str,
    surname: str,
    given: str,
    number: str,
    expires: str = "310415",
    birth: str = "900515",
) -> list[str]:
    """Return the lines of a TD1 or TD3 zone with right check digits; dates are YYMMDD."""
    name = f"{surname}<<{given}".replace(" ", "<")
    held = number.ljust(9, "<")
    digit = mrz.check_digit
    if kind == "TD3":
        second = f"{held}{digit(held)}UTO{birth}{digit(birth)}F{expires}{digit(expires)}"
        second += "<" * 14 + "0"
        parts = second[:10] + second[13:20] + second[21:43]
        return [f"P<UTO{name}".ljust(44, "<"), second + digit(parts)]
    first = f"I<UTO{held}{digit(held)}".ljust(30, "<")
    second = f"{birth}{digit(birth)}F{expires}{digit(expires)}UTO".ljust(29, "<")
    whole = digit(first[5:] + second[:7] + second[8:15] + second[18:])
    return [first, second + whole, name.ljust(30, "<")]


@dataclass(frozen=True)
class Holder:
    """Whose passport it is; dates are YYMMDD. `face` is one of `vision_faces.people()`."""

    face: str = "hopper"
    surname: str = "HOPPER"
    given_names: str = "GRACE BREWSTER"
    number: str = "L898902C3"
    birth_date: str = "740812"
    expiry_date: str = "341231"

    @property
    def zone(self) -> list[str]:
        """Return the two lines of a passport (ICAO Doc 9303 part 4, section 4.2)."""
        dates = {"expires": self.expiry_date, "birth": self.birth_date}
        return zone("TD3", self.surname, self.given_names, self.number, **dates)


def document(
    photograph: Picture,
    lines: Sequence[str],
    zone_lines: Sequence[str] = (),
    size: tuple[int, int] = CARD,
) -> Picture:
    """Return a document (BGR): photograph at the left, lines beside it, the zone at its foot."""
    width, height = size
    page = Image.new("RGB", size, (226, 233, 229))
    draw = ImageDraw.Draw(page)
    rgb = cv2.cvtColor(photograph, cv2.COLOR_BGR2RGB)
    page.paste(Image.fromarray(rgb).resize((260, 330), Image.Resampling.LANCZOS), (48, 110))
    draw.text(
        (48, 36), "UTOPIA", (40, 60, 110), ImageFont.truetype(font_file("DejaVuSans.ttf"), 40)
    )
    text = ImageFont.truetype(font_file("DejaVuSans.ttf"), 34)
    for row, line in enumerate(lines):
        draw.text((350, 110 + 62 * row), line, (25, 25, 30), text)
    if zone_lines:
        longest = max(len(line) for line in zone_lines)
        mono = ImageFont.truetype(
            font_file("DejaVuSansMono.ttf"), int(1.55 * (width - 60) / longest)
        )
        for row, line in enumerate(zone_lines):
            y = height - 48 * (len(zone_lines) - row) - 10
            draw.text((30, y), line, (15, 15, 15), mono)
    return cv2.cvtColor(np.array(page), cv2.COLOR_RGB2BGR)


def portrait(name: str) -> Picture:
    """Return a person's face as the photograph of a document: upright, 130 x 165, less light."""
    someone = person(name)
    x1, y1, x2, y2 = someone.box
    high = (y2 - y1) * 1.75
    wide, x, y = high * 130 / 165, (x1 + x2) / 2, (y1 + y2) / 2 - 0.05 * (y2 - y1)
    left, top = max(0, int(x - wide / 2)), max(0, int(y - high / 2))
    part = someone.picture[top : int(y + high / 2), left : int(x + wide / 2)]
    small = cv2.resize(part, (130, 165), interpolation=cv2.INTER_AREA)
    return cv2.convertScaleAbs(small, alpha=0.85, beta=18)


def held_up(
    paper: Picture, behind: Picture | None = None, size: tuple[int, int] = (1280, 720), share=0.64
) -> Picture:
    """Return what a camera sees of a document that is held before it, a little askew."""
    width, height = size
    room = np.full((height, width, 3), 96, np.uint8) if behind is None else cv2.resize(behind, size)
    scale = share * width / paper.shape[1]
    turn = cv2.getRotationMatrix2D((paper.shape[1] / 2, paper.shape[0] / 2), 2.0, scale)
    turn[:, 2] += np.array([width / 2, height * 0.56]) - np.array(paper.shape[1::-1]) / 2
    there = cv2.warpAffine(paper, turn, size, flags=cv2.INTER_AREA)
    mask = cv2.warpAffine(np.full(paper.shape[:2], 255, np.uint8), turn, size)
    room[mask > 127] = there[mask > 127]
    return room


def passport(holder: Holder, width: int = 1000) -> Picture:
    """Draw a passport's page with the photograph (BGR)."""

    def at(share: float) -> int:
        return round(share * width)

    image = Image.new("RGB", (width, round(width / SHAPE)), _PAPER)
    draw = ImageDraw.Draw(image)

    def write(x: float, y: float, text: str, size: float, font: str = "DejaVuSans.ttf") -> None:
        drawn = ImageFont.truetype(str(font_file(font)), at(size))
        draw.text((at(x), at(y)), text, font=drawn, fill=_INK)

    image.paste(_photograph(holder.face).resize((at(0.26), at(0.34))), (at(0.05), at(0.16)))
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


def _photograph(face: str) -> Image.Image:
    somebody = person(face)
    x1, y1, x2, y2 = (round(value) for value in somebody.box)
    cut = somebody.picture[max(0, y1 - 60) : y2 + 50, x1 - 40 : x2 + 40]
    return Image.fromarray(cv2.cvtColor(cut, cv2.COLOR_BGR2RGB))


def held_square(page: Picture, size: tuple[int, int] = (1280, 720), share: float = 0.83) -> Picture:
    """Return what a webcam sees of a page that is held before it, as high as this share of it."""
    width, height = size
    high = round(height * share)
    page = cv2.resize(page, (round(high * SHAPE), high), interpolation=cv2.INTER_AREA)
    seen = cv2.resize(room(), size)
    x, y = (width - page.shape[1]) // 2, (height - page.shape[0]) // 2
    seen[y : y + page.shape[0], x : x + page.shape[1]] = page
    return seen


def moves(
    name: str, steps: Sequence[Step], *, seed: int = 0, ignore: frozenset[Move] = frozenset()
) -> list[tuple[int, Picture]]:
    """Return (ms, picture) of somebody who follows a challenge, at about 12 pictures a second."""
    noise = random.Random(seed)
    grain = np.random.default_rng(seed)
    found, at = [], 0.0
    while at < liveness.length_ms(steps):
        yaw = pitch = 0.0
        closed = False
        for step in steps:
            since = at - step.from_ms - 600
            if step.move in ignore or not 0 <= since < 1300:
                continue
            much = min(1.0, since / 250, (1300 - since) / 250)
            if step.move is Move.BLINK:
                closed = since < 420
            elif step.move is Move.LOOK_UP:
                pitch = -24 * much
            else:
                yaw = (-30 if step.move is Move.TURN_LEFT else 30) * much
        turned = (rounded(yaw), rounded(pitch))
        picture = shut(name) if closed else posed(name, *turned, False, 0.0)
        shaken = np.array([[1, 0, noise.gauss(0, 1.5)], [0, 1, noise.gauss(0, 1.5)]], np.float32)
        picture = cv2.warpAffine(picture, shaken, picture.shape[1::-1], borderMode=1)
        picture = np.clip(picture + grain.normal(0, 2, picture.shape), 0, 255).astype(np.uint8)
        found.append((round(at), picture))
        at += noise.uniform(66, 100)
    return found


def jpeg(picture: Picture, quality: int = 85) -> bytes:
    """Return a picture as the candidate's page sends it."""
    return vision_faces.jpeg(picture, quality).tobytes()


def shaken(picture: Picture, length: float, angle: float = 0.35) -> Picture:
    """Move a picture along a line, so many pixels, while it is taken; radians from the level."""
    kernel = np.zeros((41, 41), np.float32)
    reach = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    ends = [tuple(int(x) for x in np.rint(20 + side * reach)) for side in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1)
    return cv2.filter2D(picture, -1, kernel / kernel.sum())
