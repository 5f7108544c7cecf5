"""A synthetic voice: vowels by source and filter, between them silence and hiss.

A pulse train at the pitch through three resonances at the vowel's formants (Peterson and Barney
1952, men's means), as in Klatt's cascade synthesiser (1980), reduced to what a voice activity
detector has to take for speech.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

SAMPLE_RATE = 16_000
FORMANTS_HZ = {
    "a": (730, 1090, 2440),
    "i": (270, 2290, 3010),
    "u": (300, 870, 2240),
    "e": (530, 1840, 2480),
    "o": (570, 840, 2410),
}
BANDWIDTHS_HZ = (80, 100, 150)

Samples = NDArray[np.float32]


def speech(seconds: float, pitch_hz: float = 120, seed: int = 5) -> Samples:
    """Return mono samples at 16 kHz of babble: about five syllables a second."""
    random = np.random.default_rng(seed)
    parts: list[NDArray[np.float64]] = []
    while sum(map(len, parts)) < seconds * SAMPLE_RATE:
        hiss = lfilter([1, -0.9], [1], random.standard_normal(_samples(0.07))) * 0.05
        vowel = _vowel(random, str(random.choice(list(FORMANTS_HZ))), pitch_hz)
        parts += [np.zeros(_samples(0.06)), vowel, hiss * np.hanning(len(hiss))]
    return np.concatenate(parts)[: _samples(seconds)].astype(np.float32)


def silence(seconds: float) -> Samples:
    """Return nothing to hear."""
    return np.zeros(_samples(seconds), np.float32)


def fan(seconds: float, seed: int = 5) -> Samples:
    """Return the noise of a fan: low-passed noise and a hum of 120 Hz."""
    times = np.arange(_samples(seconds)) / SAMPLE_RATE
    noise = np.random.default_rng(seed).standard_normal(len(times))
    rumble = lfilter([0.05], [1, -0.95], noise)
    return (0.2 * rumble + 0.05 * np.sin(2 * np.pi * 120 * times)).astype(np.float32)


def _samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)


def _vowel(random: np.random.Generator, vowel: str, pitch_hz: float) -> NDArray[np.float64]:
    length = _samples(random.uniform(0.12, 0.25))
    times = np.arange(length) / SAMPLE_RATE
    pitch = pitch_hz * (1 + 0.15 * np.sin(2 * np.pi * 1.3 * times))
    pulses = np.diff(np.floor(np.cumsum(pitch) / SAMPLE_RATE), prepend=0)
    sound = lfilter([1], [1, -0.97], pulses + 0.01 * random.standard_normal(length))
    for formant, bandwidth in zip(FORMANTS_HZ[vowel], BANDWIDTHS_HZ, strict=True):
        radius = np.exp(-np.pi * bandwidth / SAMPLE_RATE)
        angle = 2 * np.pi * formant / SAMPLE_RATE
        sound = lfilter([1 - radius], [1, -2 * radius * np.cos(angle), radius**2], sound)
    sound *= np.sqrt(np.hanning(length))
    return 0.3 * sound / np.abs(sound).max()
