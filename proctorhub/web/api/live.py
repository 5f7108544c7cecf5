"""What happens now, as server-sent events."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator

from flask import Response, current_app

from proctorhub.domain.incident_terms import ORDER, Severity
from proctorhub.domain.permissions import Actor, Parties, Right, Standing, standing
from proctorhub.live import Live, wire
from proctorhub.live.gate import GateFull
from proctorhub.live.push import as_event
from proctorhub.services import accounts, sessions
from proctorhub.services.errors import Forbidden, NotFound
from proctorhub.services.feed import FeedEntry
from proctorhub.web.api.fields import Id, Query
from proctorhub.web.api.routing import Media, Resource
from proctorhub.web.errors import ApiError

resource = Resource("live")

#: How often a silent stream shows that it is alive, which also finds readers that are gone.
HEARTBEAT_S = 15.0
#: How long the end of this process may go unnoticed.
TICK_S = 0.5
#: Entries that wait for a slow reader; one that falls further behind is cut off and asks again.
BACKLOG = 1000


class LiveQuery(Query):
    """Whose sessions, and how grave: with `severity` only incidents of at least that one.

    Only the own institution is open.
    """

    institution: Id | None = None
    severity: Severity | None = None


@resource.route("GET", "/proctoring/live", query=LiveQuery, answer=Media("text/event-stream"))
def follow_live(actor: Actor, query: LiveQuery) -> Response:
    """Follow the log entries of all sessions this member of staff may see."""
    if not (actor.may(Right.PROCTOR) or actor.may(Right.REVIEW)):
        raise Forbidden("Only staff follow the live entries.", code="forbidden")
    if query.institution not in (None, actor.institution_id):
        raise NotFound("institution")
    live: Live = current_app.extensions["proctorhub.live"]
    try:
        live.gate.enter(actor.user_id)
    except GateFull as full:
        raise ApiError(503, full.code, str(full)) from None
    response = Response(Stream(live, actor, query.severity), content_type="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"
    return response


class Stream:
    """The chunks of one follower; `close` is called by the WSGI server, whatever happened."""

    def __init__(self, live: Live, actor: Actor, severity: Severity | None = None) -> None:
        self._live = live
        self._actor = actor
        self._severity = severity
        self._waiting: queue.Queue[FeedEntry] = queue.Queue(BACKLOG)
        self._behind = False
        self._open = True
        self._unsubscribe = live.follower.subscribe(self._take)
        self._chunks = self._run()

    def __iter__(self) -> Iterator[str]:
        return self._chunks

    def close(self) -> None:
        """Give the place back."""
        if self._open:
            self._open = False
            self._unsubscribe()
            self._live.gate.leave(self._actor.user_id)

    def _take(self, entry: FeedEntry) -> None:
        try:
            self._waiting.put_nowait(entry)
        except queue.Full:
            self._behind = True

    def _run(self) -> Iterator[str]:
        yield ": following\n\n"
        silent_since = time.monotonic()
        while not (self._behind or self._live.follower.stopping.is_set()):
            try:
                entry = self._waiting.get(timeout=TICK_S)
            except queue.Empty:
                if time.monotonic() - silent_since < HEARTBEAT_S:
                    continue
                if not self._still_welcome():
                    return
                yield ": still here\n\n"
            else:
                if not self._may_see(entry):
                    continue
                yield f"id: {entry.id}\nevent: entry\ndata: {wire.dumps(as_event(entry))}\n\n"
            silent_since = time.monotonic()

    def _grave_enough(self, entry: FeedEntry) -> bool:
        if self._severity is None:
            return True
        severity = entry.data.get("severity")
        known = severity in ORDER and entry.kind.startswith("incident.")
        return known and ORDER[Severity(severity)] >= ORDER[self._severity]

    def _still_welcome(self) -> bool:
        machine = self._actor.user_id.startswith("token:")
        return machine or accounts.actor_for(self._actor.user_id) is not None

    def _may_see(self, entry: FeedEntry) -> bool:
        if entry.session_id is None or not self._grave_enough(entry):
            return False
        try:
            whose = sessions.audience(entry.session_id)
        except NotFound:
            return False
        parties = Parties(whose["candidate_id"], whose["proctor_id"], whose["institution_id"])
        return standing(self._actor, parties) in (Standing.READER, Standing.PROCTOR)
