"""The table in which a site labels its sessions: CSV, one line for each thing that happened.

Columns: `session`, `detector`, `start`, `end` and, where groups are compared, `group`. Times are
`h:mm:ss` or `mm:ss` from the start of the exam, or ISO 8601 with a zone. A session in which nothing
happened has one line without detector and times.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from proctorhub.domain.incident_terms import Detector

REQUIRED = ("session", "detector", "start", "end")
_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,3}):(\d{2})")


class WrongLabel(Exception):
    """A line that cannot be used; the text names line and column."""


@dataclass(frozen=True)
class Label:
    """One line. `started` and `ended` are ms: of the epoch, or from the start of the exam."""

    session_id: str
    group: str | None
    detector: str | None = None
    started: int = 0
    ended: int = 0
    from_start: bool = False


def read(lines: Iterable[str]) -> list[Label]:
    """Return the labels of a table. Raises WrongLabel."""
    reader = csv.DictReader(lines, restval="")
    missing = [name for name in REQUIRED if name not in (reader.fieldnames or ())]
    if missing:
        raise WrongLabel(f"line 1: the column {missing[0]!r} is missing")
    labels = [_label(row, reader.line_num) for row in reader]
    groups: dict[str, str | None] = {}
    for number, label in enumerate(labels, 2):
        if groups.setdefault(label.session_id, label.group) != label.group:
            raise WrongLabel(f"line {number}, group: {label.session_id} is in another one above")
    return labels


def _label(row: dict[str, str], line: int) -> Label:
    text = {name: (value or "").strip() for name, value in row.items() if isinstance(value, str)}
    group = text.get("group") or None
    if not text["session"]:
        raise WrongLabel(f"line {line}, session: it is empty")
    if not text["detector"]:
        if text["start"] or text["end"]:
            raise WrongLabel(f"line {line}, detector: it is empty, but there are times")
        return Label(text["session"], group)
    if text["detector"] not in set(Detector):
        raise WrongLabel(f"line {line}, detector: there is none named {text['detector']!r}")
    started, of_start = _time(text["start"], line, "start")
    ended, of_end = _time(text["end"], line, "end")
    if of_start != of_end:
        raise WrongLabel(f"line {line}, end: it is not of the same kind as the start")
    if ended < started:
        raise WrongLabel(f"line {line}, end: it is before the start")
    return Label(text["session"], group, text["detector"], started, ended, of_start)


def _time(text: str, line: int, column: str) -> tuple[int, bool]:
    """Return (ms, whether they are from the start of the exam)."""
    clock = _CLOCK.fullmatch(text)
    if clock:
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return ((hours * 60 + minutes) * 60 + seconds) * 1000, True
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise WrongLabel(f"line {line}, {column}: {text!r} is neither h:mm:ss nor ISO 8601")
    return round(moment.timestamp() * 1000), False
