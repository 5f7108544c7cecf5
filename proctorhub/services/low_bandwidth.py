"""Sparing a poor line: less of one session is sent, or all of it again, while it goes on."""

from __future__ import annotations

from proctorhub.domain import media_settings
from proctorhub.domain.media_settings import Decider, LowBandwidth, MediaSettings
from proctorhub.domain.permissions import Actor, Standing
from proctorhub.domain.session import MEDIA_OPEN, Side, State
from proctorhub.records.base import utc_now
from proctorhub.records.exams import Exam
from proctorhub.services import access, changing, log
from proctorhub.services.errors import Forbidden

_OPEN = [State.PLANNED.value, *(state.value for state in MEDIA_OPEN)]


def of(session: changing.Document, settings: MediaSettings) -> LowBandwidth:
    """Return whether a stored session saves bandwidth, and who decided so."""
    stored = session.get("low_bandwidth")
    switched = LowBandwidth(stored["on"], Decider(stored["by"])) if stored else None
    return media_settings.low_bandwidth(settings, switched)


def switch(actor: Actor, session_id: str, *, on: bool) -> None:
    """Switch the mode for one session, as its candidate or its proctor.

    Raises NotFound, Conflict `state_not_allowed`, and Forbidden where a candidate would take back
    what the exam or the proctor decided.
    """
    session, stands = access.opened(actor, session_id)
    if stands is Standing.CANDIDATE:
        side, by = Side.CANDIDATE, Decider.CANDIDATE
    else:
        session = access.as_proctor(actor, session_id)
        side, by = Side.PROCTOR, Decider.PROCTOR
    settings = Exam.objects.get(id=session["exam_id"]).media.plain()
    now = of(session, settings)
    if now.on == on:
        return
    if not media_settings.may_switch(now, side, on=on):
        raise Forbidden(
            "Your exam or your proctor decided to save bandwidth; ask the proctor.",
            code="not_yours_to_switch",
        )
    written = changing.write(
        session_id,
        log.entry("bandwidth.switched", actor, {"low": on}, side=changing.side_name(side)),
        require={"state": {"$in": _OPEN}, "low_bandwidth": session.get("low_bandwidth")},
        values={"low_bandwidth": {"on": on, "by": by.value, "at": utc_now()}},
    )
    if written is not None:
        return
    after = changing.raw(session_id)
    if after["state"] not in _OPEN:
        raise changing.state_conflict(after["state"])
    switch(actor, session_id, on=on)
