"""Simulated sound with a known course: whose voice is flagged, and what is taken for one.

Sound goes the way it has: coded as Opus at the bit rate of an exam, by the second, decoded and
listened to as a worker does, and put through the rules.
"""

from __future__ import annotations

import fractions
import os
import zlib
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import av
import numpy as np
from scipy.io import wavfile
from scipy.signal import resample_poly

from benchmarks.vision.courses import START_MS, Course, backends, report
from benchmarks.vision.noises import NOISES, PLACES, Samples, room
from proctorhub.domain import incidents
from proctorhub.domain.accuracy import LabelledSession, Stretch
from proctorhub.domain.incident_policy import Policy
from proctorhub.domain.incident_terms import Detector
from proctorhub.domain.incidents import Kind
from proctorhub.domain.media_settings import MediaSettings
from proctorhub.vision import sound
from tests import voice
from tests.voice import SAMPLE_RATE

CODED_RATE, PACKET_MS = 48_000, 20
#: Before it, while and after somebody speaks, seconds.
BEFORE_S, SPEAKS_S, AFTER_S = 6, 8, 4
#: Between the words of a recorded voice, seconds.
PAUSE_S = 0.3
#: The drawn voices: how high they are, Hz.
PITCHES_HZ = (95, 120, 150, 190, 220, 260)


def measure(
    folder: Path, minutes: float, repeats: int, seed: int, recorded: Path
) -> dict[str, Any]:
    """Return recall by place, and false flags by noise, with intervals.

    Every drawn voice speaks `repeats` times in each place, and the voice of `recorded` (a folder of
    WAV files in which one person speaks) as often as all of them together; each noise goes on for
    `minutes`.
    """
    voices = [f"drawn, {pitch} Hz" for pitch in PITCHES_HZ] * repeats
    clips = spoken_clips(recorded)
    voices += ["recorded"] * (len(voices) if clips else 0)
    spoken = [(who, place, nth) for place in PLACES for nth, who in enumerate(voices)]
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), get_context("spawn")) as pool:
        speaking = list(pool.map(partial(_speaks, folder, clips, seed), spoken, chunksize=8))
        quiet = list(pool.map(partial(_quiet, folder, minutes, seed), NOISES))
    found, innocent = report(speaking), report(quiet)
    places = product(("drawn", "recorded") if clips else ("drawn",), PLACES)
    return {
        "innocent_hours": innocent["hours"],
        "false_incidents_per_hour": innocent["false_flags"]["per_hour"],
        "false_incidents_interval_95": innocent["false_flags"]["interval_95"],
        "false_incidents": {one.kind: len(one.flags) for one in quiet},
        "recall": {name: one["recall"] for name, one in found["detectors"].items()},
        "events": {
            kind: report([one for one in speaking if one.kind == kind])["recall"]
            for kind in (f"{who}: {place}" for who, place in places)
        },
    }


def spoken_clips(folder: Path) -> list[Samples]:
    """Return the WAV files of a folder as mono samples at 16 kHz; noise among them is left out."""
    clips = []
    for path in sorted(folder.glob("*.wav")):
        rate, heard = wavfile.read(path)
        whole = heard.astype(np.float32) / np.iinfo(heard.dtype).max
        mono = whole if whole.ndim == 1 else whole.mean(axis=1)
        if "noise" not in path.stem.lower():
            clips.append(resample_poly(mono, SAMPLE_RATE, rate).astype(np.float32))
    return clips


def _speaks(folder: Path, clips: list[Samples], seed: int, one: tuple[str, str, int]) -> Course:
    who, place, nth = one
    random = np.random.default_rng(zlib.crc32(f"{seed} {who} {place} {nth}".encode()))
    begins, length = BEFORE_S * SAMPLE_RATE, SPEAKS_S * SAMPLE_RATE
    heard = room((BEFORE_S + SPEAKS_S + AFTER_S) * SAMPLE_RATE, random)
    # it begins at any phase of the second
    begins += int(random.integers(SAMPLE_RATE))
    said = _words(clips, length, random) if who == "recorded" else _babble(who, random)
    heard[begins : begins + length] += PLACES[place](said, random)
    which = f"{who} {place} {nth}"
    at_ms = START_MS + begins * 1000 // SAMPLE_RATE
    note = Stretch(which, Detector.SPEECH.value, at_ms, at_ms + SPEAKS_S * 1000)
    kind = f"{who.split(',')[0]}: {place}"
    return Course(kind, LabelledSession(which, 0.0), note, _flags(folder, which, heard))


def _babble(who: str, random: np.random.Generator) -> Samples:
    pitch = float(who.split()[1])
    return voice.speech(SPEAKS_S, pitch, int(random.integers(1 << 30)))


def _words(clips: list[Samples], length: int, random: np.random.Generator) -> Samples:
    pause, said = np.zeros(round(PAUSE_S * SAMPLE_RATE), np.float32), np.zeros(0, np.float32)
    while len(said) < length:
        said = np.concatenate([said, clips[random.integers(len(clips))], pause])
    return said[:length]


def _quiet(folder: Path, minutes: float, seed: int, kind: str) -> Course:
    random = np.random.default_rng(zlib.crc32(f"{seed} {kind}".encode()))
    count = round(minutes * 60) * SAMPLE_RATE
    heard = NOISES[kind](count, random) + room(count, random)
    session = LabelledSession(kind, minutes / 60)
    return Course(kind, session, None, _flags(folder, kind, heard))


def _flags(folder: Path, which: str, heard: Samples) -> list[Stretch]:
    """Return the flags of a session, each where it begins: as a worker listens, by the second."""
    looking = backends(folder)
    state, flags, policy = incidents.State(), [], Policy()
    packets, each = coded(heard), 1000 // PACKET_MS
    for second in range(len(heard) // SAMPLE_RATE):
        at_ms = START_MS + second * 1000
        now = packets[second * each : (second + 1) * each]
        seen = sound.look(looking, now, at_ms, "bench-000000")
        state, changes = incidents.step(state, seen, policy)
        flags += [
            Stretch(which, change.detector.value, change.started_at, at_ms)
            for change in changes
            if change.kind is Kind.OPENED
        ]
    return flags


def coded(heard: Samples) -> list[tuple[int, bytes]]:
    """Return sound as a browser sends it: (epoch ms, Opus packet) every 20 ms."""
    fine = np.clip(resample_poly(heard, CODED_RATE, SAMPLE_RATE), -1, 1)
    encoder: Any = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = CODED_RATE, "mono", "s16"
    encoder.bit_rate = MediaSettings().microphone_kbit * 1000
    encoder.options = {"application": "voip", "frame_duration": str(PACKET_MS)}
    encoder.time_base = fractions.Fraction(1, CODED_RATE)
    size, packets = CODED_RATE * PACKET_MS // 1000, []
    for start in range(0, len(fine) - size + 1, size):
        wave = (fine[start : start + size] * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(wave[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.pts = CODED_RATE, start
        packets += encoder.encode(frame)
    return [(START_MS + PACKET_MS * n, bytes(packet)) for n, packet in enumerate(packets)]
