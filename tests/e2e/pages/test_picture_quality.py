"""The page's own look at a picture: what it refuses is what could not be read, and says why."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page, Playwright

from tests.e2e.conftest import CHROMIUM
from tests.identity_documents import Holder, held_square, passport
from tests.vision_faces import Picture, jpeg, nobody, people, photograph, room

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

STATIC = Path(__file__).parents[3] / "proctorhub" / "web" / "static"
HOST = "http://localhost:9"
SIZES = {"720p": (1280, 720), "480p": (640, 480)}
_LOOK = """async ([image, kind]) => {
  const { look } = await import("/static/js/identity/frame.js");
  const bytes = Uint8Array.from(atob(image), (one) => one.charCodeAt(0));
  const picture = await createImageBitmap(new Blob([bytes]));
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  canvas.getContext("2d").drawImage(picture, 0, 0);
  return look(canvas, kind);
}"""

Look = Callable[..., dict[str, Any]]


@pytest.fixture
def page(playwright: Playwright) -> Iterator[Page]:
    """A page of its own origin that may import the scripts; there is no server behind it."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
    page = browser.new_page()

    def serve(route: Any) -> None:
        path = route.request.url.removeprefix(HOST)
        if path.startswith("/static/"):
            file = STATIC / path.removeprefix("/static/")
            route.fulfill(body=file.read_text(), content_type="text/javascript")
        else:
            route.fulfill(body="<!doctype html>", content_type="text/html")

    page.route("**/*", serve)
    page.goto(f"{HOST}/")
    yield page
    browser.close()


@pytest.fixture
def look(page: Page) -> Look:
    def at(picture: Picture, kind: str = "document") -> dict[str, Any]:
        image = base64.b64encode(jpeg(picture, 92).tobytes()).decode()
        return dict(page.evaluate(_LOOK, [image, kind]))

    return at


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
        assert soft < 0.31, name


def test_a_face_in_good_light_is_taken(look: Look) -> None:
    for face in people():
        assert look(face.picture, "face")["problems"] == [], face.name
        assert look(lit(face.picture, 0.15), "face")["problems"][0] == "dark", face.name
    for name, picture in nobody():
        if name in ("black", "lens cap"):
            assert look(picture, "face")["problems"][0] == "dark"
