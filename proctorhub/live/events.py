"""What browsers may ask of the live plane: to watch a session, the day, or their own sessions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import structlog
from flask import request
from flask_babel import gettext
from flask_socketio import ConnectionRefusedError, SocketIO, join_room, leave_room
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from proctorhub.domain.permissions import Actor
from proctorhub.live import problems, rooms
from proctorhub.live.closing import hang_up
from proctorhub.live.door import REFUSED
from proctorhub.live.presence import MAX_WATCHED, Guest, Presence
from proctorhub.live.pulse import Pulse
from proctorhub.services import sessions
from proctorhub.services.errors import Conflict, Forbidden, Invalid, ServiceError, Unauthenticated

log = structlog.get_logger(__name__)

#: Time for the refusal to reach the browser, which then closes by itself.
REASON_SENT_S = 1.0

Who = Callable[[], Actor | None]
Ack = dict[str, Any]


class Nothing(BaseModel):
    """An event without content."""

    model_config = ConfigDict(extra="forbid")


class OfSession(BaseModel):
    """An event about one session."""

    model_config = ConfigDict(extra="forbid")
    session_id: Annotated[str, StringConstraints(min_length=1, max_length=64)]


class PageAlive(OfSession):
    """A candidate's page is there; `elsewhere`: the exam was opened in a tab of its own."""

    elsewhere: bool = False


class TooManyEvents(ServiceError):
    """More events than a person sends."""

    def __init__(self) -> None:
        super().__init__(
            "Too many requests. Wait a moment and try again.", code="too_many_requests"
        )


def register(socketio: SocketIO, who: Who, presence: Presence, pulse: Pulse) -> None:
    """Add the handlers."""

    @socketio.on("connect")
    def connect(auth: object = None) -> None:
        refused = request.environ.get(REFUSED)
        if refused is not None:
            _close_soon(socketio, _sid())
            raise ConnectionRefusedError(gettext(str(refused)), {"code": refused.code})
        actor = who()
        if actor is None:
            raise ConnectionRefusedError(gettext("Sign in first."), {"code": "not_signed_in"})
        presence.add(_sid(), actor)

    @socketio.on("disconnect")
    def gone(reason: object = None) -> None:
        presence.remove(_sid())

    def on(event: str, model: type[BaseModel], handle: Callable[[Actor, Guest, Any], None]) -> None:
        def answer(*args: Any) -> Ack:
            try:
                guest = presence.guest(_sid())
                actor = who()
                if guest is None or actor is None or actor.user_id != guest.actor.user_id:
                    _close_soon(socketio, _sid())
                    raise Unauthenticated("Sign in again.", code="not_signed_in")
                if not guest.allowance.spend():
                    raise TooManyEvents
                handle(actor, guest, _parse(model, args))
            except TooManyEvents as error:
                return problems.body_of(429, error.code, gettext(error.message))
            except ServiceError as error:
                return problems.of_error(error)
            except Exception:
                log.exception("event_failed", event_name=event)
                words = gettext("Something went wrong here. It was written down; please try again.")
                return problems.body_of(500, "internal_error", words)
            return {"ok": True}

        socketio.on_event(event, answer)

    def page_alive(_actor: Actor, guest: Guest, asked: PageAlive) -> None:
        if guest.watched.get(asked.session_id) == "candidate":
            pulse.hear(asked.session_id, elsewhere=asked.elsewhere)

    on("page_alive", PageAlive, page_alive)
    on("watch_session", OfSession, _watch_session)
    on("leave_session", OfSession, _leave_session)
    on("watch_day", Nothing, _watch_day)
    on("watch_own", Nothing, _watch_own)


def _watch_session(actor: Actor, guest: Guest, asked: OfSession) -> None:
    view = sessions.view(actor, asked.session_id)
    if len(guest.watched) >= MAX_WATCHED and asked.session_id not in guest.watched:
        raise Conflict(
            "You watch as many sessions as one page can; leave some.", code="too_many_watched"
        )
    side = "candidate" if view["candidate"]["id"] == actor.user_id else "staff"
    guest.watched[asked.session_id] = side
    join_room(rooms.session(asked.session_id, side))


def _leave_session(_actor: Actor, guest: Guest, asked: OfSession) -> None:
    side = guest.watched.pop(asked.session_id, None)
    if side is not None:
        leave_room(rooms.session(asked.session_id, side))


def _watch_day(actor: Actor, _guest: Guest, _asked: Nothing) -> None:
    found = rooms.of_day(actor)
    if not found:
        raise Forbidden("Only staff see the day's table.", code="forbidden")
    for room in found:
        join_room(room)


def _watch_own(actor: Actor, _guest: Guest, _asked: Nothing) -> None:
    join_room(rooms.own(actor.user_id))
    join_room(rooms.news(actor.institution_id))


def _parse(model: type[BaseModel], args: tuple[Any, ...]) -> BaseModel:
    try:
        return model.model_validate(args[0] if args else {})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "data"
        raise Invalid(field, first["msg"]) from None


def _close_soon(socketio: SocketIO, sid: str) -> None:
    """Close a connection as soon as the reason has been sent."""
    eio_sid = socketio.server.manager.eio_sid_from_sid(sid, "/")

    def close() -> None:
        socketio.sleep(REASON_SENT_S)
        hang_up(socketio, eio_sid)

    socketio.start_background_task(close)


def _sid() -> str:
    return str(request.sid)  # type: ignore[attr-defined]
