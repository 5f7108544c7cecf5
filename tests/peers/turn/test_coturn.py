"""Media through a real coturn: nothing goes directly, and everything is recorded and seen."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aioice.stun
import aioice.turn
import pytest
from playwright.sync_api import Browser, Page

from proctorhub.domain.turn import credentials
from tests.e2e.conftest import Server
from tests.e2e.steps import arrive, looks_like, new_exam, state, switch_on
from tests.peers.turn.conftest import SECRET, Relay
from tests.waiting import wait_for

REMEMBER = """
window.connections = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...given) { super(...given); window.connections.push(this); }
};
"""
USED = """
async () => {
  const found = [];
  for (const connection of window.connections) {
    if (connection.connectionState !== "connected") continue;
    const report = await connection.getStats();
    for (const pair of report.values()) {
      if (pair.type === "candidate-pair" && pair.nominated && pair.state === "succeeded")
        found.push(report.get(pair.localCandidateId).candidateType);
    }
  }
  return found;
}
"""


async def allocate(relay: Relay, secret: str, ttl_s: int) -> None:
    made = credentials(secret, "ada", now=time.time(), ttl_s=ttl_s)
    transport, _ = await aioice.turn.create_turn_endpoint(
        asyncio.DatagramProtocol,
        server_addr=("127.0.0.1", relay.port),
        username=made.username,
        password=made.password,
    )
    transport.close()


def test_coturn_honours_our_credentials_until_they_expire(relay: Relay) -> None:
    asyncio.run(allocate(relay, SECRET, 60))
    for secret, ttl_s in ((SECRET, -60), ("another secret", 60)):
        with pytest.raises(aioice.stun.TransactionFailed):
            asyncio.run(allocate(relay, secret, ttl_s))


def relayed(page: Page) -> int:
    """Return how many connections of a page stand; all of them go through the relay."""
    used = page.evaluate(USED)
    assert set(used) <= {"relay"}, used
    return len(used)


def test_an_exam_through_the_relay(
    server: Server,
    browser_with: Callable[[str], Browser],
    sign_in: Callable[..., Page],
    tmp_path: Path,
) -> None:
    candidate, proctor = server.new_user("candidate"), server.new_user("proctor")
    new_exam(server, proctor, candidate)
    sit = sign_in(browser_with("astronaut"), candidate)
    sit.context.add_init_script(REMEMBER)
    sit.reload()
    arrive(sit)
    switch_on(sit)
    state(sit, "sit", "waiting")
    session_id = str(sit.get_by_test_id("sit").get_attribute("data-session-id"))
    console = sign_in(browser_with("coffee"), proctor)
    console.context.add_init_script(REMEMBER)
    console.goto(f"{server.url}/desk/{session_id}")
    console.get_by_test_id("take").click()
    looks_like(console, "camera-video", "astronaut")
    for page in (sit, console):
        wait_for(lambda page=page: relayed(page) >= 2, "camera and screen to be connected")

    def recorded() -> dict[str, Any]:
        tracks = server.api("GET", f"/sessions/{session_id}/media")["tracks"]
        whole = {t["source"]: t for t in tracks if t["segments"]}
        return whole if {"camera", "screen"} <= set(whole) else {}

    wait_for(recorded, "segments of both sources")
    for source, kinds in (("camera", {"video", "audio"}), ("screen", {"video"})):
        file = tmp_path / f"{source}.webm"
        file.write_bytes(server.fetch(f"/api/v1/sessions/{session_id}/recordings/{source}.webm"))
        assert counted(file) == kinds, source


def counted(file: Path) -> set[str]:
    """The kinds of streams with frames that decode."""
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", str(file)]
    probed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert not probed.stderr, probed.stderr
    streams = json.loads(probed.stdout)["streams"]
    return {s["codec_type"] for s in streams if int(s["nb_read_frames"]) > 0}
