"""The frame bus' contract: media nodes send samples, vision workers take them.

Two buses keep it: a Unix socket (one machine, one worker, nothing to install) and Redis Streams
(any number of nodes and workers). The setting `frame_bus` chooses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from proctorhub.config import Settings
from proctorhub.frames.envelope import BurstWish, Sample


class BusError(Exception):
    """The bus cannot be used; the text is one line for the operator."""


@dataclass(frozen=True)
class Delivery:
    """A sample on its way through a worker; `id` is the bus' own name for it.

    `again` says that another worker had it first and did not finish.
    """

    sample: Sample
    id: bytes = b""
    again: bool = False


@dataclass
class Counts:
    """What happened on one end: samples passed on, given way to newer ones, refused."""

    passed: int = 0
    dropped: int = 0
    refused: int = 0


class Sender(Protocol):
    """A media node's end. Works by itself from being made to `close`, also without a worker."""

    @property
    def counts(self) -> Counts:
        """What happened so far."""

    @property
    def connected(self) -> bool:
        """Whether samples reach the bus now."""

    def publish(self, sample: Sample) -> None:
        """Send when there is time. Never waits and never raises; callable from any thread."""

    def close(self) -> None:
        """Stop; what still waits is dropped."""


class Receiver(Protocol):
    """A worker's end."""

    @property
    def counts(self) -> Counts:
        """What happened so far."""

    def take(self, most: int, timeout_s: float) -> list[Delivery]:
        """Return up to `most` samples, fair between sources, each source's oldest first.

        Empty when none came in time. Raises BusError when the bus is away.
        """

    def done(self, deliveries: Sequence[Delivery]) -> None:
        """Say that samples were worked on: nobody will get them again. Raises BusError."""

    def wish(self, wish: BurstWish) -> None:
        """Ask the session's node for a burst; lost when the node is away. Raises BusError."""

    def close(self) -> None:
        """Stop taking; what was taken and not done goes to another worker, if there is one."""


def sender(settings: Settings, on_wish: Callable[[BurstWish], None]) -> Sender:
    """Return the node's end of the configured bus; wishes are told from a thread of the bus."""
    if settings.frame_bus == "unix":
        from proctorhub.frames.unix import UnixSender

        return UnixSender(settings.path("run", "frames.sock"), on_wish)
    from proctorhub.frames.redis_streams import RedisSender

    return RedisSender(settings.frame_bus, on_wish)


def receiver(settings: Settings) -> Receiver:
    """Return a worker's end of the configured bus. Raises BusError."""
    if settings.frame_bus == "unix":
        from proctorhub.frames.unix import UnixReceiver

        return UnixReceiver(settings.path("run", "frames.sock"))
    from proctorhub.frames.redis_streams import RedisReceiver

    return RedisReceiver(settings.frame_bus)
