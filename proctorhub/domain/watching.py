"""Is anybody looking? The state of each detector, from when its source was last looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from proctorhub.domain.incident_rules import RULES
from proctorhub.domain.incident_terms import Detector
from proctorhub.domain.observation import Source

#: Longer without a look is silence, ms. The screen is looked at every ten seconds.
QUIET_MS: dict[Source, int] = {
    Source.CAMERA: 3_500,
    Source.MICROPHONE: 3_500,
    Source.SCREEN: 14_000,
    Source.PAGE: 4_500,
}
#: A worker that has not told of itself for so long is not there, ms.
WORKER_QUIET_MS = 3_500


class Looking(StrEnum):
    """`no_source`: there is nothing to look at; `not_checked`: nobody here is able to."""

    LIVE = "live"
    SILENT = "silent"
    NO_SOURCE = "no_source"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True)
class Facts:
    """What is known at one moment, all in ms.

    `able` maps each detector to the newest sign of a worker that can serve it. `open_since` is
    since when each source can be looked at, `looked` when it last was, `served` the detectors that
    the last look at a source could serve for this session.
    """

    now: int
    able: Mapping[Detector, int] = field(default_factory=dict)
    open_since: Mapping[Source, int] = field(default_factory=dict)
    looked: Mapping[Source, int] = field(default_factory=dict)
    served: Mapping[Source, frozenset[Detector]] = field(default_factory=dict)


def looking(detector: Detector, facts: Facts) -> tuple[Looking, int | None]:
    """Return how a detector stands, and for a silent one since when (ms)."""
    source = RULES[detector].source
    by_worker = source is not Source.PAGE
    if by_worker and detector not in facts.able:
        return Looking.NOT_CHECKED, None
    opened = facts.open_since.get(source)
    if opened is None:
        return Looking.NO_SOURCE, None
    looked = facts.looked.get(source)
    since = opened if looked is None else max(looked, opened)
    worker_gone = by_worker and facts.now - facts.able[detector] > WORKER_QUIET_MS
    quiet = facts.now - since > QUIET_MS[source]
    if quiet or (worker_gone and facts.now - since > WORKER_QUIET_MS):
        return Looking.SILENT, since
    if looked is not None and detector not in facts.served.get(source, frozenset()):
        return Looking.NOT_CHECKED, None
    return Looking.LIVE, None
