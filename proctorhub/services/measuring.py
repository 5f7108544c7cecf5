"""A site's own labelled sessions against what was flagged in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from proctorhub.domain import accuracy
from proctorhub.domain.accuracy import LabelledSession, Stretch
from proctorhub.domain.labels import Label, WrongLabel
from proctorhub.records.sessions import Session
from proctorhub.services import incidents, log
from proctorhub.services.changing import Document


def measure(labels: Sequence[Label]) -> dict[str, Any]:
    """Return the figures of the labelled sessions. Raises WrongLabel for an unknown session."""
    ids = list(dict.fromkeys(label.session_id for label in labels))
    known = {s["_id"]: s for s in Session._get_collection().find({"_id": {"$in": ids}})}
    groups = {label.session_id: label.group for label in labels}
    sessions, notes, flags = [], [], []
    for session_id in ids:
        began, ended = _watched(session_id, known.get(session_id))
        hours = (ended - began) / 3_600_000
        sessions.append(LabelledSession(session_id, hours, groups[session_id]))
        for (detector, started), found in incidents.kept(session_id).items():
            until = found["ended_at_ms"] or ended
            flags.append(Stretch(session_id, detector, started, until))
        for label in labels:
            if label.session_id == session_id and label.detector is not None:
                offset = began if label.from_start else 0
                start, end = label.started + offset, label.ended + offset
                notes.append(Stretch(session_id, label.detector, start, end))
    return accuracy.report(sessions, notes, flags)


def _watched(session_id: str, session: Document | None) -> tuple[int, int]:
    if session is None:
        raise WrongLabel(f"there is no session {session_id!r}")
    began, ended = session.get("started_at"), session.get("finished_at")
    if began is None or ended is None:
        raise WrongLabel(f"session {session_id!r} was not sat to its end")
    return log.millis(began), log.millis(ended)
