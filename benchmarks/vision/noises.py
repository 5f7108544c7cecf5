"""What a microphone hears at a desk while nobody speaks, and what stands between it and a voice.

Everything is drawn by formulas: mono float samples at 16 kHz. `NOISES` are innocent sounds as they
go on for a while, `PLACES` are what becomes of a voice on its way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

from tests import voice
from tests.voice import SAMPLE_RATE

Samples = NDArray[np.float32]
#: Of the loudest second of a voice near the microphone, and of a room where nothing is heard, dB of
#: full scale.
NEAR_DB, ROOM_DB = -26.0, -60.0


def at_level(samples: Samples, level_db: float) -> Samples:
    """Return sound at a level: that of its loudest second, dB of full scale."""
    square = samples.astype(float) ** 2
    energy = np.concatenate([[0.0], np.cumsum(square)])
    span = min(SAMPLE_RATE, len(square))
    loudest = np.sqrt((energy[span:] - energy[:-span]).max() / span)
    return (samples * 10 ** (level_db / 20) / max(loudest, 1e-9)).astype(np.float32)


def room(count: int, random: np.random.Generator) -> Samples:
    """Return a quiet room: the noise of a microphone and of air."""
    return at_level(lfilter([1], [1, -0.9], random.standard_normal(count)), ROOM_DB)


def _fan(count: int, random: np.random.Generator) -> Samples:
    return at_level(voice.fan(count / SAMPLE_RATE, int(random.integers(1 << 30))), -35)


def _at_times(
    count: int,
    random: np.random.Generator,
    shortest_s: float,
    longest_s: float,
    sound: Callable[[np.random.Generator], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Return a sound that comes again and again, so many seconds apart."""
    heard = np.zeros(count)
    for start in _starts(count, random, shortest_s, longest_s):
        one = sound(random)[: count - start]
        heard[start : start + len(one)] += one
    return heard


def _starts(
    count: int, random: np.random.Generator, shortest_s: float, longest_s: float
) -> Iterator[int]:
    at = round(random.uniform(0, longest_s) * SAMPLE_RATE)
    while at < count:
        yield at
        at += round(random.uniform(shortest_s, longest_s) * SAMPLE_RATE)


def _fading(length_s: float, tau_s: float) -> NDArray[np.float64]:
    return np.exp(-np.arange(round(length_s * SAMPLE_RATE)) / SAMPLE_RATE / tau_s)


def _resonant(
    samples: NDArray[np.float64], bands: tuple[tuple[float, float], ...]
) -> NDArray[np.float64]:
    """Return sound through resonances of (frequency, bandwidth), Hz."""
    for frequency, bandwidth in bands:
        radius = np.exp(-np.pi * bandwidth / SAMPLE_RATE)
        angle = 2 * np.pi * frequency / SAMPLE_RATE
        samples = lfilter([1 - radius], [1, -2 * radius * np.cos(angle), radius**2], samples)
    return samples


def _key(random: np.random.Generator) -> NDArray[np.float64]:
    """Return a key: a click, the ground of the keyboard, and the click of letting go."""
    fade = _fading(0.12, 0.006)
    down = _resonant(random.standard_normal(len(fade)) * fade, ((random.uniform(180, 420), 90),))
    click = random.standard_normal(len(fade)) * _fading(0.12, 0.0015)
    return random.uniform(0.4, 1) * (4 * down + 0.4 * click + 0.2 * np.roll(click, 1100))


def _typing(count: int, random: np.random.Generator) -> Samples:
    return at_level(_at_times(count, random, 0.08, 0.4, _key), -32)


def _cough(random: np.random.Generator) -> NDArray[np.float64]:
    """Return one or two coughs: a burst of breath through the throat, its end voiced."""
    length = 0.35
    breath = random.standard_normal(round(length * SAMPLE_RATE)) * _fading(length, 0.07)
    period = SAMPLE_RATE / random.uniform(140, 280)
    voiced = (np.arange(len(breath)) % period < 1) * np.linspace(0, 6, len(breath))
    throat = ((random.uniform(500, 800), 150), (1300, 200), (2500, 300))
    one = _resonant(breath + voiced * _fading(length, 0.15), throat)
    pause = np.zeros(round(random.uniform(0.1, 0.3) * SAMPLE_RATE))
    return np.concatenate([one, pause, 0.7 * one][: int(random.choice([1, 3]))])


def _coughs(count: int, random: np.random.Generator) -> Samples:
    return at_level(_at_times(count, random, 4, 15, _cough), -24)


def _creak(random: np.random.Generator) -> NDArray[np.float64]:
    """Return a chair: wood that sticks and slips 20 to 90 times a second, or a thump."""
    length = random.uniform(0.4, 1.2)
    times = np.arange(round(length * SAMPLE_RATE)) / SAMPLE_RATE
    slips = np.linspace(random.uniform(20, 50), random.uniform(30, 90), len(times))
    slips *= 1 + 0.1 * random.standard_normal(len(times))
    pulses = np.diff(np.floor(np.cumsum(slips) / SAMPLE_RATE), prepend=0)
    wood = ((random.uniform(250, 500), 60), (random.uniform(700, 1500), 120))
    creak = _resonant(pulses, wood) * np.hanning(len(times))
    thump = _resonant(random.standard_normal(3200) * _fading(0.2, 0.03), ((90, 40),))
    return creak / np.abs(creak).max() if random.random() < 0.7 else thump / np.abs(thump).max()


def _chair(count: int, random: np.random.Generator) -> Samples:
    return at_level(_at_times(count, random, 2, 10, _creak), -28)


def _tone(random: np.random.Generator) -> NDArray[np.float64]:
    """Return a chord of plucked strings, two octaves wide, and now and then a drum."""
    times = np.arange(round(1.5 * SAMPLE_RATE)) / SAMPLE_RATE
    root = 110 * 2 ** (random.integers(0, 12) / 12)
    heard = np.zeros(len(times))
    for step in random.choice([0, 4, 7, 12, 16, 19], 4, replace=False):
        for partial_ in range(1, 7):
            frequency = root * 2 ** (step / 12) * partial_
            heard += np.sin(2 * np.pi * frequency * times) * np.exp(-times * partial_) / partial_
    drum = random.standard_normal(len(times)) * np.exp(-times / 0.05)
    return heard + (random.random() < 0.5) * 1.5 * drum


def _music(count: int, random: np.random.Generator) -> Samples:
    return at_level(_at_times(count, random, 0.3, 0.6, _tone), -34)


def _traffic(count: int, random: np.random.Generator) -> Samples:
    """Return a street behind a window: rumble that swells as cars pass, and at times a horn."""
    times = np.arange(count) / SAMPLE_RATE
    rumble = lfilter([1], [1, -0.98], random.standard_normal(count))
    swell = 1.2 + np.sin(2 * np.pi * times / random.uniform(6, 14) + random.uniform(0, 6))
    return at_level(rumble / rumble.std() * swell + _at_times(count, random, 20, 60, _horn), -34)


def _horn(random: np.random.Generator) -> NDArray[np.float64]:
    length = random.uniform(0.3, 1.0)
    times = np.arange(round(length * SAMPLE_RATE)) / SAMPLE_RATE
    return sum(np.sin(2 * np.pi * hz * k * times) / k for hz in (420, 500) for k in range(1, 6))


def _rustle(random: np.random.Generator) -> NDArray[np.float64]:
    length = round(random.uniform(0.2, 0.9) * SAMPLE_RATE)
    crackle = random.standard_normal(length) * (random.random(length) < 0.2)
    return lfilter([1, -0.9], [1], crackle) * np.hanning(length)


def _paper(count: int, random: np.random.Generator) -> Samples:
    return at_level(_at_times(count, random, 1, 6, _rustle), -34)


def _word(random: np.random.Generator) -> NDArray[np.float64]:
    pitch, seed = random.uniform(95, 260), int(random.integers(1 << 30))
    return voice.speech(random.uniform(0.4, 0.9), pitch, seed).astype(float)


def _murmurs(count: int, random: np.random.Generator) -> Samples:
    """Return somebody who says a word to themselves now and then: less than the rule counts."""
    return at_level(_at_times(count, random, 8, 25, _word), -34)


Noise = Callable[[int, np.random.Generator], Samples]
#: What is innocent: count of samples, random numbers → sound, at the level it has at a desk.
NOISES: dict[str, Noise] = {
    "quiet room": room,
    "fan": _fan,
    "typing": _typing,
    "coughs": _coughs,
    "chair": _chair,
    "music": _music,
    "traffic": _traffic,
    "paper": _paper,
    "a word now and then": _murmurs,
}


def _near(spoken: Samples, random: np.random.Generator) -> Samples:
    return at_level(spoken, NEAR_DB)


def _far(spoken: Samples, random: np.random.Generator, level_db: float) -> Samples:
    """Return a voice from some way off: quieter, and as the room throws it back.

    What is thrown back fades by 60 dB in half a second and has twice the energy of what comes
    straight, as a few metres from somebody in a furnished room.
    """
    tail = random.standard_normal(round(0.5 * SAMPLE_RATE)) * _fading(0.5, 0.5 / np.log(1000))
    tail *= np.sqrt(2 / np.sum(tail**2))
    tail[0] = 1.0
    return at_level(fftconvolve(spoken, tail)[: len(spoken)], level_db)


def _behind_a_door(spoken: Samples, random: np.random.Generator) -> Samples:
    through = butter(2, 700, "low", fs=SAMPLE_RATE, output="sos")
    return _far(sosfilt(through, spoken), random, -46)


def _telephone(spoken: Samples, random: np.random.Generator) -> Samples:
    band = butter(3, (300, 3400), "band", fs=SAMPLE_RATE, output="sos")
    return at_level(sosfilt(band, spoken), -38)


def _over(spoken: Samples, random: np.random.Generator, noise: str, louder_db: float) -> Samples:
    """Return a voice so much louder than the loudest second of a noise."""
    other = NOISES[noise](len(spoken), random)
    return at_level(spoken, NEAR_DB) + at_level(other, NEAR_DB - louder_db)


Place = Callable[[Samples, np.random.Generator], Samples]
#: Where somebody speaks: what is said, random numbers → what is heard of it.
PLACES: dict[str, Place] = {
    "near": _near,
    "across the room, -40 dB": partial(_far, level_db=-40),
    "across the room, -50 dB": partial(_far, level_db=-50),
    "behind a door": _behind_a_door,
    "telephone": _telephone,
    **{
        f"{louder_db} dB over {noise}": partial(_over, noise=noise, louder_db=louder_db)
        for noise in ("fan", "typing", "music", "traffic")
        for louder_db in (10, 0)
    },
}
