"""Closes sockets that should not be open: of changed accounts, and those that never said hello."""

from __future__ import annotations

import threading

import structlog
from flask_socketio import SocketIO
from pymongo.errors import PyMongoError

from proctorhub.live.closing import hang_up, hang_up_guest
from proctorhub.live.presence import Presence
from proctorhub.live.push import FindActor

log = structlog.get_logger(__name__)

ROUND_S = 15.0


class Housekeeping:
    """A round every ROUND_S seconds, in a thread of its own."""

    def __init__(self, socketio: SocketIO, presence: Presence, find_actor: FindActor) -> None:
        self._socketio = socketio
        self._presence = presence
        self._find_actor = find_actor
        self._silent: set[str] = set()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin the rounds."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="live-rounds", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End after the current round."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(ROUND_S):
            try:
                self.close_silent()
                self.close_changed_accounts()
            except PyMongoError as error:
                log.warning("live_round_failed", error=type(error).__name__)

    def close_silent(self) -> None:
        """Close sockets that have not joined since the last round: each holds a thread."""
        server = self._socketio.server
        joined = {server.manager.eio_sid_from_sid(sid, "/") for sid in self._presence.guests()}
        silent = set(server.eio.sockets) - joined
        for eio_sid in silent & self._silent:
            hang_up(self._socketio, eio_sid)
        self._silent = silent

    def close_changed_accounts(self) -> None:
        """Close the sockets of people who are not any more who they were when they were let in."""
        guests = self._presence.guests()
        now = {id_: self._find_actor(id_) for id_ in {g.actor.user_id for g in guests.values()}}
        for sid, guest in guests.items():
            if now[guest.actor.user_id] != guest.actor:
                hang_up_guest(self._socketio, sid)
