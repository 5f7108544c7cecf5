"""Looks at a page as axe-core, a keyboard and an eye do.

`axe-core-4.14.1/` holds the untouched `axe.min.js` of that npm package (MPL-2.0); it runs in tests
only and is never served.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import ConsoleMessage, Page

AXE = Path(__file__).with_name("axe-core-4.14.1").joinpath("axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
VIEWS = {
    "wide light": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"},
    "phone dark": {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark"},
}
DARK, LIGHT = 80, 170

_SETTLED = """() => {
  const loading = [...document.querySelectorAll("[data-role=loading]")];
  const link = document.querySelector("#link-state");
  if (loading.some((part) => part.checkVisibility())) return false;
  const wanted = location.pathname.endsWith("/none") ? "refused" : "online";
  return !link || link.dataset.link === wanted;
}"""
_FOCUSED = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const shown = element.matches(".btn-check") ? element.nextElementSibling : element;
  const { outlineWidth, outlineStyle } = getComputedStyle(shown);
  const name = element.id || element.dataset.testid || element.textContent.trim();
  return { name, outlined: parseFloat(outlineWidth) >= 2 && outlineStyle !== "none" };
}"""


class Complaints:
    """What the browser's console and the page's scripts complained of."""

    def __init__(self, page: Page) -> None:
        self.heard: list[str] = []
        page.on("pageerror", lambda error: self.heard.append(f"script: {error}"))
        page.on("console", self._console)

    def _console(self, message: ConsoleMessage) -> None:
        # a refused request is told by the page itself and is no fault of its scripts
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.heard.append(f"console: {message.text}")


def settled(page: Page) -> None:
    """Wait until nothing is loading and the live connection stands (for no session, is refused)."""
    page.wait_for_function(_SETTLED)


def violations(page: Page) -> list[str]:
    """Return what axe-core finds, a line each."""
    page.evaluate(f"{AXE}; undefined")
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)["violations"]
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary'][:200]}"
        for rule in found
        for node in rule["nodes"]
    ]


def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth - innerWidth")


def brightness(page: Page) -> float:
    """Return how bright the page is on the whole, 0 to 255."""
    return float(np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("L")).mean())


def faults(page: Page) -> list[str]:
    """Return everything wrong with how the page is built and laid out."""
    wide = overflow(page)
    return violations(page) + ([f"{wide} px too wide"] if wide > 0 else [])


def tab_stops(page: Page, most: int = 120) -> list[dict]:
    """Press Tab through the page; return each stop and whether its focus can be seen."""
    stops: list[dict] = []
    for _ in range(most):
        page.keyboard.press("Tab")
        stop = page.evaluate(_FOCUSED)
        if stop is None:
            break
        stops.append(stop)
    return stops
