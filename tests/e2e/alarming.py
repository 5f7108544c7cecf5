"""Alarms as the proctor's console, the API, the log and the node's metrics tell them."""

from __future__ import annotations

import time
from typing import Any

import requests
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Server


def alarms(server: Server, session_id: str) -> list[dict[str, Any]]:
    return server.api("GET", f"/sessions/{session_id}/media")["alarms"]


def reasons(server: Server, session_id: str) -> set[tuple[str, str]]:
    """Which source is in trouble, and why."""
    return {(a["source"], a["reason"]) for a in alarms(server, session_id)}


def causes(server: Server, session_id: str) -> set[str]:
    """Why anything was not recorded, whether or not the candidate's browser filled it by now."""
    tracks = server.api("GET", f"/sessions/{session_id}/media")["tracks"]
    return {gap["cause"] for track in tracks for gap in [*track["gaps"], *track["healed"]]}


def logged(server: Server, session_id: str, kind: str, part: str) -> list[dict[str, Any]]:
    entries = server.api("GET", f"/sessions/{session_id}/log")["items"]
    return [e["data"] for e in entries if e["kind"] == kind and e["data"]["part"] == part]


def node_url(server: Server) -> str:
    return server.api("GET", "/nodes")["items"][0]["url"]


def metric(server: Server, part: str) -> float:
    text = requests.get(f"{node_url(server)}/metrics", timeout=10).text
    name = f'proctorhub_media_alarms{{part="{part}"}} '
    return next(float(line.removeprefix(name)) for line in text.splitlines() if name in line)


def told(console: Page, part: str) -> None:
    """Wait until the console alarms, and print how long that took."""
    since = time.monotonic()
    line = console.get_by_test_id("alarms").locator(f"li[data-part={part}]").first
    expect(line).to_be_visible()
    print(f"{part}: {time.monotonic() - since:.2f} s; {line.inner_text()}")


def over(server: Server, console: Page, session_id: str, part: str) -> None:
    lines = console.get_by_test_id("alarms").locator(f"li[data-part={part}]")
    expect(lines).to_have_count(0)
    raised = logged(server, session_id, "alarm.raised", part)
    cleared = logged(server, session_id, "alarm.cleared", part)
    assert raised and len(cleared) == len(raised)
    assert not [a for a in alarms(server, session_id) if a["part"] == part]
