"""Pages on networks that vanish, swallow everything, or change, and on computers that sleep."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.networks import Computer, page_of
from tests.e2e.conftest import Server
from tests.e2e.networked import networks
from tests.e2e.steps import playing, waiting

pytestmark = pytest.mark.e2e

SLEPT_S = 20
SWALLOWED_S = 8


def lost(sit: Page, console: Page) -> None:
    """Both pages have noticed."""
    for page in (sit, console):
        expect(page.locator("html")).to_have_attribute("data-link", "offline")
    expect(sit.get_by_test_id("camera-state")).not_to_have_attribute("data-state", "live")


def back(sit: Page, console: Page) -> float:
    """Wait until both pages are as they were; return how long it took."""
    began = time.monotonic()
    for source in ("camera", "screen"):
        chip = sit.get_by_test_id(f"{source}-state")
        expect(chip).to_have_attribute("data-state", "live")
    for source in ("camera", "screen"):
        chip = console.get_by_test_id(f"{source}-chip")
        expect(chip).to_have_attribute("data-state", "live")
        playing(console, f"{source}-video")
    for page in (sit, console):
        expect(page.locator("html")).to_have_attribute("data-link", "online")
    return time.monotonic() - began


def swallowed(pages: tuple[Page, Page], computer: Computer) -> None:
    """The network takes everything and says nothing."""
    computer.cable.swallow()
    pages[0].wait_for_timeout(SWALLOWED_S * 1000)
    lost_camera = pages[0].get_by_test_id("camera-state").get_attribute("data-state")
    assert lost_camera != "live"
    computer.cable.heal()
    print(f"back {back(*pages):.1f} s after a silence of {SWALLOWED_S} s")


def changed(pages: tuple[Page, Page], computer: Computer) -> None:
    """One network goes, another comes."""
    computer.cable.unplug()
    lost(*pages)
    computer.other_cable.plug()
    print(f"back {back(*pages):.1f} s after the other network was there")


def slept(pages: tuple[Page, Page], computer: Computer) -> None:
    """The computer sleeps."""
    asleep = networks.processes(computer.name)
    assert asleep
    for process in asleep:
        os.kill(process, signal.SIGSTOP)
    try:
        time.sleep(SLEPT_S)
    finally:
        for process in asleep:
            os.kill(process, signal.SIGCONT)
    print(f"back {back(*pages):.1f} s after {SLEPT_S} s of sleep")


def test_pages_come_back_from_silence_from_another_network_and_from_sleep(
    server: Server,
    computer: Computer,
    browser_with: Callable[..., Browser],
    sign_in: Callable[..., Page],
) -> None:
    def on_the_computer(photograph: str) -> Browser:
        return browser_with(photograph, executable=computer.chromium, more=[page_of(server.url)])

    sit, console, _ = waiting(server, on_the_computer, sign_in)
    for happens in (swallowed, changed, slept):
        happens((sit, console), computer)
