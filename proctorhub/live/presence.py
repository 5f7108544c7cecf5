"""Who is behind each open socket, and how much that socket may still ask."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from proctorhub.domain.permissions import Actor
from proctorhub.live.allowance import Allowance

EVENT_BURST = 30
EVENTS_PER_SECOND = 5.0
MAX_WATCHED = 100


@dataclass
class Guest:
    """One socket: its person as let in, and the sessions it watches, by side."""

    actor: Actor
    allowance: Allowance = field(default_factory=lambda: Allowance(EVENT_BURST, EVENTS_PER_SECOND))
    watched: dict[str, str] = field(default_factory=dict)


class Presence:
    """All open sockets of this process."""

    def __init__(self) -> None:
        self._guests: dict[str, Guest] = {}
        self._lock = threading.Lock()

    def add(self, sid: str, actor: Actor) -> None:
        """Note a socket that was let in."""
        with self._lock:
            self._guests[sid] = Guest(actor)

    def remove(self, sid: str) -> None:
        """Forget a socket that is gone."""
        with self._lock:
            self._guests.pop(sid, None)

    def guest(self, sid: str) -> Guest | None:
        """Return who is behind a socket."""
        with self._lock:
            return self._guests.get(sid)

    def guests(self) -> dict[str, Guest]:
        """Return a copy of all."""
        with self._lock:
            return dict(self._guests)

    def watching(self, session_id: str) -> dict[str, Guest]:
        """Return the sockets that watch one session."""
        return {sid: g for sid, g in self.guests().items() if session_id in g.watched}
