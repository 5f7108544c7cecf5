"""Both buses, each with real parts: a socket in a folder of its own, and a real Redis server."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from proctorhub.config import Settings
from proctorhub.frames import bus
from proctorhub.frames.envelope import BurstWish, SampledPicture

START_S = 20.0
WAIT_S = 20.0
JPEG = b"\xff\xd8\xff\xe0" + b"picture" * 100 + b"\xff\xd9"


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + WAIT_S
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)
    return value


def picture(session_id: str, number: int, source: str = "camera") -> SampledPicture:
    return SampledPicture(session_id, source, "chain", number // 5, 1000 * number, 640, 480, JPEG)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis server of its own on a Unix socket, without a file on disk."""
    with tempfile.TemporaryDirectory(prefix="ph-") as folder:
        path = Path(folder) / "redis.sock"
        arguments = ["--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no"]
        server = subprocess.Popen(
            ["redis-server", *arguments, "--dir", folder], stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + START_S
        while not _answers(path):
            assert server.poll() is None and time.monotonic() < deadline, "no Redis server"
            time.sleep(0.02)
        yield f"unix://{path}"
        server.terminate()
        server.wait(START_S)


def _answers(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(path))
    except OSError:
        return False
    return True


class House:
    """The ends of one bus, as many as a test wants."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.wishes: list[BurstWish] = []
        self._open: list[Any] = []

    def sender(self) -> bus.Sender:
        made = bus.sender(self.settings, self.wishes.append)
        self._open.append(made)
        return made

    def receiver(self) -> bus.Receiver:
        made = bus.receiver(self.settings)
        self._open.append(made)
        return made

    def close(self) -> None:
        for end in reversed(self._open):
            end.close()


@pytest.fixture
def redis_house(redis_url: str, tmp_path: Path) -> Iterator[House]:
    settings = Settings(data_dir=tmp_path).model_copy(update={"frame_bus": redis_url})
    house = House(settings)
    yield house
    house.close()
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()


@pytest.fixture
def unix_house() -> Iterator[House]:
    # A socket's path is short: pytest's own folders are not.
    with tempfile.TemporaryDirectory(prefix="ph-") as folder:
        house = House(Settings(data_dir=Path(folder)))
        yield house
        house.close()


@pytest.fixture(params=["unix", "redis"])
def house(request: pytest.FixtureRequest) -> House:
    made: House = request.getfixturevalue(f"{request.param}_house")
    return made
