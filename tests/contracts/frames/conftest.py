"""Both buses, each with real parts: a socket in a folder of its own, and a real Redis server."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from proctorhub.config import Settings
from proctorhub.frames import bus
from proctorhub.frames.envelope import BurstWish, SampledPicture
from tests import redis_server

JPEG = b"\xff\xd8\xff\xe0" + b"picture" * 100 + b"\xff\xd9"


def picture(session_id: str, number: int, source: str = "camera") -> SampledPicture:
    return SampledPicture(session_id, source, "chain", number // 5, 1000 * number, 640, 480, JPEG)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis server of its own."""
    with redis_server.running() as url:
        yield url


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
