"""When a session is over: is all of its media stored, and what is missing at its end?"""

from __future__ import annotations

from datetime import datetime, timedelta

from proctorhub.domain.completeness import TOLERANCE_MS, subtract
from proctorhub.domain.media import NotedGap
from proctorhub.records.sessions import Gap, Session
from proctorhub.services import nodes, reckoning, recording
from proctorhub.services.changing import Document

#: A node must have told of itself so long after the end, because it hears of the end a bit later.
HEARD_AFTER = timedelta(seconds=2)
#: So long a node that is away may come back with what it holds; then the rest counts as lost.
LOST_AFTER = timedelta(minutes=15)


def is_settled(session: Document, known: list[Document], now: datetime) -> bool:
    """Tell whether every source is closed and no node holds media of the session any more."""
    ended: datetime = session["finished_at"]
    if now - ended > LOST_AFTER:
        return True
    if now - ended < HEARD_AFTER:
        return False
    if any(status["state"] != "closed" for status in session["sources"].values()):
        return False
    for node in known:
        if session["_id"] in node["holding"]:
            return False
        if nodes.is_alive(node, now) and node["beat_at"] < ended + HEARD_AFTER:
            return False
    return True


def note_last_gaps(session: Document) -> None:
    """Note what is missing of a settled session and nobody could note before.

    That is the end of a source that never came back, above all. Again does no harm.
    """
    settled = {**session, "last_gaps_noted": True}
    for source in session["sources"]:
        noted = [
            (gap.started_at_ms, gap.ended_at_ms)
            for gap in Gap.objects(session_id=session["_id"], source=source)
        ]
        reckoned = reckoning.of_source(settled, source)
        chain = reckoned.segments[-1].chain if reckoned.segments else "none"
        for gap in reckoned.whole.gaps:
            for start, end in subtract([gap.span], noted):
                if end - start > TOLERANCE_MS:
                    at = (gap.track, start, end, gap.cause.value)
                    recording.note_gap(NotedGap(session["_id"], source, chain, *at))
    Session._get_collection().update_one(
        {"_id": session["_id"]}, {"$set": {"last_gaps_noted": True}}
    )
