"""A real ProctorHub, and real Chromium browsers whose cameras show photographs."""

from __future__ import annotations

import os
import secrets
import uuid
import wave
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    Playwright,
    expect,
    sync_playwright,
)
from skimage import data

from proctorhub import config
from proctorhub.cli.rehearsal import house
from tests.waiting import PATIENCE_S

CHROMIUM = "/usr/bin/chromium"
RATE, WIDTH, HEIGHT = 15, 640, 480
CAMERA_S = 2
PASSWORD = "correct horse battery"
TONE_HZ = 440

expect.set_options(timeout=PATIENCE_S * 1000)


@dataclass(frozen=True)
class Account:
    """Somebody who can sign in."""

    id: str
    login: str
    password: str
    name: str


@dataclass(frozen=True)
class Server:
    """A running installation and its administrator's token."""

    url: str
    token: str
    data_dir: Path
    #: How it differs from the built-in settings.
    settings: Mapping[str, str]

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of a command or a further process of this installation."""
        given = {"data_dir": str(self.data_dir), **self.settings}
        return {**os.environ, **config.environment(given)}

    def api(self, method: str, path: str, body: Any = None, **arguments: Any) -> Any:
        """Call the API as a machine with the administrator's token."""
        answer = requests.request(
            method,
            f"{self.url}/api/v1{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=30,
            **arguments,
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def fetch(self, path: str) -> bytes:
        """Return what lies at a path, for the administrator."""
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = requests.get(f"{self.url}{path}", headers=headers, timeout=30)
        answer.raise_for_status()
        return answer.content

    def tracks(self, session_id: str) -> dict[str, dict[str, Any]]:
        """Return what is recorded of a session, by source."""
        found = self.api("GET", f"/sessions/{session_id}/media")["tracks"]
        return {track["source"]: track for track in found}

    def new_user(self, role: str, name: str | None = None) -> Account:
        """Make an account with one role."""
        login = f"{role.replace('_', '-')}-{secrets.token_hex(3)}"
        name = name or f"{role.replace('_', ' ').title()} {login[-6:]}"
        body = {"login": login, "name": name, "roles": [role], "password": PASSWORD}
        made = self.api("POST", "/users", body)
        return Account(made["id"], login, PASSWORD, name)


@contextmanager
def serving(
    folder: Path, ports: tuple[int, int] | None = None, **settings: str
) -> Iterator[Server]:
    """`proctorhub run` with data of its own, and the settings that are given.

    Most tests are not about vision, and looking costs time: those that are say `vision`. Nor are
    they about how many candidates a busy machine should take.
    """
    usual = {
        "mongodb_name": f"e2e_{uuid.uuid4().hex[:8]}",
        "vision": "",
        "media_max_sessions": "100",
    }
    settings = {**usual, **settings}
    if uri := os.environ.get("PROCTORHUB_TEST_MONGODB_URI"):
        settings["mongodb_uri"] = uri
    with house.started(folder, ports, **settings) as running:
        yield Server(settings.get("public_url", running.url), running.token, folder, settings)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`proctorhub run` on free ports with data of its own."""
    with serving(tmp_path_factory.mktemp("house")) as running:
        yield running


@pytest.fixture
def playwright() -> Iterator[Playwright]:
    """The driver; the browser itself is Debian's.

    For one test only: it keeps an event loop running in this thread, where others have their own.
    """
    with sync_playwright() as running:
        yield running


def picture(name: str, size: tuple[int, int] = (WIDTH, HEIGHT)) -> np.ndarray:
    """Return a photograph of scikit-image as RGB."""
    image = Image.fromarray(getattr(data, name)()).convert("RGB")
    return np.asarray(image.resize(size))


@pytest.fixture(scope="session")
def camera_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make a Y4M file of a photograph under a little moving light, as a webcam would see it."""
    folder = tmp_path_factory.mktemp("cameras")

    def make(name: str, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
        width, height = size
        path = folder / f"{name}-{width}.y4m"
        if path.exists():
            return path
        base = picture(name, size).astype(np.int16)
        with path.open("wb") as file:
            file.write(f"YUV4MPEG2 W{width} H{height} F{RATE}:1 Ip A1:1 C420jpeg\n".encode())
            for n in range(CAMERA_S * RATE):
                light = round(8 * np.sin(2 * np.pi * n / (CAMERA_S * RATE)))
                frame = np.clip(base + light, 0, 255).astype(np.uint8)
                y, cb, cr = Image.fromarray(frame).convert("YCbCr").split()
                half = (width // 2, height // 2)
                file.write(b"FRAME\n" + y.tobytes())
                file.write(cb.resize(half).tobytes() + cr.resize(half).tobytes())
        return path

    return make


@pytest.fixture(scope="session")
def tone_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of a tone, which Chromium loops as the microphone."""
    path = tmp_path_factory.mktemp("microphone") / "tone.wav"
    at = np.arange(48_000) / 48_000
    samples = (np.sin(2 * np.pi * TONE_HZ * at) * 12_000).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(samples.tobytes())
    return path


@pytest.fixture
def browser_with(
    playwright: Playwright, camera_file: Callable[..., Path], tone_file: Path
) -> Iterator[Callable[..., Browser]]:
    """Start a Chromium whose camera shows the named photograph."""
    running: list[Browser] = []

    def start(
        photograph: str,
        size: tuple[int, int] = (WIDTH, HEIGHT),
        executable: Path = Path(CHROMIUM),
        more: Sequence[str] = (),
    ) -> Browser:
        arguments = [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--autoplay-policy=no-user-gesture-required",
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-video-capture={camera_file(photograph, size)}",
            f"--use-file-for-fake-audio-capture={tone_file}",
            *more,
        ]
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        running.append(browser)
        return browser

    yield start
    for browser in running:
        browser.close()


@pytest.fixture
def sign_in(server: Server) -> Callable[..., Page]:
    """Open a page in a context of its own and sign somebody in through the form."""

    def go(browser: Browser, account: Account, **context: Any) -> Page:
        options = {"viewport": {"width": 1440, "height": 900}, "locale": "en-GB", **context}
        opened: BrowserContext = browser.new_context(**options)
        opened.set_default_timeout(PATIENCE_S * 1000)
        opened.grant_permissions(["camera", "microphone"], origin=server.url)
        page = opened.new_page()
        page.goto(f"{server.url}/login")
        page.fill("#login", account.login)
        page.fill("#password", account.password)
        page.click("[data-testid=sign-in]")
        page.wait_for_url(lambda url: "/login" not in url)
        return page

    return go
