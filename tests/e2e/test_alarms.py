"""A recorder, an uploader or a node that falls silent: the proctor hears of it within seconds."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e import processes
from tests.e2e.alarming import alarms, causes, logged, metric, over, reasons, told
from tests.e2e.conftest import Server
from tests.e2e.steps import looks_like, waiting
from tests.waiting import wait_for

pytestmark = pytest.mark.e2e

#: A file of this size the node may still write; a segment is larger within a second.
SMALL = 4_000


@contextmanager
def disk_refusing(pid: int) -> Iterator[None]:
    """Let a process write no more than small files, as if its disk were full."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (SMALL, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@contextmanager
def storage_hanging(server: Server, session_id: str) -> Iterator[Callable[[], bool]]:
    """Let the local storage block when it comes to the camera's next segment.

    It finds a file of that name and reads the sum beside it, which is a pipe that nobody writes
    to. Yields whether it blocks by now.
    """
    (camera,) = [
        track
        for track in server.api("GET", f"/sessions/{session_id}/media")["tracks"]
        if track["source"] == "camera"
    ]
    newest = camera["segments"][-1]
    folder = server.data_dir / "storage" / "blobs" / "sessions" / session_id / "camera"
    pipes = []
    for ahead in range(2, 5):
        blob = folder / newest["chain"] / f"{newest['seq'] + ahead:06d}.webm"
        blob.write_bytes(b"")
        pipe = blob.with_name(f"{blob.name}.sha256")
        os.mkfifo(pipe)
        pipes.append(pipe)
    try:
        yield lambda: _blocks(server, pipes[0])
    finally:
        for pipe in pipes:
            both = os.open(pipe, os.O_RDWR)
            pipe.unlink()
            pipe.with_suffix("").unlink()
            os.close(both)


def _blocks(server: Server, pipe: Path) -> bool:
    """Tell whether a thread of the node waits in opening a pipe."""
    (node,) = processes.of(server.data_dir, "media")
    waits = (p.read_text() for p in Path(f"/proc/{node}/task").glob("*/wchan"))
    return any("fifo" in name or "wait_for_partner" in name for name in waits)


@pytest.fixture
def seen(
    server: Server, browser_with: Callable[[str], Browser], sign_in: Callable[..., Page]
) -> tuple[Page, Page, str]:
    """A candidate on air, and the proctor's console."""
    sit, console, session_id = waiting(server, browser_with, sign_in)

    def stored() -> bool:
        tracks = server.api("GET", f"/sessions/{session_id}/media")["tracks"]
        return len(tracks) > 0 and len(tracks[0]["segments"]) >= 2

    wait_for(stored, "stored segments")
    expect(console.get_by_test_id("alarms")).to_be_hidden()
    return sit, console, session_id


def a_recorder_that_cannot_write(server: Server, console: Page, session_id: str) -> None:
    (node,) = processes.of(server.data_dir, "media")
    with disk_refusing(node):
        told(console, "recorder")
        expect(console.get_by_test_id("alarms")).to_contain_text("Tell the operator")
        (alarm, *_) = [a for a in alarms(server, session_id) if a["part"] == "recorder"]
        assert alarm["reason"] == "disk"
        assert metric(server, "recorder") >= 1
        # it is one alarm, however long it lasts
        console.wait_for_timeout(6_000)
        raised = logged(server, session_id, "alarm.raised", "recorder")
        assert len(raised) == len({(a["source"], a["track"]) for a in raised})
    over(server, console, session_id, "recorder")
    assert metric(server, "recorder") == 0
    looks_like(console, "camera-video", "astronaut")
    wait_for(lambda: "storage" in causes(server, session_id), "a gap with its cause")


def a_storage_that_hangs(server: Server, console: Page, session_id: str) -> None:
    with storage_hanging(server, session_id) as blocks:
        wait_for(blocks, "the storage to block")
        told(console, "uploader")
        expect(console.get_by_test_id("alarms")).to_contain_text("Nothing is lost yet")
        both = {("camera", "hanging"), ("screen", "hanging")}
        wait_for(lambda: reasons(server, session_id) == both, "both alarms")
        assert metric(server, "uploader") >= 2
    over(server, console, session_id, "uploader")
    assert "storage" not in causes(server, session_id)


def a_node_that_stands_still(server: Server, console: Page, session_id: str) -> None:
    (node,) = processes.of(server.data_dir, "media")
    os.kill(node, signal.SIGSTOP)
    try:
        told(console, "node")
    finally:
        os.kill(node, signal.SIGCONT)
    over(server, console, session_id, "node")


def test_what_falls_silent_on_the_servers_side(
    server: Server, seen: tuple[Page, Page, str]
) -> None:
    _, console, session_id = seen
    # before anything else: the storage is to hang at the camera's next segment but one
    a_storage_that_hangs(server, console, session_id)
    a_recorder_that_cannot_write(server, console, session_id)
    a_node_that_stands_still(server, console, session_id)


def test_a_page_that_stands_still(server: Server, seen: tuple[Page, Page, str]) -> None:
    sit, console, session_id = seen
    sit.evaluate(
        """() => {
          const mute = (track) => (track.enabled = false);
          document.querySelector("#camera-video").srcObject.getAudioTracks().forEach(mute);
        }"""
    )
    sit.wait_for_timeout(3_000)
    # what is muted is still sent: silence is no alarm
    expect(console.get_by_test_id("alarms")).to_be_hidden()
    sit.context.close()
    told(console, "track")
    both = {"camera", "screen"}
    wait_for(lambda: {of for of, _ in reasons(server, session_id)} == both, "both alarms")
