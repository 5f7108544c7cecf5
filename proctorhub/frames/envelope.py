"""What travels on the frame bus."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SampledPicture:
    """One decoded picture of a live source.

    `at_ms` is the frame's UTC time in milliseconds on the media timeline, `seq` the number of the
    segment of `chain` that holds it, `image` the picture at full size: a JPEG, or its planes
    (`frames.planes`). `burst` marks an answer to a burst that a worker asked for. `miniatures`
    (`frames.miniature`) are those of the frames that were decoded since the picture before, with
    their times. The picture's own is the last one, unless it can be made of the picture's planes.
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
    miniatures: tuple[tuple[int, bytes], ...] = ()


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
