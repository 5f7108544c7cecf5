"""Observations as they are kept: pages of half a minute, each look under its time.

A look that is written twice is there once. Hashes of models repeat for hours, so a page holds each
combination once and looks name it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from proctorhub.domain.observation import Observation, Source, Value

PAGE_MS = 30_000


def page_start(at_ms: int) -> int:
    """Return when the page that holds this time begins."""
    return at_ms - at_ms % PAGE_MS


def models_key(models: Mapping[str, str]) -> str:
    """Return a short name of a combination of models; the same one for the same combination."""
    text = json.dumps(models, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def to_plain(observation: Observation) -> dict[str, Any]:
    """Return what a page keeps of a look; what says nothing is left out."""
    plain: dict[str, Any] = {"v": {name.value: x for name, x in observation.values.items()}}
    if observation.segment_id is not None:
        plain["seg"] = observation.segment_id
    if observation.frame_sha256 is not None:
        plain["sha"] = bytes.fromhex(observation.frame_sha256)
    if observation.size is not None:
        plain["size"] = list(observation.size)
    if observation.boxes:
        plain["boxes"] = [list(box) for box in observation.boxes]
    if observation.words:
        plain["words"] = list(observation.words)
    if observation.models:
        plain["m"] = models_key(observation.models)
    if observation.burst:
        plain["burst"] = True
    if observation.since_ms is not None:
        plain["since"] = observation.since_ms
    return plain


def read_page(page: Mapping[str, Any]) -> Iterator[Observation]:
    """Yield the looks of a page (`source`, `models`, `looks`) in the order of their times."""
    for at_ms in sorted(int(at) for at in page["looks"]):
        look = page["looks"][str(at_ms)]
        yield Observation(
            source=Source(page["source"]),
            at_ms=at_ms,
            values={Value(name): x for name, x in look["v"].items()},
            segment_id=look.get("seg"),
            frame_sha256=bytes(look["sha"]).hex() if "sha" in look else None,
            size=(look["size"][0], look["size"][1]) if "size" in look else None,
            boxes=tuple((box[0], box[1], box[2], box[3]) for box in look.get("boxes", ())),
            words=tuple(look.get("words", ())),
            models=dict(page["models"][look["m"]]) if "m" in look else {},
            burst=look.get("burst", False),
            since_ms=look.get("since"),
        )
