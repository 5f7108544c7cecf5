"""What the candidate's page kept during an outage fills the gap afterwards."""

from __future__ import annotations

import io
import os
import signal
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import av
import pytest
from playwright.sync_api import Browser, Page, expect

from proctorhub.domain.backfill import MAX_CHUNK_MS
from tests.e2e import processes
from tests.e2e.conftest import Server, picture
from tests.e2e.pixels import likeness
from tests.e2e.steps import ALIKE, looks_like, seconds, state, waiting
from tests.waiting import wait_for

pytestmark = pytest.mark.e2e

OUTAGE_S = 15.0
#: A browser sends on for some seconds before it misses the answers, and the node finds that in its
#: socket's buffer when it goes on: it is recorded, though late.
BUFFERED_S = 8.0
#: A page that went on trying would have done so by then.
RETRIED_WITHIN_MS = 3000
#: Lets a test take the live changes away from a page.
SOCKETS = """
  window.sockets = [];
  const Stock = WebSocket;
  window.WebSocket = class extends Stock {
    constructor(url, ...more) {
      super(window.deaf ? "ws://127.0.0.1:9/" : url, ...more);
      window.sockets.push(this);
    }
  };
"""
#: So few pictures come from an encoder that has to share two cores with everything else.
LONGEST_STILL_S = 2.0
#: Between a picture that is there again and the page that shows it.
TOLD_S = 2.0


def tracks(server: Server, session_id: str) -> dict[str, dict[str, Any]]:
    """Return what is recorded of the candidate, by source."""
    found = server.tracks(session_id)
    return {source: track for source, track in found.items() if source != "proctor"}


def healed(
    server: Server, session_id: str, sources: set[str], since: float
) -> dict[str, dict[str, Any]]:
    """Wait until all that the browser has of some sources' outage, over at `since`, is filled in.

    What is missing is noted segment by segment, and filled from then on: some of it while the
    outage lasts. `since` is in UTC seconds.
    """

    def whole() -> dict[str, dict[str, Any]] | None:
        found = {s: track for s, track in tracks(server, session_id).items() if s in sources}
        done = found.keys() == sources and all(is_filled(t, since) for t in found.values())
        return found if done else None

    return dict(wait_for(whole, lambda: tracks(server, session_id)))


def is_filled(track: dict[str, Any], since: float) -> bool:
    """Whether the node has more, a gap was filled and none is left but a busy browser's pauses."""
    own = [s for s in track["segments"] if s["origin"] == "node"]
    goes_on = any(seconds(s["ended_at"]) > since for s in own)
    left_open = [gap for gap in track["gaps"] if length(gap) >= LONGEST_STILL_S]
    return goes_on and bool(track["healed"]) and not left_open


def length(gap: dict[str, Any]) -> float:
    return seconds(gap["ended_at"]) - seconds(gap["started_at"])


def left(track: dict[str, Any]) -> float:
    """How many seconds the browser had not either."""
    return sum(map(length, track["gaps"]))


def longest(gaps: list[dict[str, Any]]) -> dict[str, Any]:
    return max(gaps, key=length)


def kept(page: Page) -> list[dict[str, Any]]:
    """What the ring holds, and whether any of it can be read without its key."""
    return page.evaluate(
        """async () => {
          const ring = ({ name }) => name.startsWith("proctorhub-ring:");
          const request = indexedDB.open((await indexedDB.databases()).find(ring).name);
          const done = (asked) =>
            new Promise((resolve) => (asked.onsuccess = () => resolve(asked.result)));
          const database = await done(request);
          const all = (name) => done(database.transaction(name).objectStore(name).getAll());
          const [session] = await all("session");
          const chunks = await all("chunks");
          database.close();
          return chunks.map((chunk) => ({
            source: chunk.source,
            ms: chunk.endedAt - chunk.startedAt,
            bytes: chunk.sealed.byteLength,
            plain: new TextDecoder("latin1").decode(chunk.sealed.slice(0, 4096)).includes("webm"),
            extractable: session.key.extractable,
          }));
        }"""
    )


def cut(server: Server, sit: Page, seconds_long: float) -> float:
    """Stop the media node for a while; return how long after that the page was on air again."""
    (node,) = processes.of(server.data_dir, "media")
    os.kill(node, signal.SIGSTOP)
    try:
        stopped = time.monotonic()
        chip = sit.get_by_test_id("camera-state")
        expect(chip).to_have_attribute("data-state", "retrying")
        print(f"seen after {time.monotonic() - stopped:.2f} s")
        sit.wait_for_timeout(max(0, 1000 * (seconds_long - (time.monotonic() - stopped))))
    finally:
        os.kill(node, signal.SIGCONT)
    back = time.monotonic()
    for source in ("camera", "screen"):
        chip = sit.get_by_test_id(f"{source}-state")
        expect(chip).to_have_attribute("data-state", "live")
    return time.monotonic() - back


@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_an_outage_heals_from_the_candidates_own_recording(
    codec: str,
    server: Server,
    browser_with: Callable[[str], Browser],
    sign_in: Callable[..., Page],
) -> None:
    media = {source: {"codec": codec} for source in ("camera", "screen")}
    sit, console, session_id = waiting(server, browser_with, sign_in, media)
    sit.wait_for_timeout(6_000)
    back = cut(server, sit, OUTAGE_S)
    looks_like(console, "camera-video", "astronaut")
    found = healed(server, session_id, {"camera", "screen"}, time.time())
    for source, track in found.items():
        gap = longest(track["healed"])
        assert gap["origin"] == "client", source
        lost_s = sum(map(length, track["healed"])) + left(track)
        assert lost_s >= OUTAGE_S - BUFFERED_S, source
        assert length(gap) <= OUTAGE_S + back + TOLD_S, source
        assert abs(track["backfilled_s"] - sum(map(length, track["healed"]))) <= 1, source
        # until the first keyframe after an outage there may be sound alone
        assert {s["video_codec"] for s in track["segments"]} <= {codec.upper(), None}
        missing_s = (1 - track["completeness"]) * track["expected_s"]
        assert missing_s <= left(track) + 0.5, source

    chunks = kept(sit)
    assert {c["source"] for c in chunks} == {"camera", "screen"}
    assert all(c["bytes"] and not c["plain"] and not c["extractable"] for c in chunks)
    assert max(c["ms"] for c in chunks) <= MAX_CHUNK_MS

    console.get_by_test_id("interrupt").click()
    console.get_by_test_id("interrupt-reason").fill("The end of the test.")
    console.get_by_role("dialog").get_by_role("button", name="End early").click()
    state(sit, "sit", "interrupted")
    sit.wait_for_function(
        """async () =>
          !(await indexedDB.databases()).some(({ name }) => name.startsWith("proctorhub-ring:"))"""
    )
    expect(sit.get_by_test_id("rest")).to_have_attribute("data-state", "sent")
    expect(sit.get_by_test_id("rest")).to_contain_text("You may close this page.")
    reported = server.api("GET", f"/sessions/{session_id}/report")
    (camera,) = [item for item in reported["sources"] if item["source"] == "camera"]
    plays_through(server.fetch(camera["url"]), camera)
    assert reported["log"]["intact"]
    assert [e for e in reported["entries"] if e["kind"] == "segment.backfilled"]


#: Remembers the page's connections, so that a test can take the picture off one.
_CONNECTIONS = """
  const Before = window.RTCPeerConnection;
  window.connections = [];
  window.RTCPeerConnection = class extends Before {
    constructor(...all) { super(...all); window.connections.push(this); }
  };
"""
_PICTURE_OFF = """async () => {
  const sending = (kind) => (pc) => pc.getSenders().find((s) => s.track?.kind === kind);
  const live = window.connections.filter((pc) => pc.connectionState === "connected");
  const pc = live.findLast((one) => sending("audio")(one) && sending("video")(one));
  const sender = sending("video")(pc);
  window.taken = { sender, track: sender.track };
  await sender.replaceTrack(null);
}"""
_PICTURE_ON = "() => window.taken.sender.replaceTrack(window.taken.track)"


def test_the_picture_alone_lost_heals_while_the_sound_goes_on(
    server: Server, browser_with: Callable[[str], Browser], sign_in: Callable[..., Page]
) -> None:
    sit, console, session_id = waiting(server, browser_with, sign_in, script=_CONNECTIONS)
    sit.wait_for_timeout(8_000)
    sit.evaluate(_PICTURE_OFF)
    gone = time.monotonic()
    line = console.get_by_test_id("alarms").locator("li[data-part=track]")
    expect(line).to_contain_text("Camera, picture")
    print(f"told after {time.monotonic() - gone:.2f} s")
    sit.wait_for_timeout(max(0, 1000 * (OUTAGE_S - (time.monotonic() - gone))))
    sit.evaluate(_PICTURE_ON)
    off = time.monotonic() - gone
    expect(line).to_have_count(0)
    over = time.monotonic() - gone
    camera = healed(server, session_id, {"camera"}, time.time())["camera"]
    assert {gap["track"] for gap in camera["healed"]} == {"video"}
    picture, sound = camera["by_track"]
    assert (picture["track"], sound["track"]) == ("video", "audio")
    assert off - 3 <= picture["backfilled_s"] + left(picture) <= over + TOLD_S
    assert (sound["backfilled_s"], sound["gaps"]) == (0.0, [])


def plays_through(data: bytes, camera: dict[str, Any]) -> None:
    """Every picture decodes, the healed stretch shows the photograph, nothing is missing."""
    with av.open(io.BytesIO(data)) as container:
        frames = [(f.time, f.to_ndarray(format="rgb24")) for f in container.decode(video=0)]
    with av.open(io.BytesIO(data)) as container:
        heard = sum(f.samples / f.sample_rate for f in container.decode(audio=0))
    begin = seconds(camera["starts_at"])
    gap = longest(camera["healed"])
    start, end = seconds(gap["started_at"]) - begin, seconds(gap["ended_at"]) - begin
    inside = [(at, frame) for at, frame in frames if start <= at < end]
    assert all(b[0] - a[0] < LONGEST_STILL_S for a, b in pairwise(inside))
    assert inside[-1][0] - inside[0][0] >= end - start - LONGEST_STILL_S
    wanted = picture("astronaut")
    assert min(likeness(frame, wanted) for _, frame in inside) >= ALIKE
    assert heard >= 0.97 * camera["duration_s"]


def told_that_it_is_over(sit: Page, console: Page) -> None:
    """A session ends while its page hears of no change: it finds out, and tries no more."""
    sit.evaluate("window.deaf = true; window.sockets.forEach((socket) => socket.close())")
    expect(sit.locator("html")).to_have_attribute("data-link", "offline")
    console.get_by_test_id("interrupt").click()
    console.get_by_test_id("interrupt-reason").fill("The room has to be left.")
    console.get_by_test_id("confirm-interrupt").click()
    state(sit, "sit", "interrupted")
    expect(sit.locator("#ended-reason")).to_have_text("The room has to be left.")
    expect(sit.locator("#dock")).to_be_hidden()
    expect(sit.get_by_test_id("media-problem")).to_be_hidden()
    tried: list[str] = []
    sit.on("request", lambda request: tried.append(request.url))
    sit.wait_for_timeout(RETRIED_WITHIN_MS)
    assert not [url for url in tried if url.endswith("/tickets") or "/whip/" in url]


def test_pages_are_back_on_air_after_every_cut_and_know_when_it_is_over(
    server: Server, browser_with: Callable[[str], Browser], sign_in: Callable[..., Page]
) -> None:
    sit, console, session_id = waiting(server, browser_with, sign_in, script=SOCKETS)
    sit.wait_for_timeout(3_000)
    cuts = (3.5, 6, 8, 3)
    taken = [cut(server, sit, length) for length in cuts]
    print("on air again after", [round(seconds, 2) for seconds in taken])
    assert len(taken) == len(cuts)
    assert server.api("GET", f"/sessions/{session_id}")["state"] == "waiting"
    told_that_it_is_over(sit, console)
