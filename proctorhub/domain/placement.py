"""Which media node takes a session, and whether any does: rules on what the nodes tell."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from proctorhub.domain.alarms import Alarm

#: A node is thought dead after so long without a heart-beat, seconds.
DEAD_AFTER_S = 3.0
#: Until then a new session may still be given to it, when there is nobody else.
GONE_AFTER_S = 15.0
#: What one session is taken to cost before a node has measured it: a share of one core.
ASSUMED_COST = 0.02
#: How many sessions of measuring it takes to outweigh the assumption.
ASSUMED_WEIGHT = 5
#: The node's process works on one core; above this share packets begin to wait.
CPU_CEILING = 0.7
LAG_CEILING_MS = 250.0
SPOOL_CEILING = 0.9
#: A node that has nothing to do takes so many, whatever else its machine is busy with.
ALWAYS = 2
SOONEST_S, LATEST_S, USUALLY_S = 30, 900, 60


@dataclass(frozen=True)
class Beat:
    """What a node tells of itself every second.

    `any_name`: it listens everywhere, so that it is found under the name the pages have.
    `ticket_key` is the SHA-256 of the key that it checks tickets with, empty while it has none.
    `sending` are sessions with a sender here; `holding` those with media not handed over yet.
    `alarms` are what does not work here now.
    """

    node_id: str
    url: str
    any_name: bool
    ticket_key: str
    limit: int
    cpu: float
    lag_ms: float
    sources: int
    viewers: int
    waiting: int
    spool_bytes: int
    spool_age_s: float
    octets: int
    sending: tuple[str, ...]
    holding: tuple[str, ...]
    alarms: tuple[Alarm, ...] = ()


@dataclass(frozen=True)
class Orders:
    """What a node is told with its beat: which sessions that send to it have no business there.

    Those `elsewhere` were placed on another node; those `over` have ended.
    """

    elsewhere: list[str] = field(default_factory=list)
    over: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class NodeLoad:
    """What choosing needs to know of one node.

    A `late` one was silent for too long to be alive and not long enough to be gone. A `newcomer`
    was registered after the session's page was loaded: the page may be forbidden to reach it.
    """

    id: str
    alive: bool
    draining: bool
    placed: int
    limit: int
    cpu: float = 0.0
    newcomer: bool = False
    late: bool = False

    @property
    def is_present(self) -> bool:
        """Whether it may be there: it lives, or is late."""
        return self.alive or self.late

    @property
    def has_room(self) -> bool:
        """Whether it takes a new session, as long as it is there."""
        return not self.draining and self.placed < self.limit

    @property
    def fill(self) -> float:
        """How full it is, 1.0 at its limit."""
        return self.placed / max(1, self.limit)


def measured_limit(*, cpu: float, lag_ms: float, spool_used: float, sessions: int) -> int:
    """Return how many sessions a node may hold, judged by what those it has cost it.

    `cpu` is a share of one core, `spool_used` a share of the spool's limit.
    """
    cost = (ASSUMED_COST * ASSUMED_WEIGHT + cpu) / (ASSUMED_WEIGHT + sessions)
    more = math.floor(round((CPU_CEILING - cpu) / cost, 6))
    if lag_ms > LAG_CEILING_MS or spool_used > SPOOL_CEILING:
        more = 0
    return max(ALWAYS, sessions + max(0, more))


def ranked(
    nodes: Iterable[NodeLoad], *, preferred: str | None = None, displaced: bool = False
) -> list[str]:
    """Return the ids of the nodes to try, best first; none means that nobody has room.

    A `displaced` session has lost its node in the middle: it is taken in above the limit too,
    because recording it a little worse beats not recording it. It goes to living nodes only: a
    late one is as silent as its own, which may be well and unable to tell.
    """
    usable = [
        node for node in nodes if (node.alive if displaced else node.is_present and node.has_room)
    ]
    return _best_first(usable, preferred)


def likeliest(nodes: Iterable[NodeLoad]) -> str | None:
    """Return the id of the node that somebody without a place is told of; it may be full."""
    return next(iter(_best_first(node for node in nodes if node.is_present)), None)


def _best_first(nodes: Iterable[NodeLoad], preferred: str | None = None) -> list[str]:
    order = sorted(
        nodes,
        key=lambda node: (
            node.late,
            node.newcomer,
            not node.has_room,
            node.draining,
            node.id != preferred,
            node.fill,
            node.cpu,
            node.id,
        ),
    )
    return [node.id for node in order]


def come_back_in(ends_in_s: Iterable[float]) -> int:
    """Return after how many seconds to ask again, given when the running sessions end."""
    soonest = min((s for s in ends_in_s if s > 0), default=USUALLY_S)
    return math.ceil(min(LATEST_S, max(SOONEST_S, soonest)))
