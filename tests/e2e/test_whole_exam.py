"""A candidate and a proctor, each in a Chromium of their own, from check-in to report."""

from __future__ import annotations

import io
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import TONE_HZ, Account, Server, picture
from tests.e2e.pixels import likeness, shown_by
from tests.e2e.steps import (
    ALIKE,
    EXAM_URL,
    arrive,
    looks_like,
    new_exam,
    playing,
    seconds,
    state,
    switch_on,
)
from tests.waiting import wait_for

pytestmark = pytest.mark.e2e

SIT_S = 14


@pytest.fixture
def people(server: Server) -> tuple[Account, Account]:
    return server.new_user("candidate", "Ada Aviator"), server.new_user("proctor", "Pat Proctor")


def test_from_check_in_to_report(
    server: Server,
    people: tuple[Account, Account],
    browser_with: Callable[[str], Browser],
    sign_in: Callable[..., Page],
) -> None:
    candidate, proctor = people
    new_exam(server, proctor, candidate)
    desk = sign_in(browser_with("coffee"), proctor)
    desk.goto(f"{server.url}/desk")
    sit = sign_in(browser_with("astronaut"), candidate)

    arrive(sit)
    state(sit, "sit", "checked_in")
    row = desk.locator("[data-testid=day-table] tr", has_text="Ada Aviator")
    expect(row).to_be_visible()
    switch_on(sit)
    state(sit, "sit", "waiting")
    expect(row).to_have_attribute("data-state", "waiting")
    session_id = row.get_attribute("data-id")
    assert session_id

    row.get_by_test_id("take-session").click()
    desk.wait_for_url(f"{server.url}/desk/{session_id}")
    console = desk
    looks_like(console, "camera-video", "astronaut")
    playing(console, "screen-video")
    console.get_by_test_id("own-camera").click()
    looks_like(sit, "proctor-video", "coffee")
    hears_the_candidate(console)

    console.get_by_test_id("identify").click()
    state(sit, "sit", "identifying")
    gate_is_shut(sit, server, session_id, candidate)
    console.get_by_test_id("take-document").click()
    console.get_by_test_id("take-face").click()
    console.get_by_test_id("approve").click()
    state(sit, "sit", "admitted")
    sit.get_by_test_id("start").click()
    began = time.monotonic()
    expect(sit.get_by_test_id("exam-link")).to_have_attribute("href", EXAM_URL)

    talk(sit, console)
    warn_pause_and_extend(sit, console)
    stills_are_of(server, session_id, "astronaut")
    sit.wait_for_timeout(max(0, SIT_S - (time.monotonic() - began)) * 1000)
    sit.get_by_test_id("finish").click()
    sit.get_by_test_id("confirm-finish").click()
    state(sit, "sit", "finished")

    console.get_by_test_id("verdict-suspicious").check(force=True)
    console.get_by_test_id("conclusion-comment").fill("Looked away twice.")
    console.get_by_test_id("conclude").click()
    state(console, "console", "concluded")
    expect(sit.get_by_test_id("verdict")).to_contain_text("Suspicious")

    recorded_whole(server, session_id)
    report_plays_and_seeks(console, server, session_id)


def hears_the_candidate(console: Page) -> None:
    console.get_by_test_id("sound").click()
    console.wait_for_function(
        """() => { const v = document.querySelector("[data-testid=camera-video]");
             if (v.muted || !v.srcObject || !v.srcObject.getAudioTracks().length) return false;
             if (!window.heard) {
               const context = new AudioContext();
               window.heard = context.createAnalyser();
               context.createMediaStreamSource(v.srcObject).connect(window.heard);
             }
             const wave = new Float32Array(window.heard.fftSize);
             window.heard.getFloatTimeDomainData(wave);
             return Math.max(...wave) > 0.05; }""",
    )


def gate_is_shut(sit: Page, server: Server, session_id: str, candidate: Account) -> None:
    """Before approval neither the page nor the API gives the exam away."""
    expect(sit.get_by_test_id("exam-link")).to_be_hidden()
    answers = sit.evaluate(
        """async id => {
             const csrf = document.querySelector("meta[name=csrf-token]").content;
             const view = await (await fetch(`/api/v1/sessions/${id}`)).json();
             const start = await fetch(`/api/v1/sessions/${id}/start`, {method: "POST",
               headers: {"X-CSRF-Token": csrf, "Content-Type": "application/json"}, body: "{}"});
             return {url: view.exam.url, status: start.status, problem: await start.json()};
           }""",
        session_id,
    )
    assert answers["url"] is None
    assert answers["status"] == 409
    assert answers["problem"]["state"] == "identifying"


def talk(sit: Page, console: Page) -> None:
    sit.get_by_test_id("chat-toggle").click()
    sit.get_by_test_id("chat-text").fill("May I stand up?")
    sit.get_by_test_id("chat-send").click()
    line = console.get_by_test_id("chat-line").filter(has_text="May I stand up?")
    expect(line).to_be_visible()
    console.get_by_test_id("chat-text").fill("For a moment.")
    console.get_by_test_id("chat-send").click()
    answer = sit.get_by_test_id("chat-line").filter(has_text="For a moment.")
    expect(answer).to_be_visible()


def warn_pause_and_extend(sit: Page, console: Page) -> None:
    console.get_by_test_id("warn").click()
    console.get_by_test_id("warn-text").fill("Put the phone away.")
    console.get_by_test_id("confirm-warn").click()
    expect(sit.get_by_test_id("warning")).to_contain_text("Put the phone away.")
    console.get_by_test_id("pause").click()
    state(sit, "sit", "paused")
    console.get_by_test_id("resume").click()
    state(sit, "sit", "running")
    before = minutes_left(sit)
    console.get_by_test_id("extend").click()
    console.get_by_test_id("extend-minutes").fill("10")
    console.get_by_test_id("confirm-extend").click()
    sit.wait_for_function("left => document.querySelector('[data-testid=clock]')"
                          ".innerText.match(/\\d+/g).map(Number).slice(-2)[0] >= left",
                          arg=before + 9)  # fmt: skip
    console.get_by_test_id("note-text").fill("Had a phone on the table.")
    console.get_by_test_id("note-send").click()


def minutes_left(sit: Page) -> int:
    digits = sit.get_by_test_id("clock").inner_text().split(":")
    return int("".join(c for c in digits[-2] if c.isdigit()))


def stills_are_of(server: Server, session_id: str, photograph: str) -> None:
    identity = server.api("GET", f"/sessions/{session_id}")["identity"]
    for name in ("document_still", "face_still"):
        data = server.fetch(f"/api/v1/sessions/{session_id}/stills/{identity[name]}")
        with av.open(io.BytesIO(data)) as container:
            image = next(container.decode(video=0)).to_ndarray(format="rgb24")
        assert image.shape[0] >= 240 and likeness(image, picture(photograph)) >= ALIKE


def recorded_whole(server: Server, session_id: str) -> None:
    """Every source is there, whole; every segment is a file that ffprobe reads."""
    tracks = stored_tracks(server, session_id)
    for track in tracks.values():
        assert track["completeness"] >= 0.99 and track["gaps"] == []
        assert track["recorded_s"] > 5
        track["pictures"] = sum(
            one_segment(server, session_id, track["source"], segment)
            for segment in track["segments"]
        )
    camera = server.fetch(f"/api/v1/sessions/{session_id}/recordings/camera.webm")
    whole_camera(camera, tracks["camera"])


def stored_tracks(server: Server, session_id: str) -> dict[str, Any]:
    """Wait until the last segments are stored."""

    def whole() -> dict[str, Any] | None:
        found = server.tracks(session_id)
        there = set(found) == {"camera", "screen", "proctor"}
        return found if there and all(t["completeness"] >= 0.99 for t in found.values()) else None

    return dict(wait_for(whole, lambda: server.tracks(session_id)))


def one_segment(server: Server, session_id: str, source: str, segment: dict[str, Any]) -> int:
    """Look at a stored segment, and return how many pictures are in it."""
    folder = server.data_dir / "storage" / "blobs" / "sessions" / session_id / source
    path = folder / segment["chain"] / f"{segment['seq']:06d}.webm"
    assert path.stat().st_size == segment["bytes"]
    probe = ffprobe(path)
    kinds = {stream["codec_type"] for stream in probe["streams"]}
    assert "video" in kinds
    assert ("audio" in kinds) == (source != "screen")
    pictures = [p for p in probe["packets"] if p["codec_type"] == "video"]
    assert pictures[0]["flags"].startswith("K"), "a segment begins with a keyframe"
    length = seconds(segment["ended_at"]) - seconds(segment["started_at"])
    assert length <= 10.5
    return len(pictures)


def ffprobe(path: Path) -> dict[str, Any]:
    command = ["ffprobe", "-v", "error", "-show_streams", "-show_packets", "-of", "json", str(path)]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stderr == b""
    return dict(json.loads(done.stdout))


def whole_camera(data: bytes, track: dict[str, Any]) -> None:
    """The joined camera recording decodes from end to end, in picture and sound."""
    with av.open(io.BytesIO(data)) as container:
        assert container.duration / 1e6 == pytest.approx(track["recorded_s"], abs=0.5)
        frames = list(container.decode(video=0))
        wanted = picture("astronaut")
        middle = frames[len(frames) // 2].to_ndarray(format="rgb24")
        assert likeness(middle, wanted) >= ALIKE
        assert len(frames) == track["pictures"]
    with av.open(io.BytesIO(data)) as container:
        sound = np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=0)])
    spectrum = np.abs(np.fft.rfft(sound[48_000 : 48_000 * 4]))
    loudest = np.argmax(spectrum) * 48_000 / (48_000 * 3)
    assert loudest == pytest.approx(TONE_HZ, abs=10)


def report_plays_and_seeks(page: Page, server: Server, session_id: str) -> None:
    page.goto(f"{server.url}/reports/{session_id}")
    expect(page.get_by_test_id("verdict")).to_contain_text("Suspicious")
    expect(page.get_by_test_id("chain")).to_be_visible()
    for line in ("Put the phone away.", "May I stand up?", "Had a phone on the table."):
        expect(page.get_by_test_id("events")).to_contain_text(line)
    page.get_by_test_id("play").click()
    playing(page, "recording-camera")
    looks_like(page, "recording-camera", "astronaut")
    page.wait_for_function(
        """async () => {
             const video = document.querySelector("[data-testid=recording-camera]");
             video.pause();
             const wanted = video.duration * 0.7;
             const seeked = new Promise(done =>
               video.addEventListener("seeked", done, {once: true}));
             video.currentTime = wanted;
             await seeked;
             return Math.abs(video.currentTime - wanted) < 0.2 && video.seekable.length > 0;
           }"""
    )
    shown = shown_by(page.get_by_test_id("recording-camera"))
    assert shown is not None
    assert likeness(shown, picture("astronaut")) >= ALIKE
