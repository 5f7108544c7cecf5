"""What a page puts on the wire, as its own connections count it."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Page

#: IPv4 and UDP headers; what Chromium counts begins behind them.
HEADERS = 28

#: For `add_init_script`.
CONNECTIONS = """
  window.connections = [];
  const Stock = RTCPeerConnection;
  window.RTCPeerConnection = class extends Stock {
    constructor(...given) { super(...given); window.connections.push(this); }
  };
"""
_SENT = """async headers => {
  let bytes = 0;
  for (const pc of window.connections) {
    if (pc.connectionState !== "connected") continue;
    for (const stat of (await pc.getStats()).values())
      if (stat.type === "transport") bytes += stat.bytesSent + headers * stat.packetsSent;
  }
  return { bytes, at: performance.now() };
}"""


def opened(page: Page) -> int:
    """How many connections the page has made."""
    return int(page.evaluate("window.connections.length"))


def kbit(page: Page, seconds: float) -> float:
    """kbit/s on the wire, all connections together, everything counted."""
    before = page.evaluate(_SENT, HEADERS)
    page.wait_for_timeout(seconds * 1000)
    after = page.evaluate(_SENT, HEADERS)
    return float((after["bytes"] - before["bytes"]) * 8 / (after["at"] - before["at"]))


_LOOK = """async headers => {
  const seen = { at: Date.now(), sources: {} };
  for (const [number, pc] of window.connections.entries()) {
    if (pc.connectionState !== "connected") continue;
    const one = { bytes: 0, trip: 0, frames: 0 };
    for (const stat of (await pc.getStats()).values()) {
      if (stat.type === "transport") one.bytes = stat.bytesSent + headers * stat.packetsSent;
      if (stat.type === "candidate-pair" && stat.nominated)
        one.trip = stat.currentRoundTripTime ?? 0;
      if (stat.type === "outbound-rtp" && stat.kind === "video") one.frames = stat.framesSent;
    }
    seen.sources[number] = one;
  }
  return seen;
}"""


@dataclass(frozen=True)
class Look:
    """A second of all connections together; pictures sent for each."""

    at_s: float
    kbit: float
    trip_ms: float
    frames: tuple[int, ...]


def looks(page: Page, seconds: int) -> list[Look]:
    """Look once a second."""
    before, seen = page.evaluate(_LOOK, HEADERS), []
    for _ in range(seconds):
        page.wait_for_timeout(1000)
        now = page.evaluate(_LOOK, HEADERS)
        pairs = [(before["sources"].get(n), one) for n, one in sorted(now["sources"].items())]
        new = {"bytes": 0, "frames": 0}
        sent = [(one["bytes"] - (was or new)["bytes"]) * 8 for was, one in pairs]
        seen.append(
            Look(
                now["at"] / 1000,
                sum(sent) / (now["at"] - before["at"]),
                1000 * max((one["trip"] for _, one in pairs), default=0.0),
                tuple(one["frames"] - (was or new)["frames"] for was, one in pairs),
            )
        )
        before = now
    return seen
