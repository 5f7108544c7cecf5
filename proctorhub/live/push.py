"""Passes what the feed tells to those who may hear it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_socketio import SocketIO

from proctorhub.domain.permissions import Actor, visible_to
from proctorhub.live import rooms, wire
from proctorhub.live.presence import Presence
from proctorhub.services import sessions
from proctorhub.services.errors import NotFound
from proctorhub.services.feed import FeedEntry

#: Entries after which the session object looks as before.
_VIEW_UNCHANGED = frozenset(
    {
        "chat",
        "note",
        "still.taken",
        "identity.challenged",
        "identity.recorded",
        "segment.stored",
        "segment.backfilled",
        "gap.noted",
        "evidence.read",
        "incident.opened",
        "incident.grown",
        "incident.closed",
        "incident.decided",
        "monitoring.silent",
        "monitoring.live",
        "monitoring.changed",
    }
)
#: Entries that the tiles of a proctor's grid show.
_ON_TILES = frozenset(
    {
        "chat",
        "gap.noted",
        "segment.backfilled",
        "incident.opened",
        "incident.grown",
        "incident.closed",
        "incident.decided",
        "monitoring.silent",
        "monitoring.live",
    }
)
#: Entries after which a session may have left somebody's table.
_CHANGES_HANDS = frozenset({"proctor.assigned", "booking.made"})

FindActor = Callable[[str], Actor | None]


def as_event(entry: FeedEntry) -> dict[str, Any]:
    """Return the `entry` event for one log entry."""
    names = ("session_id", "seq", "id", "kind", "at", "actor", "data")
    return wire.entry({name: getattr(entry, name) for name in names})


class Pusher:
    """A listener of the follower."""

    def __init__(self, socketio: SocketIO, presence: Presence, find_actor: FindActor) -> None:
        self._socketio = socketio
        self._presence = presence
        self._find_actor = find_actor

    def __call__(self, entry: FeedEntry) -> None:
        """Emit what one entry means to those who watch."""
        if entry.session_id is None:
            self._notice(entry)
            return
        if entry.kind in _CHANGES_HANDS:
            self._show_out(entry.session_id)
        self._entry(entry, entry.session_id)
        if entry.kind not in _VIEW_UNCHANGED:
            self._session(entry.session_id, handed_over=entry.kind in _CHANGES_HANDS)

    def _notice(self, entry: FeedEntry) -> None:
        if entry.institution_id is None:
            return
        room = rooms.news(entry.institution_id)
        if entry.kind == "exam.changed":
            self._emit("exam", {"id": entry.data.get("id")}, [room])
        elif entry.kind == "availability.changed":
            self._emit("availability", {}, [room])

    def _entry(self, entry: FeedEntry, session_id: str) -> None:
        event = as_event(entry)
        if visible_to("candidate", entry.kind):
            self._emit("entry", event, [rooms.session(session_id, "candidate")])
        if visible_to("staff", entry.kind):
            self._emit("entry", event, self._staff_of(entry, session_id))

    def _staff_of(self, entry: FeedEntry, session_id: str) -> list[str]:
        watching = [rooms.session(session_id, "staff")]
        if entry.kind not in _ON_TILES:
            return watching
        try:
            proctor_id = sessions.audience(session_id)["proctor_id"]
        except NotFound:
            return watching
        return [*watching, rooms.assigned(proctor_id)] if proctor_id else watching

    def _session(self, session_id: str, *, handed_over: bool) -> None:
        try:
            views = sessions.audience_views(session_id)
            whose = sessions.audience(session_id)
        except NotFound:
            return
        staff = [rooms.session(session_id, "staff"), rooms.every(whose["institution_id"])]
        if whose["proctor_id"] is not None:
            staff.append(rooms.assigned(whose["proctor_id"]))
        if whose["proctor_id"] is None or handed_over:
            staff.append(rooms.unassigned(whose["institution_id"]))
        self._emit("session", views["staff"], staff)
        candidate = [rooms.session(session_id, "candidate"), rooms.own(whose["candidate_id"])]
        self._emit("session", views["candidate"], candidate)

    def _show_out(self, session_id: str) -> None:
        """Take those out of a session's rooms who may not watch it any more."""
        for sid, guest in self._presence.watching(session_id).items():
            actor = self._find_actor(guest.actor.user_id)
            try:
                if actor is None:
                    raise NotFound("session")
                sessions.view(actor, session_id)
            except NotFound:
                side = guest.watched.pop(session_id, "staff")
                self._socketio.server.leave_room(sid, rooms.session(session_id, side))

    def _emit(self, event: str, data: dict[str, Any], to: list[str]) -> None:
        # A socket in several of the rooms gets the event once.
        self._socketio.emit(event, data, to=to)
