"""The human decides and signs; the verdict leaves for whoever must be told."""

from __future__ import annotations

from typing import Any

from proctorhub.domain.permissions import Actor
from proctorhub.domain.session import Action, Side, Verdict
from proctorhub.records.base import utc_now
from proctorhub.services import access, changing, outbox, sessions
from proctorhub.services.errors import Invalid

LONGEST_COMMENT = 5000
_NEEDS_COMMENT = (Verdict.SUSPICIOUS, Verdict.VIOLATION, Verdict.TECHNICAL)


def sign(actor: Actor, session_id: str, verdict: str, comment: str) -> dict[str, Any]:
    """Conclude the session. Anything but `clean` needs a comment. Raises Invalid, Conflict."""
    access.as_proctor(actor, session_id)
    comment = comment.strip()
    if verdict not in set(Verdict):
        raise Invalid("verdict", f"Choose from: {', '.join(Verdict)}.")
    if len(comment) > LONGEST_COMMENT:
        raise Invalid("comment", f"A comment is at most {LONGEST_COMMENT} characters.")
    if verdict in _NEEDS_COMMENT and not comment:
        raise Invalid("comment", "Say why: this verdict needs a comment.")
    signed = {
        "verdict": verdict,
        "comment": comment,
        "by": actor.user_id,
        "by_name": actor.name,
        "at": utc_now(),
    }
    changing.act(
        session_id,
        Action.CONCLUDE,
        Side.PROCTOR,
        actor,
        values={"conclusion": signed, "verdict_queued": False},
        data={"verdict": verdict, "comment": comment},
    )
    outbox.queue_verdict(session_id)
    return sessions.view(actor, session_id)
