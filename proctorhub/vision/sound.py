"""The microphone's Opus packets as samples that backends take."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from proctorhub.domain.observation import Observation, Source, Value
from proctorhub.plugins import Capability
from proctorhub.vision.composition import Composition

if TYPE_CHECKING:
    from proctorhub.plugins import Samples


RATE = 16_000


class UndecodableSound(Exception):
    """Bytes that are no Opus packets."""


def decode(packets: Sequence[tuple[int, bytes]]) -> Samples:
    """Return mono float32 samples at 16 kHz, from -1 to 1. Raises UndecodableSound.

    Each call begins anew, so that the same packets always give the same samples.
    """
    codec: Any = av.CodecContext.create("opus", "r")
    codec.sample_rate, codec.layout = 48_000, "stereo"
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    parts = []
    try:
        for _, data in packets:
            for frame in codec.decode(av.Packet(data)):
                frame.pts = None
                parts += [out.to_ndarray()[0] for out in resampler.resample(frame)]
        parts += [out.to_ndarray()[0] for out in resampler.resample(None)]
    except av.FFmpegError as error:
        raise UndecodableSound(str(error)) from error
    if not parts:
        return np.zeros(0, np.float32)
    return np.concatenate(parts).astype(np.float32)


def look(
    backends: Composition, packets: Sequence[tuple[int, bytes]], at_ms: int, segment_id: str
) -> Observation:
    """Return how much of a second of sound is speech; its hash is that of its packets in a row.

    Raises UndecodableSound.
    """
    seconds = backends[Capability.SPEECH].speech_seconds(decode(packets))
    return Observation(
        source=Source.MICROPHONE,
        at_ms=at_ms,
        values={Value.SPEECH_S: round(float(seconds), 3)},
        segment_id=segment_id,
        frame_sha256=hashlib.sha256(b"".join(data for _, data in packets)).hexdigest(),
        models=backends.models([Capability.SPEECH]),
    )
