"""A candidate's line that gets narrow, wide and narrow again: what is sent follows it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import av
import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.networks import Computer, page_of
from tests.e2e.conftest import Server
from tests.e2e.steps import arrive, new_exam, seconds, state, switch_on
from tests.e2e.wire import CONNECTIONS, Look, looks
from tests.waiting import wait_for

pytestmark = pytest.mark.e2e

NARROW_KBIT, WIDE_KBIT = 300, 2000
#: So many seconds are looked at together, and so long it is waited for.
SPAN_S, WITHIN_S = 6, 60
#: The line's buffer alone holds a second.
SHORT_QUEUE_MS = 400
#: A sender may pause so long without anything missing.
PAUSE_S = 2.5


def mean_kbit(seen: list[Look]) -> float:
    return sum(look.kbit for look in seen) / len(seen)


def fits(seen: list[Look]) -> bool:
    """The line carries what is sent, its queue is short, and both sources have their share."""
    if {len(look.frames) for look in seen} != {2}:
        return False
    sent = [sum(frames) for frames in zip(*(look.frames for look in seen), strict=True)]
    return (
        NARROW_KBIT * 0.3 <= mean_kbit(seen) <= NARROW_KBIT * 1.1
        and seen[-1].trip_ms <= SHORT_QUEUE_MS
        and min(sent) >= SPAN_S / 2
    )


def wide(seen: list[Look]) -> bool:
    return mean_kbit(seen) >= 1.5 * NARROW_KBIT


def until(page: Page, follows: Callable[[list[Look]], bool], what: str) -> list[Look]:
    """Look until what is sent follows the line; how long that takes is not for a test to say."""
    seen: list[Look] = []
    while len(seen) < SPAN_S or not follows(seen[-SPAN_S:]):
        assert len(seen) < WITHIN_S, (what, seen)
        seen += looks(page, 1)
    print(what, [(round(look.kbit), round(look.trip_ms), look.frames) for look in seen])
    return seen


def shown_at(server: Server, session_id: str, source: str, path: Path) -> list[float]:
    """UTC seconds of all recorded pictures of a source; a complaint of the decoder fails."""
    tracks = server.api("GET", f"/sessions/{session_id}/media")["tracks"]
    (segments,) = [track["segments"] for track in tracks if track["source"] == source]
    shown: list[float] = []
    for segment in segments:
        path.write_bytes(server.fetch(f"/api/v1/sessions/{session_id}/segments/{segment['id']}"))
        began = seconds(segment["started_at"])
        with av.open(str(path)) as container:
            for video in container.streams.video:
                video.codec_context.options = {"err_detect": "explode"}
                # a segment's times are those of the session; it begins with a keyframe
                times = [float(frame.time or 0) for frame in container.decode(video)]
                shown += [began + time - times[0] for time in times]
    return shown


def noted(server: Server, session_id: str, source: str) -> list[tuple[float, float, str]]:
    """From when to when, UTC seconds, pictures of a source are known to be missing, and why."""
    tracks = server.api("GET", f"/sessions/{session_id}/media")["tracks"]
    (accounts,) = [track["by_track"] for track in tracks if track["source"] == source]
    (video,) = [account for account in accounts if account["track"] == "video"]
    return [
        (seconds(gap["started_at"]), seconds(gap["ended_at"]), gap["cause"])
        for gap in [*video["gaps"], *video["healed"]]
    ]


def saves_bandwidth(server: Server, sit: Page, session_id: str) -> None:
    """In the middle of a session the page offers low-bandwidth mode by itself."""
    expect(sit.get_by_test_id("saver-offer")).to_be_visible()
    sit.get_by_test_id("saver-yes").click()
    expect(sit.get_by_test_id("saver-on")).to_be_visible()
    expect(sit.get_by_test_id("saver-offer")).to_be_hidden()
    media = server.api("GET", f"/sessions/{session_id}")["media"]
    assert (media["low_bandwidth"], media["low_bandwidth_by"]) == (True, "candidate")


def test_what_is_sent_follows_the_line(
    server: Server,
    computer: Computer,
    browser_with: Callable[..., Browser],
    sign_in: Callable[..., Page],
    tmp_path: Path,
) -> None:
    candidate, proctor = server.new_user("candidate"), server.new_user("proctor")
    exam = new_exam(server, proctor, candidate)
    size = {"width": 640, "height": 480}
    server.api("PATCH", f"/exams/{exam['id']}", {"media": {"camera": size}})
    more = [page_of(server.url)]
    sit = sign_in(browser_with("astronaut", executable=computer.chromium, more=more), candidate)
    sit.add_init_script(CONNECTIONS)
    sit.goto(f"{server.url}/exams")
    arrive(sit)
    switch_on(sit)
    state(sit, "sit", "waiting")
    session_id = str(sit.get_by_test_id("sit").get_attribute("data-session-id"))

    until(sit, wide, "wide")
    computer.cable.narrow(NARROW_KBIT)
    narrow = until(sit, fits, "narrow")
    computer.cable.narrow(WIDE_KBIT)
    until(sit, wide, "wide again")
    computer.cable.narrow(NARROW_KBIT)
    again = until(sit, fits, "narrow again")

    def stored() -> bool:
        shown = shown_at(server, session_id, "camera", tmp_path / "segment.webm")
        spans = [(seen[0].at_s, seen[-1].at_s) for seen in (narrow, again)]
        return all(any(start <= at <= end for at in shown) for start, end in spans)

    wait_for(stored, "pictures of both narrow times")
    shown = sorted(shown_at(server, session_id, "camera", tmp_path / "segment.webm"))
    holes = [(a, b) for a, b in pairwise(shown) if b - a > PAUSE_S]
    known = noted(server, session_id, "camera")
    print("without a picture", [round(b - a, 1) for a, b in holes], "noted", known)
    for start, end in holes:
        assert any(a < end and b > start for a, b, _ in known), (start, end, known)
    saves_bandwidth(server, sit, session_id)
