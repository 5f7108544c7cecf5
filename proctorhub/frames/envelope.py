"""What travels on the frame bus."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SampledPicture:
    """One decoded picture of a live source.

    `at_ms` is the frame's UTC time in milliseconds on the media timeline, `seq` the number of the
    segment of `chain` that holds it, `image` the picture at full size: a JPEG, or its planes
    (`frames.planes`). `burst` marks an answer to a burst that a worker asked for.
    """

    session_id: str
    source: str
    chain: str
    seq: int
    at_ms: int
    width: int
    height: int
    image: bytes
    burst: bool = False


@dataclass(frozen=True)
class SampledSound:
    """About one second of a microphone: its Opus packets as they came, with UTC times in ms."""

    session_id: str
    source: str
    chain: str
    seq: int
    at_ms: int
    packets: tuple[tuple[int, bytes], ...]


Sample = SampledPicture | SampledSound


@dataclass(frozen=True)
class BurstWish:
    """A worker's wish for the next `count` pictures of a source, `every_ms` apart."""

    session_id: str
    source: str
    count: int = 3
    every_ms: int = 250
