"""Drawn documents in worse and worse pictures: where reading ends, and what the limits say of it.

Each picture is looked at by the candidate's page (in Chromium) and read by the server's backend;
a document counts as read when its number is right, the name is the profile's, and every check digit
of a zone holds without a character put right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import mean
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import sync_playwright

from proctorhub.config import Settings
from proctorhub.domain import document as reading
from proctorhub.domain import identity, names
from proctorhub.domain.accuracy import share
from proctorhub.vision import composition, document
from proctorhub.vision.composition import Composition
from tests.e2e.conftest import CHROMIUM
from tests.identity_documents import Holder, held_square, held_up, passport, portrait, shaken
from tests.identity_documents import document as card
from tests.identity_page import looking
from tests.vision_faces import Picture, jpeg

TODAY = date(2026, 11, 1)
SIZE = (1280, 720)
HOLDERS = (
    Holder(),
    Holder("astronaut", "COLLINS", "EILEEN MARIE", "C01X00T47", "561119", "320226"),
    Holder("group1", "ANDERSSON", "LARS ERIK", "X4RTBPFW4", "830701", "290517"),
    Holder("group3", "NAKAMURA", "YUKI", "TK8160527", "960323", "351102"),
)
#: How high the page of a passport is in the picture, unless it is the size that changes.
HIGH = 0.83


@dataclass(frozen=True)
class Shot:
    """One picture of a document: what was done to it, and what became of it.

    `complete`: the name is the profile's, there is a number, right or not, the digits of a zone
    hold, and none is missed.
    """

    change: str
    level: float
    kind: str
    read: bool
    complete: bool
    legibility: float | None
    glare: float | None
    page: dict[str, Any]

    @property
    def poor(self) -> bool:
        """Whether the server takes the picture for a poor one."""
        return (
            self.legibility is None
            or self.legibility < identity.LEAST_LEGIBILITY
            or (self.glare or 0.0) > identity.MOST_GLARE
        )


def _blurred(picture: Picture, sigma: float) -> Picture:
    return cv2.GaussianBlur(picture, (0, 0), sigma) if sigma else picture


def _reflecting(picture: Picture, across: float) -> Picture:
    """Mirror a lamp in the page, its axes this share of the picture's height and 0.6 of that."""
    high, wide = picture.shape[:2]
    light = np.zeros((high, wide), np.float32)
    axes = (round(high * across), round(high * across * 0.6))
    cv2.ellipse(light, (round(wide * 0.55), round(high * 0.5)), axes, 20, 0, 360, 1, -1)
    light = cv2.GaussianBlur(light, (0, 0), high * 0.02)[..., None]
    return np.clip(picture + 255 * light, 0, 255).astype(np.uint8)


def _overexposed(picture: Picture, gain: float) -> Picture:
    return np.clip(picture.astype(np.float32) * gain, 0, 255).astype(np.uint8)


def _dark(picture: Picture, gain: float) -> Picture:
    """Take light away and leave a sensor's noise."""
    noise = np.random.default_rng(1).normal(0, 5, picture.shape)
    return np.clip(picture * gain + noise, 0, 255).astype(np.uint8)


#: What is done to a picture, by how much.
CHANGES: dict[str, tuple[Callable[[Picture, float], Picture], tuple[float, ...]]] = {
    "blur, px": (_blurred, (0, 1, 1.5, 2, 2.5, 3, 3.5, 4)),
    "shake, px": (shaken, (4, 6, 8, 10, 12, 16)),
    "reflection, of the height": (_reflecting, (0.02, 0.05, 0.08, 0.12, 0.16, 0.24)),
    "overexposed, times": (_overexposed, (1.1, 1.2, 1.3, 1.5, 1.8)),
    "dark, of the light": (_dark, (0.6, 0.4, 0.25, 0.15, 0.1)),
    "small, of the height": (lambda picture, _: picture, (0.7, 0.6, 0.5, 0.4, 0.33, 0.27)),
}


def measure(folder: Path) -> dict[str, Any]:
    """Return by change and level how many documents are read, and what page and server measured."""
    backends = composition.compose(Settings(data_dir=folder))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        look = looking(browser.new_page())
        shots = [
            _shot(backends, look, change, level, kind, holder)
            for change, (_, levels) in CHANGES.items()
            for level in levels
            for kind in ("passport", "card")
            for holder in HOLDERS
        ]
        browser.close()
    return {
        "documents": len(HOLDERS) * 2,
        "levels": {
            f"{change} {level}": _row([s for s in shots if (s.change, s.level) == (change, level)])
            for change, (_, levels) in CHANGES.items()
            for level in levels
        },
        "page": _verdicts(shots, lambda one: bool(one.page["problems"])),
        "server": _verdicts(shots, lambda one: one.poor),
        "taken though misread": _misread(shots),
        "limits": _limits(shots),
    }


def _shot(
    backends: Composition,
    look: Callable[[Picture], dict[str, Any]],
    change: str,
    level: float,
    kind: str,
    holder: Holder,
) -> Shot:
    high = level if change.startswith("small") else HIGH
    if kind == "passport":
        picture = held_square(passport(holder), SIZE, high)
    else:
        lines = (holder.surname, holder.given_names, f"No {holder.number}", "UTOPIAN")
        # a card is 0.63 as high as wide
        picture = held_up(card(portrait(holder.face), lines), size=SIZE, share=0.85 * high)
    picture = CHANGES[change][0](picture, level)
    # as the page sends it
    picture = cv2.imdecode(jpeg(picture, 92), cv2.IMREAD_COLOR)
    found = document.look(backends, picture)
    profile = f"{holder.given_names} {holder.surname}"
    said = reading.read(profile, found.lines, TODAY)
    zone = said.zone
    named = said.name.match is names.Match.SAME
    whole = zone is not None and zone.valid and not zone.repaired
    return Shot(
        change,
        level,
        kind,
        read=said.number == holder.number and named and (kind == "card" or whole),
        complete=said.number is not None and named and (whole if zone else not said.zone_unread),
        legibility=found.legibility,
        glare=found.glare,
        page=look(picture),
    )


def _row(shots: list[Shot]) -> dict[str, Any]:
    """Return one line of the table: what was read, and the range of what was measured."""
    return {
        **{
            f"{kind} read": sum(one.read for one in shots if one.kind == kind)
            for kind in ("passport", "card")
        },
        "legibility": _range([one.legibility or 0.0 for one in shots]),
        "glare": _range([one.glare or 0.0 for one in shots]),
        "page sharpness": _range([one.page["sharpness"] for one in shots]),
        "page steadiness": _range([one.page["steadiness"] for one in shots]),
        "page glare": _range([one.page["glare"] for one in shots]),
        "page brightness": _range([one.page["brightness"] for one in shots]),
        "server calls poor": sum(one.poor for one in shots),
        "page refuses": sum(bool(one.page["problems"]) for one in shots),
        "page says": sorted({name for one in shots for name in one.page["problems"]}),
    }


def _range(found: list[float]) -> list[float]:
    return [round(x, 3) for x in (min(found), mean(found), max(found))]


def _verdicts(shots: list[Shot], refused: Callable[[Shot], bool]) -> dict[str, Any]:
    """Return how often what cannot be read is let through, and what can be read is refused."""
    read = [one for one in shots if one.read]
    unread = [one for one in shots if not one.read]
    return {
        "unread let through": share(sum(not refused(one) for one in unread), len(unread)),
        "read refused": share(sum(refused(one) for one in read), len(read)),
    }


def _misread(shots: list[Shot]) -> dict[str, int]:
    """Return how many misread pictures the server would take, and of those the page would send."""
    taken = [one for one in shots if one.complete and not one.read and not one.poor]
    return {"server": len(taken), "page and server": sum(not s.page["problems"] for s in taken)}


def _limits(shots: list[Shot]) -> dict[str, Any]:
    """Return for the server's limits how many misread pictures pass and read ones are refused."""
    return {
        "legibility": {
            str(limit): _beyond(shots, lambda one, limit=limit: (one.legibility or 0.0) < limit)
            for limit in (0.75, 0.8, 0.85, 0.88, 0.9, 0.92, 0.94, 0.96)
        },
        "glare": {
            str(limit): _beyond(shots, lambda one, limit=limit: (one.glare or 0.0) > limit)
            for limit in (0.02, 0.03, 0.04, 0.05, 0.06, 0.08)
        },
        "read": sum(one.read for one in shots),
        "of": len(shots),
    }


def _beyond(shots: list[Shot], poor: Callable[[Shot], bool]) -> dict[str, int]:
    return {
        "unread pass": sum(not one.read and not poor(one) for one in shots),
        "read refused": sum(one.read and poor(one) for one in shots),
    }
