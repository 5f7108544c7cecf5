"""How right the flags are, by sessions that people have looked through and labelled.

A labelled session is one in which somebody noted everything that happened. What was noted and not
flagged is missed; what was flagged and not noted is a false flag. Flag and note belong together
when they are of the same detector and overlap, or nearly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from proctorhub.domain.intervals import clopper_pearson, poisson_rate, wilson

#: How far a note may lie from its flag: people do not note to the second, ms.
SLACK_MS = 5_000


@dataclass(frozen=True)
class Stretch:
    """Something that happened, or was flagged, in a session; times are epoch ms."""

    session_id: str
    detector: str
    started_ms: int
    ended_ms: int


@dataclass(frozen=True)
class LabelledSession:
    """A session that was looked through: how long it was watched, h, and whose group it is in."""

    session_id: str
    hours: float
    group: str | None = None


def report(
    sessions: Sequence[LabelledSession], notes: Sequence[Stretch], flags: Sequence[Stretch]
) -> dict[str, Any]:
    """Return the figures of all sessions, of each detector, and of each group, with intervals.

    Flags of sessions that are not labelled are left out.
    """
    groups = sorted({session.group for session in sessions if session.group is not None})
    return {
        "all": _figures(sessions, notes, flags),
        "groups": {
            group: _figures([s for s in sessions if s.group == group], notes, flags)
            for group in groups
        },
    }


def _figures(
    sessions: Sequence[LabelledSession], notes: Iterable[Stretch], flags: Iterable[Stretch]
) -> dict[str, Any]:
    ids = {session.session_id for session in sessions}
    hours = sum(session.hours for session in sessions)
    notes = [note for note in notes if note.session_id in ids]
    flags = [flag for flag in flags if flag.session_id in ids]
    false = [flag for flag in flags if not any(_together(flag, note) for note in notes)]
    found = [note for note in notes if any(_together(flag, note) for flag in flags)]
    detectors = sorted({stretch.detector for stretch in (*notes, *flags)})
    flagged = len({flag.session_id for flag in false})
    return {
        "sessions": len(sessions),
        "hours": round(hours, 3),
        "false_flags": _rate(len(false), hours),
        "sessions_with_false_flags": share(flagged, len(sessions)),
        "recall": share(len(found), len(notes)),
        "detectors": {
            name: {
                "false_flags": _rate(_count(false, name), hours),
                "recall": share(_count(found, name), _count(notes, name)),
            }
            for name in detectors
        },
    }


def _together(flag: Stretch, note: Stretch) -> bool:
    return (
        (flag.session_id, flag.detector) == (note.session_id, note.detector)
        and flag.started_ms <= note.ended_ms + SLACK_MS
        and note.started_ms <= flag.ended_ms + SLACK_MS
    )


def _count(stretches: Iterable[Stretch], detector: str) -> int:
    return sum(stretch.detector == detector for stretch in stretches)


def _rate(count: int, hours: float) -> dict[str, Any]:
    """Return a rate with Garwood's 95 % interval; None where nothing can be said."""
    low, high = poisson_rate(count, hours)
    known = hours > 0
    return {
        "count": count,
        "per_hour": round(count / hours, 4) if known else None,
        "interval_95": [round(low, 4), round(high, 4)] if known else None,
    }


def share(count: int, of: int) -> dict[str, Any]:
    """Return a share with its exact and Wilson 95 % intervals; None where nothing is known."""
    return {
        "count": count,
        "of": of,
        "share": round(count / of, 4) if of else None,
        "interval_95": [round(x, 4) for x in clopper_pearson(count, of)] if of else None,
        "wilson_95": [round(x, 4) for x in wilson(count, of)] if of else None,
    }
