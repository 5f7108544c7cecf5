"""What a candidate's page sends: per exam and source, and in low-bandwidth mode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

from proctorhub.domain.session import Side


class Codec(StrEnum):
    """The video codec a page asks for first; the other one remains possible."""

    VP8 = "vp8"
    H264 = "h264"


@dataclass(frozen=True)
class Video:
    """One source's picture: pixels, frames a second, kbit/s at most, codec."""

    width: int
    height: int
    frame_rate: int
    kbit: int
    codec: str = Codec.VP8.value


@dataclass(frozen=True)
class MediaSettings:
    """What the pages of an exam send; `microphone_kbit` is for the sound, where there is any."""

    camera: Video = Video(1280, 720, 15, 1000)
    screen: Video = Video(1280, 720, 5, 900)
    microphone_kbit: int = 32
    low_bandwidth: bool = False


class Decider(StrEnum):
    """Who decided about low-bandwidth mode."""

    EXAM = "exam"
    PROCTOR = "proctor"
    CANDIDATE = "candidate"


@dataclass(frozen=True)
class LowBandwidth:
    """Whether a session saves bandwidth, and who decided so."""

    on: bool
    by: Decider


#: Smallest and largest value per field.
BOUNDS: dict[str, tuple[int, int]] = {
    "width": (160, 1920),
    "height": (120, 1080),
    "frame_rate": (1, 30),
    "kbit": (50, 6000),
    "microphone_kbit": (12, 128),
}

#: Ceilings of low-bandwidth mode. With packet headers (about 26 kbit/s for fifty sound packets a
#: second and the few of the pictures) and without retransmissions everything stays under
#: LOW_TOTAL_KBIT.
LOW_CAMERA = Video(480, 270, 3, 80)
LOW_SCREEN = Video(960, 540, 1, 50)
LOW_MICROPHONE_KBIT = 16
LOW_TOTAL_KBIT = 200


def problem(settings: MediaSettings) -> tuple[str, str] | None:
    """Return (field, sentence) of the first value that cannot be used."""
    for source in ("camera", "screen"):
        video: Video = getattr(settings, source)
        for name in ("width", "height", "frame_rate", "kbit"):
            if wrong := _outside(name, getattr(video, name)):
                return f"{source}.{name}", wrong
        for name in ("width", "height"):
            if getattr(video, name) % 2:
                return f"{source}.{name}", "Pictures have an even number of pixels."
        if video.codec not in set(Codec):
            return f"{source}.codec", f"Choose from: {', '.join(Codec)}."
    if wrong := _outside("microphone_kbit", settings.microphone_kbit):
        return "microphone_kbit", wrong
    return None


def changed(settings: MediaSettings, changes: Mapping[str, Any]) -> MediaSettings:
    """Return the settings with some fields changed; those of a source may be given in part.

    Raises ValueError naming a field that does not exist.
    """
    known = {field.name for field in fields(MediaSettings)}
    values: dict[str, Any] = {}
    for name, value in changes.items():
        if name not in known:
            raise ValueError(name)
        if name not in ("camera", "screen"):
            values[name] = value
            continue
        unknown = set(value) - {field.name for field in fields(Video)}
        if unknown:
            raise ValueError(f"{name}.{min(unknown)}")
        values[name] = replace(getattr(settings, name), **value)
    return replace(settings, **values)


def to_send(settings: MediaSettings, *, low: bool) -> MediaSettings:
    """Return what is sent now: the exam's settings, or in low-bandwidth mode the less of both."""
    if not low:
        return replace(settings, low_bandwidth=False)
    return MediaSettings(
        camera=_least(settings.camera, LOW_CAMERA),
        screen=_least(settings.screen, LOW_SCREEN),
        microphone_kbit=min(settings.microphone_kbit, LOW_MICROPHONE_KBIT),
        low_bandwidth=True,
    )


def low_bandwidth(settings: MediaSettings, switched: LowBandwidth | None) -> LowBandwidth:
    """Return whether a session saves bandwidth: what was switched for it outranks the exam."""
    return switched or LowBandwidth(settings.low_bandwidth, Decider.EXAM)


def may_switch(now: LowBandwidth, side: Side, *, on: bool) -> bool:
    """Tell whether a side may switch the mode.

    The proctor may always. Candidates may save bandwidth, and take back only what they switched
    themselves: nobody lowers their own pictures' limits against the exam's will for good, nor
    raises them on a line that the exam or the proctor wanted spared.
    """
    if side is not Side.CANDIDATE:
        return True
    return on or now.by is Decider.CANDIDATE


def _outside(name: str, value: int) -> str | None:
    least, most = BOUNDS[name]
    return None if least <= value <= most else f"This must be {least} to {most}."


def _least(wanted: Video, ceiling: Video) -> Video:
    """Fit a picture into the ceiling, keeping its shape."""
    scale = max(1.0, wanted.width / ceiling.width, wanted.height / ceiling.height)
    return Video(
        width=_even(wanted.width / scale),
        height=_even(wanted.height / scale),
        frame_rate=min(wanted.frame_rate, ceiling.frame_rate),
        kbit=min(wanted.kbit, ceiling.kbit),
        codec=wanted.codec,
    )


def _even(pixels: float) -> int:
    return max(2, int(pixels) // 2 * 2)
