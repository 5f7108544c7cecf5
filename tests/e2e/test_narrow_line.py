"""A candidate's line that gets narrow, wide and narrow again: what is sent follows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import av
import pytest
import requests
from playwright.sync_api import Browser, Page

from tests.e2e import networks
from tests.e2e.conftest import Server
from tests.e2e.steps import arrive, new_exam, state, switch_on
from tests.e2e.wire import CONNECTIONS, Look, looks

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not networks.allowed(), reason="this machine lets nobody make networks"),
]

NARROW_KBIT, WIDE_KBIT = 300, 2000
SETTLED_S = 10
#: The line's buffer alone holds a second.
SHORT_QUEUE_MS = 400
#: A segment is stored within seconds behind its end.
STORED_MS = 14_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with networks.reachable(tmp_path_factory.mktemp("reachable")) as running:
        yield running


@pytest.fixture
def computer(tmp_path: Path) -> Iterator[networks.Computer]:
    made = networks.Computer(tmp_path)
    yield made
    made.remove()


def mean_kbit(seen: list[Look]) -> float:
    return sum(look.kbit for look in seen) / len(seen)


def fits(seen: list[Look], kbit: int) -> None:
    """The line carries what is sent, its queue is short, and both sources have their share."""
    print([(round(look.kbit), round(look.trip_ms), look.frames) for look in seen])
    settled = seen[SETTLED_S:]
    assert kbit * 0.3 <= mean_kbit(settled) <= kbit * 1.1
    assert settled[-1].trip_ms <= SHORT_QUEUE_MS
    for frames in zip(*(look.frames for look in settled), strict=True):
        assert sum(frames) >= len(settled) / 2


def shown_at(server: Server, session_id: str, source: str, path: Path) -> list[float]:
    """UTC seconds of all recorded pictures of a source; a complaint of the decoder fails."""
    tracks = server.api("GET", f"/sessions/{session_id}/media")["tracks"]
    (segments,) = [track["segments"] for track in tracks if track["source"] == source]
    shown: list[float] = []
    for segment in segments:
        url = f"{server.url}/api/v1/sessions/{session_id}/segments/{segment['id']}"
        headers = {"Authorization": f"Bearer {server.token}"}
        path.write_bytes(requests.get(url, headers=headers, timeout=30).content)
        began = datetime.fromisoformat(segment["started_at"]).timestamp()
        with av.open(str(path)) as container:
            for video in container.streams.video:
                video.codec_context.options = {"err_detect": "explode"}
                shown += [began + float(frame.time or 0) for frame in container.decode(video)]
    return shown


def test_what_is_sent_follows_the_line(
    server: Server,
    computer: networks.Computer,
    browser_with: Callable[..., Browser],
    sign_in: Callable[..., Page],
    tmp_path: Path,
) -> None:
    candidate, proctor = server.new_user("candidate"), server.new_user("proctor")
    exam = new_exam(server, proctor, candidate)
    size = {"width": 640, "height": 480}
    server.api("PATCH", f"/exams/{exam['id']}", {"media": {"camera": size}})
    more = [networks.page_of(server)]
    sit = sign_in(browser_with("astronaut", executable=computer.chromium, more=more), candidate)
    sit.add_init_script(CONNECTIONS)
    sit.goto(f"{server.url}/exams")
    arrive(sit)
    switch_on(sit)
    state(sit, "sit", "waiting")
    session_id = str(sit.get_by_test_id("sit").get_attribute("data-session-id"))

    assert mean_kbit(looks(sit, 6)) >= 2 * NARROW_KBIT
    computer.cable.narrow(NARROW_KBIT)
    narrow = looks(sit, 18)
    fits(narrow, NARROW_KBIT)
    computer.cable.narrow(WIDE_KBIT)
    wide = looks(sit, 22)
    print([(round(look.kbit), round(look.trip_ms), look.frames) for look in wide])
    assert mean_kbit(wide[-5:]) >= 1.5 * NARROW_KBIT
    computer.cable.narrow(NARROW_KBIT)
    again = looks(sit, 18)
    fits(again, NARROW_KBIT)

    sit.wait_for_timeout(STORED_MS)
    shown = shown_at(server, session_id, "camera", tmp_path / "segment.webm")
    for seen in (narrow, again):
        assert any(seen[0].at_s <= at <= seen[-1].at_s for at in shown)
