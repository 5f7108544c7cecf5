"""Who sends and who watches, per session and source."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict

from proctorhub.domain.media import CloseReason
from proctorhub.media.chain import Chain
from proctorhub.media.tasks import spawn
from proctorhub.media.viewer import Viewer

CONNECT_WITHIN_S = 20.0
#: How long a viewer who comes together with the sender is let wait for it.
LIVE_SOON_S = 2.0
#: How long viewers of a lost sender are kept, waiting for it to come back.
VIEWERS_WAIT_S = 60.0
MAX_VIEWERS = 32
#: A page that tries again holds the connection it tried before, and may be about to replace one.
MOST_CONNECTING = 3
_REMEMBERED = 10_000

Key = tuple[str, str]


class Room:
    """One source of one session: its sender, and who watches it.

    `answering` is held while a sender's offer is answered, which opens sockets. `promised` is how
    many viewers' offers are being answered: they have a seat already.
    """

    def __init__(self) -> None:
        self.chain: Chain | None = None
        self.viewers: dict[str, Viewer] = {}
        self.answering = asyncio.Lock()
        self.promised = 0
        self.empty_since = time.monotonic()

    @property
    def full(self) -> bool:
        """Whether no further viewer may come."""
        return len(self.viewers) + self.promised >= MAX_VIEWERS


class Registry:
    """All rooms of this node. Lives in the loop thread."""

    def __init__(self) -> None:
        self._rooms: dict[Key, Room] = {}
        self.chains: dict[str, Chain] = {}
        self.viewers: dict[str, Viewer] = {}
        #: How many connections have come to their end, senders' and viewers'.
        self.ended = 0
        self._ended_sessions: OrderedDict[str, None] = OrderedDict()

    def recording(self) -> bool:
        """Tell whether any source is recorded now; any thread may ask."""
        return any(chain.recorded for chain in list(self.chains.values()))

    def room(self, session_id: str, source: str) -> Room:
        """Return a source's room."""
        return self._rooms.setdefault((session_id, source), Room())

    def sending(self, session_id: str, source: str) -> Chain | None:
        """Return the chain that is live for a source."""
        room = self._rooms.get((session_id, source))
        return room.chain if room else None

    async def sending_soon(self, session_id: str, source: str) -> Chain | None:
        """Return the live chain of a source, waiting a little for one that is still connecting."""
        deadline = time.monotonic() + LIVE_SOON_S
        while True:
            chain = self.sending(session_id, source)
            coming = any(
                (c.session_id, c.source) == (session_id, source) for c in self.chains.values()
            )
            if chain is not None or not coming or time.monotonic() > deadline:
                return chain
            await asyncio.sleep(0.02)

    def is_ended(self, session_id: str) -> bool:
        """Return whether the session is known to be over."""
        return session_id in self._ended_sessions

    def add(self, chain: Chain) -> None:
        """Know a chain that is still connecting; of too many of its source the oldest is closed."""
        self.chains[chain.id] = chain
        key = (chain.session_id, chain.source)
        connecting = [
            c
            for c in self.chains.values()
            if (c.session_id, c.source) == key and not c.peer.connected
        ]
        for former in connecting[:-MOST_CONNECTING]:
            former.close(CloseReason.REPLACED)

    def live(self, chain: Chain) -> None:
        """Put a connected chain in place; it replaces the source's former sender."""
        room = self.room(chain.session_id, chain.source)
        former = room.chain
        room.chain = chain
        if former is not None:
            former.close(CloseReason.REPLACED)
        chain.record(replaced=former is not None)
        assert chain.publisher is not None
        for viewer in list(room.viewers.values()):
            if viewer.fits(chain.publisher):
                viewer.attach(chain.publisher)
            else:
                _close(viewer)

    def closed(self, chain: Chain, reason: CloseReason) -> None:
        """Take a chain out; its viewers wait for the next one, unless there will be none."""
        self.chains.pop(chain.id, None)
        self.ended += 1
        room = self._rooms.get((chain.session_id, chain.source))
        if room is None:
            return
        if room.chain is chain:
            room.chain = None
            room.empty_since = time.monotonic()
            for viewer in list(room.viewers.values()):
                viewer.detach()
                if reason in (CloseReason.SESSION_ENDED, CloseReason.NODE_STOPPED):
                    _close(viewer)

    def watch(self, session_id: str, source: str, viewer: Viewer) -> None:
        """Know a viewer of a source."""
        self.room(session_id, source).viewers[viewer.id] = viewer
        self.viewers[viewer.id] = viewer

    def ready(self, session_id: str, source: str, viewer: Viewer) -> None:
        """Give a connected viewer the source's packets."""
        chain = self.sending(session_id, source)
        if chain is not None and chain.publisher is not None:
            if viewer.fits(chain.publisher):
                viewer.attach(chain.publisher)
            else:
                _close(viewer)

    def gone(self, session_id: str, source: str, viewer: Viewer) -> None:
        """Forget a viewer."""
        self.viewers.pop(viewer.id, None)
        self.ended += 1
        room = self._rooms.get((session_id, source))
        if room is not None:
            room.viewers.pop(viewer.id, None)

    def end_session(self, session_id: str) -> None:
        """Close every source of a session that is over, and take no more of it."""
        self._ended_sessions[session_id] = None
        if len(self._ended_sessions) > _REMEMBERED:
            self._ended_sessions.popitem(last=False)
        for chain in [c for c in self.chains.values() if c.session_id == session_id]:
            chain.close(CloseReason.SESSION_ENDED)
        for key in [k for k in self._rooms if k[0] == session_id]:
            for viewer in list(self._rooms.pop(key).viewers.values()):
                _close(viewer)

    def sweep(self) -> None:
        """Close what did not connect in time, and viewers whose sender stays away."""
        now = time.monotonic()
        for chain in list(self.chains.values()):
            if not chain.peer.connected and now - chain.created_s > CONNECT_WITHIN_S:
                chain.close(CloseReason.CONNECTION_LOST)
        for viewer in list(self.viewers.values()):
            if not viewer.peer.connected and now - viewer.created_s > CONNECT_WITHIN_S:
                _close(viewer)
        for key, room in list(self._rooms.items()):
            if room.chain is None and now - room.empty_since > VIEWERS_WAIT_S:
                for viewer in list(room.viewers.values()):
                    _close(viewer)
                del self._rooms[key]

    async def close_all(self) -> None:
        """Close every chain and every viewer, because the node stops."""
        peers = [c.peer for c in self.chains.values()] + [v.peer for v in self.viewers.values()]
        for chain in list(self.chains.values()):
            chain.close(CloseReason.NODE_STOPPED)
        await asyncio.gather(*(peer.close() for peer in peers), return_exceptions=True)


def _close(viewer: Viewer) -> None:
    spawn(viewer.peer.close())
