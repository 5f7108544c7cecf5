"""Drawn desktops: an exam in a browser, a task bar, and what else may be open beside them.

Texts are as large as an operating system draws them at 100 and 125 per cent: 12 and 15 pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tests.vision_faces import Picture, font_file

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Language:
    """The texts of a desktop: the exam's title, a line of it, and what is innocently open."""

    exam: str
    line: str
    near_misses: tuple[str, ...]
    tasks: tuple[str, ...]
    tool: str
    other_page: str


HOST = "lms.example.edu"
#: What an exam forbids; people write such lists in Latin letters and in their own.
FORBIDDEN = ("Telegram", "TeamViewer", "Discord", "WhatsApp", "AnyDesk", "ChatGPT")
LANGUAGES = {
    "en": Language(
        "Linear algebra, final examination",
        "Compute the determinant of the matrix and give reasons for every step",
        ("Discordant harmonies, task 4", "The telegraph, task 5", "What's up, doc? - task 6"),
        ("Files", "Mail", "Terminal", "Settings"),
        "Calculator",
        "Ten recipes for a rainy evening",
    ),
    "de": Language(
        "Lineare Algebra, Abschlussprüfung",
        "Berechnen Sie die Determinante der Matrix und begründen Sie jeden Schritt",
        ("Diskordanzen, Aufgabe 4", "Der Telegraf, Aufgabe 5", "Teamarbeit, Aufgabe 6"),
        ("Dateien", "E-Mail", "Konsole", "Einstellungen"),
        "Taschenrechner",
        "Zehn Rezepte für einen verregneten Abend",
    ),
    "ru": Language(
        "Линейная алгебра, итоговый экзамен",
        "Вычислите определитель матрицы и обоснуйте каждый шаг решения",
        ("Дискорд гармоний, задача 4", "Телеграф, задача 5", "Команда, задача 6"),
        ("Файлы", "Почта", "Терминал", "Настройки"),
        "Калькулятор",
        "Десять рецептов для дождливого вечера",
    ),
}


@dataclass(frozen=True)
class Desktop:
    """A monitor of (width, height) as its operating system draws it: letters in pixels."""

    size: tuple[int, int] = (1920, 1080)
    letters: int = 15
    dark: bool = False
    language: str = "en"

    @property
    def texts(self) -> Language:
        """Return the texts in the desktop's language."""
        return LANGUAGES[self.language]

    def draw(
        self,
        *,
        title: str | None = None,
        tabs: Sequence[str] = (),
        tasks: Sequence[str] = (),
        window: str | None = None,
        scrolled: int = 0,
        browser: bool = True,
    ) -> Picture:
        """Return the desktop (BGR).

        `title` is the page's, by default the exam's; `tabs` are open beside it, `window` is the
        title of a window in the middle. Without `browser` a window called `title` fills the screen.
        """
        width, height = self.size
        paper, ink, bar = ((32, 33, 36), (230, 230, 230), (53, 54, 58)) if self.dark else (
            (255, 255, 255), (20, 20, 20), (222, 225, 230)
        )  # fmt: skip
        image = Image.new("RGB", self.size, paper)
        draw = ImageDraw.Draw(image)
        row = round(self.letters * 2.2)
        page = self.texts.exam if title is None else title
        draw.rectangle((0, 0, width, row * (2 if browser else 1)), bar)
        if browser:
            for place, tab in enumerate((page, *tabs)):
                self._write(draw, (16 + place * 18 * self.letters, row // 4), tab[:28], ink)
            host = HOST if title is None else "example.com"
            self._write(draw, (120, row + row // 4), f"https://{host}/quiz/attempt", ink)
        else:
            self._write(draw, (16, row // 4), page, ink)
        line = self.texts.line if title is None else page
        for number in range(2, (height - 2 * row) // row - 1):
            text = f"{number + scrolled}. {line}"
            self._write(draw, (round(width * 0.15), row * (number + 1)), text, ink)
        if window is not None:
            self._window(draw, window, (bar, ink, paper))
        draw.rectangle(
            (0, height - row, width, height), (30, 30, 34) if self.dark else (40, 44, 52)
        )
        for place, task in enumerate(("Chromium", *tasks)):
            at = (60 + place * 14 * self.letters, height - row + row // 4)
            self._write(draw, at, task, (240, 240, 240))
        return cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2BGR)

    def _window(
        self, draw: ImageDraw.ImageDraw, title: str, colours: tuple[Colour, Colour, Colour]
    ) -> None:
        """Draw a window in the middle, a little below what the browser shows of itself."""
        bar, ink, paper = colours
        width, height = self.size
        left, top, right, bottom = width * 0.3, height * 0.28, width * 0.75, height * 0.8
        draw.rectangle((left, top, right, bottom), paper, ink)
        draw.rectangle((left, top, right, top + self.letters * 2), bar, ink)
        self._write(draw, (round(left) + 12, round(top) + self.letters // 2), title, ink)

    def _write(
        self, draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, ink: Colour
    ) -> None:
        draw.text(at, text, ink, _font(self.letters))


@cache
def _font(letters: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(font_file("DejaVuSans.ttf"), letters)
