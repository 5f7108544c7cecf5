"""The page's own look at a picture: what it refuses is what could not be read, and says why."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from playwright.sync_api import Playwright

from proctorhub.domain import identity
from tests.e2e.conftest import CHROMIUM
from tests.identity_documents import Holder, held_square, held_up, passport, portrait, shaken
from tests.identity_documents import document as lines_on_a_card
from tests.identity_page import Look, looking
from tests.vision_faces import Picture, nobody, people, photograph, room

pytestmark = pytest.mark.e2e

SIZES = {"720p": (1280, 720), "480p": (640, 480)}


@pytest.fixture
def look(playwright: Playwright) -> Iterator[Look]:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
    yield looking(browser.new_page())
    browser.close()


def grainy(picture: Picture, sigma: float) -> Picture:
    noise = np.random.default_rng(1).normal(0, sigma, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def blurred(picture: Picture, sigma: float) -> Picture:
    """Blur by this much of a picture 1280 wide."""
    return cv2.GaussianBlur(picture, (0, 0), sigma * picture.shape[1] / 1280)


def lit(picture: Picture, gain: float) -> Picture:
    return np.clip(picture.astype(np.float32) * gain, 0, 255).astype(np.uint8)


def with_reflection(picture: Picture, across: float) -> Picture:
    """A lamp mirrored in the page, so wide as a share of the picture's height."""
    high, wide = picture.shape[:2]
    light = np.zeros((high, wide), np.float32)
    axes = (round(high * across), round(high * across * 0.6))
    cv2.ellipse(light, (round(wide * 0.55), high // 2), axes, 20, 0, 360, 1, -1)
    light = cv2.GaussianBlur(light, (0, 0), high * 0.02)[..., None]
    return np.clip(picture + 255 * light, 0, 255).astype(np.uint8)


def document(size: str = "720p", face: str = "hopper") -> Picture:
    return held_square(passport(Holder(face=face)), SIZES[size])


@pytest.mark.parametrize("size", SIZES)
def test_a_readable_document_is_taken(look: Look, size: str) -> None:
    for face in people():
        clean = document(size, face.name)
        for picture in (clean, blurred(grainy(clean, 4), 1.5), lit(clean, 0.6), lit(clean, 1.1)):
            found = look(picture)
            assert found["problems"] == [], (face.name, found)


@pytest.mark.parametrize("size", SIZES)
def test_a_blurred_document_is_refused(look: Look, size: str) -> None:
    for face in people():
        for noise in (0, 4):
            found = look(grainy(blurred(document(size, face.name), 3.5), noise))
            assert found["problems"] == ["blurred"], (face.name, found)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("degrees", [0, 20, 45, 90, 135])
def test_a_shaken_document_is_refused(look: Look, size: str, degrees: float) -> None:
    """Sharp along the shake as it is. Of a picture 1280 wide, passports end to be read at 6 px."""
    for length in (8, 12):
        picture = document(size)
        picture = shaken(picture, length * picture.shape[1] / 1280, np.deg2rad(degrees))
        for noise in (0, 4):
            found = look(grainy(picture, noise))
            assert found["problems"] == ["shaken"], (length, found)


def test_bars_of_a_card_are_not_taken_for_shaking(look: Look) -> None:
    card = lines_on_a_card(portrait("hopper"), ("HOPPER", "GRACE BREWSTER", "No 48213376"))
    picture = held_up(card, size=SIZES["720p"], share=0.7)
    for bar in range(450, 850, 10):
        picture[480:560, bar : bar + 4] = 20
    for seen in (picture, blurred(picture, 1)):
        assert look(seen)["problems"] == []


def test_reflections_are_refused_small_ones_are_not(look: Look) -> None:
    assert "glare" in look(with_reflection(document(), 0.15))["problems"]
    assert look(with_reflection(document(), 0.02))["problems"] == []


def test_light_is_asked_for_before_anything_else(look: Look) -> None:
    assert look(lit(blurred(document(), 4), 0.15))["problems"][0] == "dark"
    assert look(lit(document(), 3))["problems"][0] == "bright"


def test_without_a_document_one_is_asked_for(look: Look) -> None:
    empty = cv2.resize(room(), SIZES["720p"])
    assert look(grainy(empty, 3))["problems"] == ["empty"]


def test_few_pixels_are_told(look: Look) -> None:
    small = cv2.resize(document(), (320, 180), interpolation=cv2.INTER_AREA)
    assert "small" in look(small)["problems"]


def test_photographs_of_printed_pages_and_things_are_sharp_until_they_are_blurred(
    look: Look,
) -> None:
    for name in ("page", "text", "coins", "brick"):
        picture = cv2.resize(photograph("skimage", f"data/{name}.png"), SIZES["720p"])
        sharp, soft = look(picture)["sharpness"], look(blurred(picture, 8))["sharpness"]
        assert soft < sharp - 0.02, name
        assert soft < identity.PAGE_LIMITS["document"].sharpness, name


def test_a_face_in_good_light_is_taken(look: Look) -> None:
    for face in people():
        assert look(face.picture, "face")["problems"] == [], face.name
        assert look(lit(face.picture, 0.15), "face")["problems"][0] == "dark", face.name
    for name, picture in nobody():
        if name in ("black", "lens cap"):
            assert look(picture, "face")["problems"][0] == "dark"
