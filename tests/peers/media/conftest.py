"""A real media node in a process of its own, and media to send to it."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ledger_file import FileLedger

from proctorhub.cli.rehearsal import house
from proctorhub.domain import ticket
from proctorhub.media.aiortc_seam import use_host_addresses
from proctorhub.media.material import make_media
from tests.waiting import PATIENCE_S, wait_for


class NodeProcess:
    """A node with its data under `root`; start it, kill it, start it again.

    `files` are the soft and the hard limit of its open files.
    """

    def __init__(
        self, root: Path, *, files: tuple[int, int] | None = None, **settings: str
    ) -> None:
        self.root = root
        self._files = files
        (self.port,) = house.free_ports(1)
        self.ledger = FileLedger(root / "ledger")
        self.log = root / "node.log"
        self.private, public = ticket.new_keys()
        secrets = root / "var" / "secrets"
        secrets.mkdir(parents=True)
        (secrets / "ticket.pub").write_text(public)
        self.environment = {
            "PROCTORHUB_DATA_DIR": str(root / "var"),
            "PROCTORHUB_MEDIA_PORT": str(self.port),
            "PROCTORHUB_MEDIA_ADDRESSES": "127.0.0.1",
            "PROCTORHUB_PUBLIC_URL": "http://exams.example",
            **settings,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    str(Path(__file__).with_name("node_main.py")),
                    str(self.ledger.root),
                ],
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
                preexec_fn=self._limit_files,
            )
        wait_for(self.healthy, self.log.read_text)

    def _limit_files(self) -> None:
        if self._files is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, self._files)

    def healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=10):
                return True
        except (urllib.error.URLError, ConnectionError):
            assert self.process is not None and self.process.poll() is None, self.log.read_text()
            return False

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE_S)

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(PATIENCE_S)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def spool(self) -> Path:
        return self.root / "var" / "spool"

    def ticket(self, session: str, direction: str, source: str = "camera", ttl_s: int = 300) -> str:
        return ticket.sign(
            self.private,
            session_id=session,
            source=source,
            direction=direction,
            now=time.time(),
            ttl_s=ttl_s,
        )

    def whip(self, session: str, source: str = "camera") -> tuple[str, str]:
        """Return (url, ticket) to send."""
        return f"{self.url}/whip/{session}/{source}", self.ticket(session, "send", source)

    def whep(self, session: str, source: str = "camera") -> tuple[str, str]:
        """Return (url, ticket) to watch."""
        return f"{self.url}/whep/{session}/{source}", self.ticket(session, "watch", source)


@pytest.fixture(scope="session", autouse=True)
def loopback() -> None:
    use_host_addresses("127.0.0.1")


@pytest.fixture(scope="session")
def vp8(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds of VP8 and Opus that flash and click each second."""
    path = tmp_path_factory.mktemp("media") / "vp8.webm"
    make_media(path, 6.0, flash_and_click=True)
    return path


@pytest.fixture(scope="session")
def h264(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds of H.264 and Opus that flash and click each second."""
    path = tmp_path_factory.mktemp("media") / "h264.mp4"
    make_media(path, 6.0, flash_and_click=True, codec="h264")
    return path


@pytest.fixture(scope="session")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of VP8 alone."""
    path = tmp_path_factory.mktemp("media") / "screen.webm"
    make_media(path, 4.0, with_audio=False, size=(320, 240))
    return path


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """One node for the tests that do not hurt it; each uses sessions of its own."""
    made = NodeProcess(tmp_path_factory.mktemp("node"))
    made.start()
    yield made
    assert made.stop() == 0, made.log.read_text()
    errors = [line for line in made.log.read_text().splitlines() if "Traceback" in line]
    assert not errors, made.log.read_text()


@pytest.fixture
def make_node(tmp_path: Path) -> Iterator[Callable[..., NodeProcess]]:
    """Starts nodes for one test that hurts them; takes settings as environment."""
    made: list[NodeProcess] = []

    def make(*, files: tuple[int, int] | None = None, **settings: str) -> NodeProcess:
        made.append(NodeProcess(tmp_path / str(len(made)), files=files, **settings))
        made[-1].start()
        return made[-1]

    yield make
    for node in made:
        if node.process is not None and node.process.poll() is None:
            node.stop()


@pytest.fixture
def own_node(make_node: Callable[..., NodeProcess]) -> NodeProcess:
    """A node for one test, with short segments."""
    return make_node(PROCTORHUB_SEGMENT_MIN_S="1.0", PROCTORHUB_SEGMENT_MAX_S="3.0")
