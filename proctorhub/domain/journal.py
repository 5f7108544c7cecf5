"""Looks as they are kept: pages of half a minute, each look under its time.

With a look goes the policy that it was judged by and when it came in, so that judging can be
repeated. Hashes of models and policies repeat for hours: a page holds each once, looks name them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from proctorhub.domain.incident_policy import Policy, policy_from_plain, policy_to_plain
from proctorhub.domain.observation import Observation, Source, Value

PAGE_MS = 30_000


@dataclass(frozen=True)
class Entry:
    """A look, the policy it was judged by, and when it came to be judged (server's ms)."""

    observation: Observation
    policy: Policy
    came_ms: int


def page_start(at_ms: int) -> int:
    """Return when the page that holds this time begins."""
    return at_ms - at_ms % PAGE_MS


def page_values(entry: Entry, number: int) -> dict[str, Any]:
    """Return what a page keeps of an entry: path within the page → value.

    A frame is looked at once, so its time names the look. The page of a browser may tell several
    things of one moment; the time they came in and their `number` among those keep them apart.
    """
    observation = entry.observation
    name = str(observation.at_ms)
    if observation.source is Source.PAGE:
        name += f"-{entry.came_ms}-{number}"
    policy = policy_to_plain(entry.policy)
    plain = _look(observation)
    plain["p"], plain["t"] = _name(policy), entry.came_ms
    values: dict[str, Any] = {f"policies.{plain['p']}": policy}
    if observation.models:
        plain["m"] = _name(observation.models)
        values[f"models.{plain['m']}"] = dict(observation.models)
    values[f"looks.{name}"] = plain
    return values


def read_page(page: Mapping[str, Any]) -> Iterator[Entry]:
    """Yield the entries of a page in the order of the looks' times."""
    policies = {name: policy_from_plain(plain) for name, plain in page["policies"].items()}
    for name in sorted(page["looks"], key=lambda name: [int(part) for part in name.split("-")]):
        look = page["looks"][name]
        observation = Observation(
            source=Source(page["source"]),
            at_ms=int(name.partition("-")[0]),
            values={Value(name): x for name, x in look["v"].items()},
            segment_id=look.get("seg"),
            frame_sha256=bytes(look["sha"]).hex() if "sha" in look else None,
            size=(look["size"][0], look["size"][1]) if "size" in look else None,
            boxes=tuple((box[0], box[1], box[2], box[3]) for box in look.get("boxes", ())),
            words=tuple(look.get("words", ())),
            models=dict(page["models"][look["m"]]) if "m" in look else {},
            burst=look.get("burst", False),
            since_ms=look.get("since"),
            between_ms=tuple(look.get("between", ())),
        )
        yield Entry(observation, policies[look["p"]], look["t"])


def _look(observation: Observation) -> dict[str, Any]:
    """Return a look as a page keeps it; what says nothing is left out."""
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
    if observation.burst:
        plain["burst"] = True
    if observation.since_ms is not None:
        plain["since"] = observation.since_ms
    if observation.between_ms:
        plain["between"] = list(observation.between_ms)
    return plain


def _name(value: Mapping[str, Any]) -> str:
    """Return a short name of a value; the same one for the same value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
