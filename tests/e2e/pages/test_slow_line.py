"""When the candidate's page offers low-bandwidth mode, and when the offer goes away by itself."""

from __future__ import annotations

import pytest
from playwright.sync_api import Playwright

from tests.e2e.conftest import CHROMIUM
from tests.identity_page import looking

pytestmark = pytest.mark.e2e

#: A camera that may send 1000 kbit/s, on a line of which the page hears five times a second.
_OFFERED = """async (line) => {
  const { UNKNOWN, heard } = await import("/static/js/session/slow-line.js");
  let known = UNKNOWN;
  let at = 1000;
  const changes = [];
  for (const [kbit, seconds] of line) {
    for (const until = at + seconds * 1000; at < until; at += 200) {
      const before = known.offered;
      known = heard(known, at, kbit, { kbit: 1000 });
      if (known.offered !== before) changes.push((at - 1000) / 1000);
    }
  }
  return changes;
}"""

#: (kbit/s, seconds)… and when the offer comes, goes, comes …, in seconds.
LINES: list[tuple[list[tuple[int, int]], list[int]]] = [
    ([(2000, 60)], []),
    ([(599, 60)], [27]),
    ([(600, 60)], []),
    # the browser begins low and finds out
    ([(300, 26), (2000, 60)], []),
    ([(2000, 60), (300, 11), (2000, 60)], []),
    ([(2000, 60), (300, 13)], [72]),
    # good for long enough, and it goes
    ([(300, 40), (2000, 19)], [27]),
    ([(300, 40), (2000, 60)], [27, 60]),
    ([(300, 40), (800, 60)], [27, 60]),
    # neither poor nor good leaves it as it is
    ([(300, 40), (700, 60)], [27]),
    ([(2000, 40), (700, 60)], []),
    # one bad moment, and it has to be good for long again
    ([(300, 40), (2000, 15), (700, 1), (2000, 30)], [27, 76]),
    # and poor again
    ([(300, 40), (2000, 30), (300, 30)], [27, 60, 82]),
]


def test_the_offer_comes_and_goes(playwright: Playwright) -> None:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
    page = browser.new_page()
    looking(page)
    found = [(line, page.evaluate(_OFFERED, line)) for line, _ in LINES]
    browser.close()
    assert found == LINES
