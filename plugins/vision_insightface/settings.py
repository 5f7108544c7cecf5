"""The options of the plugin (`[plugins.insightface]`), checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from proctorhub.plugins import MatchThresholds, PluginError

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}

# Cosine distances. AdvFaces (github.com/ronny3050/AdvFaces, issue 7) measured an ArcFace network on
# LFW: one of 1,000 of a million pairs of different people is as alike as 0.28.
THRESHOLDS = MatchThresholds(
    accept=0.55,
    reject=0.72,
    false_match_rate=0.001,
    source=(
        "upper bound, of another ArcFace network: 0.1 % of a million pairs of different people of "
        "LFW have a cosine similarity of 0.28 or more (AdvFaces), and 0.45 is stricter; not "
        "measured for this pack nor for this institution's people"
    ),
)


@dataclass(frozen=True)
class Settings:
    """What the operator chose.

    `providers` are onnxruntime's names in order, `detector_px` the side of the square that pictures
    are fitted into before faces are looked for.
    """

    pack: str
    providers: tuple[str, ...]
    detector_px: int
    threads: int
    thresholds: MatchThresholds


def read(options: Mapping[str, str]) -> Settings:
    """Return the settings. Raises PluginError with the name of the wrong option."""
    left = dict(options)
    settings = Settings(
        pack=left.pop("pack", "buffalo_l"),
        providers=_providers(left.pop("providers", "cpu")),
        detector_px=_whole(left, "detector_px", 640, low=160, high=1920, multiple_of=32),
        threads=_whole(left, "threads", 1, low=1, high=256),
        thresholds=_thresholds(left),
    )
    for name in sorted(left):
        raise PluginError(f"the vision plugin insightface has no option {name!r}")
    return settings


def _providers(text: str) -> tuple[str, ...]:
    wanted = [part.strip().lower() for part in text.split(",") if part.strip()]
    unknown = [name for name in wanted if name not in PROVIDERS]
    if unknown or not wanted:
        raise PluginError(
            f"plugins.insightface.providers is a list of {', '.join(PROVIDERS)}, not {text!r}"
        )
    return tuple(PROVIDERS[name] for name in wanted)


def _whole(
    left: dict[str, str], name: str, default: int, *, low: int, high: int, multiple_of: int = 1
) -> int:
    text = left.pop(name, str(default))
    if text.isdecimal() and low <= int(text) <= high and int(text) % multiple_of == 0:
        return int(text)
    steps = f" in steps of {multiple_of}" if multiple_of > 1 else ""
    raise PluginError(f"plugins.insightface.{name} is from {low} to {high}{steps}, not {text!r}")


def _thresholds(left: dict[str, str]) -> MatchThresholds:
    """Take the operator's own thresholds, all three, or the stated ones."""
    texts = {name: left.pop(name, None) for name in ("accept", "reject", "false_match_rate")}
    if not any(texts.values()):
        return THRESHOLDS
    try:
        accept, reject, rate = (float(text or "") for text in texts.values())
    except ValueError:
        accept, reject, rate = 0.0, 0.0, 0.0
    if not (0 < accept < reject <= 2 and 0 < rate < 1):
        raise PluginError(
            "plugins.insightface.accept, .reject and .false_match_rate go together: cosine "
            "distances with 0 < accept < reject <= 2, and a share between 0 and 1"
        )
    return MatchThresholds(accept, reject, rate, "this institution's own measurement")
