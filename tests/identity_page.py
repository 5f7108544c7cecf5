"""The page's own look at a picture, in a browser without a server behind it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from proctorhub.domain import identity
from tests.vision_faces import Picture, jpeg

STATIC = Path(__file__).parents[1] / "proctorhub" / "web" / "static"
HOST = "http://localhost:9"
_LOOK = """async ([image, kind, limits]) => {
  const { look } = await import("/static/js/identity/frame.js");
  const bytes = Uint8Array.from(atob(image), (one) => one.charCodeAt(0));
  const picture = await createImageBitmap(new Blob([bytes]));
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  canvas.getContext("2d").drawImage(picture, 0, 0);
  return look(canvas, kind, limits);
}"""

Look = Callable[..., dict[str, Any]]


def looking(page: Page) -> Look:
    """Return (picture, kind) → what the page finds; the page may import the scripts from now on."""

    limits = {kind: asdict(limits) for kind, limits in identity.PAGE_LIMITS.items()}

    def serve(route: Any) -> None:
        path = route.request.url.removeprefix(HOST)
        if path.startswith("/static/"):
            file = STATIC / path.removeprefix("/static/")
            route.fulfill(body=file.read_text(), content_type="text/javascript")
        else:
            route.fulfill(body="<!doctype html>", content_type="text/html")

    def look(picture: Picture, kind: str = "document") -> dict[str, Any]:
        image = base64.b64encode(jpeg(picture, 92).tobytes()).decode()
        return dict(page.evaluate(_LOOK, [image, kind, limits]))

    page.route("**/*", serve)
    page.goto(f"{HOST}/")
    return look
