"""The ring of the last minutes: what it keeps, whose it is, and when it goes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route

from tests.e2e.steps import text
from tests.identity_page import looking
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.e2e

_OPEN = """async (id) => {
  const { RingStore } = await import("/static/js/media/ring-store.js");
  window.store = await RingStore.open(id);
}"""
_ADD = """async () => {
  const endedAt = Date.now();
  const data = new Uint8Array(1000).buffer;
  await window.store.add({ source: "camera", startedAt: endedAt - 5000, endedAt, data });
  const found = await window.store.between("camera", 0, endedAt + 1);
  const read = await Promise.all(found.map(({ id }) => window.store.read(id)));
  return read.map((media) => media.byteLength);
}"""
_KEPT = """async () =>
  (await indexedDB.databases()).map(({ name }) => name.replace("proctorhub-ring:", "")).sort()"""
_LEFT = """async ([id, finished_at]) => {
  const { sendLeft } = await import("/static/js/media/leftover.js");
  await sendLeft({ id, finished_at }, () => {});
}"""
_FORGET = """async (spared) => {
  const { forget } = await import("/static/js/media/ring-store.js");
  await forget((id) => id !== spared);
}"""


@pytest.fixture
def context(browser_with: Callable[[str], Browser]) -> BrowserContext:
    return browser_with("astronaut").new_context()


def page_of(context: BrowserContext) -> Page:
    """A page of one browser, which may import the scripts."""
    page = context.new_page()
    looking(page)
    return page


def keeping(context: BrowserContext, session_id: str) -> Page:
    """A page whose ring holds one chunk of a session."""
    page = page_of(context)
    page.evaluate(_OPEN, session_id)
    assert page.evaluate(_ADD) == [1000]
    return page


@pytest.mark.parametrize(
    "finished_at", [None, "2026-01-01T10:00:00Z"], ids=["planned", "long over"]
)
def test_the_page_of_another_session_leaves_a_running_ring(
    context: BrowserContext, finished_at: str | None
) -> None:
    running, other = keeping(context, "running"), page_of(context)
    other.evaluate(_LEFT, ["other", finished_at])
    assert running.evaluate(_ADD) == [1000, 1000]


def test_signing_out_in_another_window_leaves_a_running_ring(context: BrowserContext) -> None:
    running, other = keeping(context, "running"), page_of(context)
    other.evaluate(_FORGET, None)
    assert running.evaluate(_ADD) == [1000, 1000]


def test_a_session_that_ends_wipes_its_own_ring_alone(context: BrowserContext) -> None:
    first, second = keeping(context, "first"), keeping(context, "second")
    first.evaluate("() => window.store.wipe()")
    assert second.evaluate(_ADD) == [1000, 1000]
    assert second.evaluate(_KEPT) == ["second"]


def test_a_ring_open_twice_goes_with_the_last_page(context: BrowserContext) -> None:
    one, two = keeping(context, "both"), page_of(context)
    two.evaluate(_OPEN, "both")
    one.evaluate("() => window.store.wipe()")
    assert two.evaluate(_ADD) == [1000, 1000]
    two.evaluate("() => window.store.wipe()")
    assert two.evaluate(_KEPT) == []


def test_what_an_earlier_page_left_goes_when_another_exam_begins(context: BrowserContext) -> None:
    keeping(context, "abandoned").close()
    begun = keeping(context, "begun")
    assert begun.evaluate(_KEPT) == ["abandoned", "begun"]
    begun.evaluate(_FORGET, "begun")
    assert begun.evaluate(_KEPT) == ["begun"]


def test_a_ring_goes_on_when_the_browser_closed_its_database(context: BrowserContext) -> None:
    running = keeping(context, "running")
    running.evaluate(
        """() => new Promise((gone) => {
          indexedDB.deleteDatabase("proctorhub-ring:running").onsuccess = gone;
        })"""
    )
    assert running.evaluate(_ADD) == [1000]


#: Records the fake camera twice on a full disk, then on one with room.
_RECORD = """async () => {
  const { Ring } = await import("/static/js/media/ring.js");
  const { USUAL, partOf } = await import("/static/js/media/sending.js");
  const Stock = MediaRecorder;
  window.MediaRecorder = class extends Stock {
    constructor(...all) {
      super(...all);
      this.addEventListener("dataavailable", ({ data }) => data.size && window.delivered());
    }
  };
  const add = IDBObjectStore.prototype.add;
  const told = [];
  const ring = new Ring("full", (keeping) => told.push(keeping));
  const stream = await navigator.mediaDevices.getUserMedia({ video: true });
  const record = async (source, full) => {
    IDBObjectStore.prototype.add = function (...all) {
      if (full && this.name === "chunks") throw new DOMException("full", "QuotaExceededError");
      return add.apply(this, all);
    };
    const delivered = new Promise((resolve) => (window.delivered = resolve));
    ring.keep(source, stream, partOf(USUAL, "camera"));
    await delivered;
    await ring.drop(source);
  };
  await record("camera", true);
  await record("camera", true);
  const while_full = [...told];
  await record("camera", false);
  return { while_full, afterwards: told, kept: (await ring.between("camera", 0, Infinity)).length };
}"""


def test_what_cannot_be_kept_is_told_once(context: BrowserContext) -> None:
    page = page_of(context)
    warnings: list[str] = []
    uncaught: list[object] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "warning":
            warnings.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: uncaught.append(error))
    found = page.evaluate(_RECORD)
    assert found == {"while_full": [False], "afterwards": [False, True], "kept": 1}
    assert len(warnings) == 1
    assert "QuotaExceededError" in warnings[0]
    assert uncaught == []


#: The candidate's side of the media on a page of its own; no server answers it.
_ON_AIR = """async () => {
  const { SitMedia } = await import("/static/js/session/sit-media.js");
  const { USUAL } = await import("/static/js/media/sending.js");
  const ids = "dock proctor-tile screen-tile camera-video screen-video proctor-video camera-chip " +
    "screen-chip proctor-chip proctor-sound own-level media-problem media-fix";
  for (const id of ids.split(" ")) {
    const part = document.createElement(id.endsWith("-video") ? "video" : "div");
    part.id = id;
    document.body.append(part);
  }
  document.querySelector("#media-problem").append(document.createElement("p"));
  window.copies = [];
  const clone = MediaStreamTrack.prototype.clone;
  MediaStreamTrack.prototype.clone = function () {
    const copy = clone.call(this);
    window.copies.push(copy);
    return copy;
  };
  window.recorders = [];
  const Stock = MediaRecorder;
  window.MediaRecorder = class extends Stock {
    constructor(...all) {
      super(...all);
      this.heard = new Promise((heard) => {
        this.addEventListener("dataavailable", ({ data }) => data.size && heard());
      });
      window.recorders.push(this);
    }
  };
  window.given = {
    camera: await navigator.mediaDevices.getUserMedia({ video: true, audio: true }),
    screen: await navigator.mediaDevices.getDisplayMedia({ video: true }),
  };
  const options = { sessionId: "off", needsScreen: true, wanted: USUAL };
  window.media = new SitMedia({ ...options, onLine() {}, onRefused() {}, onRest() {} });
  window.media.watching = true;
  await window.media.open(window.given);
  await Promise.all(window.recorders.map(({ heard }) => heard));
}"""
#: One track of a source is taken away, as by pulling a plug or "Stop sharing".
_TAKEN = """([source, kind]) => {
  const track = window.given[source].getTracks().find((one) => one.kind === kind);
  track.stop();
  track.dispatchEvent(new Event("ended"));
}"""
_SEEN = """() => ({
  copies: window.copies.map((copy) => copy.readyState),
  recorders: window.recorders.map(({ state }) => state),
  problem: document.querySelector("#media-problem p").textContent,
})"""
_RING_OF = """async (source) => {
  const { RingStore } = await import("/static/js/media/ring-store.js");
  return (await (await RingStore.open("off")).between(source, 0, Infinity)).length;
}"""


@pytest.mark.parametrize(
    ("source", "kind", "says"),
    [
        ("camera", "audio", "Your camera and microphone are off."),
        ("camera", "video", "Your camera and microphone are off."),
        ("screen", "video", "Your screen is not shared."),
    ],
)
def test_what_is_said_to_be_off_is_not_recorded(
    context: BrowserContext, source: str, kind: str, says: str
) -> None:
    page = page_of(context)
    page.evaluate(_ON_AIR)
    page.evaluate(_TAKEN, [source, kind])
    seen = page.evaluate(_SEEN)
    on_air = [one != source for one in ("camera", "screen")]
    assert seen["copies"] == ["live" if on else "ended" for on in on_air]
    assert seen["recorders"] == ["recording" if on else "inactive" for on in on_air]
    assert seen["problem"].startswith(says)
    # what was kept before stays
    kept = page.wait_for_function(_RING_OF, arg=source)
    assert kept.json_value() == 1
    page.evaluate("() => window.media.startCamera().then(() => window.media.close(null))")
    assert set(page.evaluate(_SEEN)["copies"]) == {"ended"}


def test_a_source_whose_track_ends_unseen_is_recorded_no_longer(context: BrowserContext) -> None:
    page = page_of(context)
    page.evaluate(_ON_AIR)
    page.evaluate("() => window.given.camera.getAudioTracks()[0].stop()")
    page.wait_for_function("() => window.copies[0].readyState === 'ended'")
    assert page.evaluate(_SEEN)["recorders"][0] == "inactive"


ENDED = datetime(2026, 11, 22, 12, tzinfo=UTC)
CHUNKS = 60
_FILLED = """async ([ended, count]) => {
  const { RingStore } = await import("/static/js/media/ring-store.js");
  const store = await RingStore.open("over");
  for (let startedAt = ended - 5000 * count; startedAt < ended; startedAt += 5000) {
    const data = new Uint8Array(100).buffer;
    await store.add({ source: "camera", startedAt, endedAt: startedAt + 5000, data });
  }
}"""
_SENDING = """async ([finished_at]) => {
  const { sendLeft } = await import("/static/js/media/leftover.js");
  window.told = [];
  const tell = (state) => state === window.told.at(-1) || window.told.push(state);
  sendLeft({ id: "over", finished_at }, tell).then(() => (window.over = true));
}"""


class Api:
    """What the server says of the session that is over, and what it is sent."""

    def __init__(self, page: Page) -> None:
        self.settled = False
        self.sent = 0
        page.route("**/api/v1/**", self)

    def __call__(self, route: Route) -> None:
        if route.request.method == "PUT":
            self.sent += 1
            route.fulfill(json={"number": self.sent - 1, "filled": []})
        else:
            route.fulfill(json={"items": [self._camera()], "settled": self.settled})

    def _camera(self) -> dict[str, Any]:
        started_at = ENDED - timedelta(seconds=5 * (CHUNKS - self.sent))
        gap = {"started_at": text(started_at), "ended_at": text(ENDED)}
        gaps = [gap] if self.settled and self.sent < CHUNKS else []
        return {"source": "camera", "next_number": self.sent, "gaps": gaps}


def told(page: Page) -> list[str]:
    """What the page says until it has done what it can."""
    page.wait_for_function("() => window.over", polling=100, timeout=PATIENCE_S * 1000)
    return list(page.evaluate("() => window.told"))


@pytest.fixture
def ended(context: BrowserContext) -> Page:
    """A page, half a minute after the end of a session of which an earlier one kept all."""
    earlier = page_of(context)
    earlier.evaluate(_FILLED, [ENDED.timestamp() * 1000, CHUNKS])
    earlier.close()
    page = page_of(context)
    page.clock.install(time=ENDED + timedelta(seconds=30))
    return page


def test_after_the_end_all_is_sent_without_pauses(ended: Page) -> None:
    api = Api(ended)
    api.settled = True
    ended.clock.pause_at(ENDED + timedelta(minutes=1))
    ended.evaluate(_SENDING, [text(ENDED)])
    assert told(ended) == ["checking", "sending", "sent"]
    assert api.sent == CHUNKS
    assert ended.evaluate(_KEPT) == []


def test_what_is_missing_is_sent_however_late_it_settles(ended: Page) -> None:
    api = Api(ended)
    with ended.expect_response("**/backfill"):
        ended.evaluate(_SENDING, [text(ENDED)])
    ended.clock.fast_forward("09:00")
    api.settled = True
    assert told(ended) == ["checking", "sending", "sent"]
    assert api.sent == CHUNKS
    assert ended.evaluate(_KEPT) == []


def test_when_the_server_takes_nothing_more_it_goes(ended: Page) -> None:
    api = Api(ended)
    with ended.expect_response("**/backfill"):
        ended.evaluate(_SENDING, [text(ENDED)])
    assert ended.evaluate(_KEPT) == ["over"]
    ended.clock.fast_forward("10:00")
    assert told(ended) == ["checking", "late"]
    assert api.sent == 0
    assert ended.evaluate(_KEPT) == []


_LOOK = """async (id) => {
  const { Ring } = await import("/static/js/media/ring.js");
  const { Backfill } = await import("/static/js/media/backfill.js");
  const line = { onAir: () => true, tight: () => false };
  window.backfill ??= new Backfill({ sessionId: id, ring: new Ring(id), ...line });
  await window.backfill.look();
}"""


def test_a_chunk_of_no_use_for_one_gap_is_sent_for_another(context: BrowserContext) -> None:
    page = page_of(context)
    page.evaluate(_OPEN, "mine")
    page.evaluate(_ADD)
    now = datetime.now(UTC)
    gaps: list[dict[str, str]] = []
    asked_for: list[int] = []

    def answer(route: Route) -> None:
        if route.request.method == "PUT":
            asked_for.append(len(gaps))
            problem = {"status": 409, "code": "no_gap", "detail": "Nothing is missing then."}
            route.fulfill(status=409, json=problem, content_type="application/problem+json")
        else:
            camera = {"source": "camera", "next_number": 0, "gaps": gaps}
            route.fulfill(json={"items": [camera], "settled": False})

    page.route("**/api/v1/**", answer)
    for seconds in (4, 1):
        started_at = now - timedelta(seconds=seconds)
        gaps.append({"started_at": text(started_at), "ended_at": text(now)})
        page.evaluate(_LOOK, "mine")
        page.evaluate(_LOOK, "mine")
    assert asked_for == [1, 2]
