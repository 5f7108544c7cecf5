"""The incidents of a session found again from its journal, by the rules of this release."""

from __future__ import annotations

from dataclasses import dataclass

from proctorhub.domain import reanalysis, screen
from proctorhub.domain.incident_rules import PHASES, RULES_VERSION
from proctorhub.domain.reanalysis import Difference
from proctorhub.records.exams import Exam
from proctorhub.services import changing, incidents, journal, log, monitoring


@dataclass(frozen=True)
class Rejudged:
    """What the journal leads to now; `rules_then` are the versions that the incidents name."""

    rules_then: tuple[str, ...]
    rules_now: str
    looks: int
    incidents: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class Wanted:
    """What a session's looks are compared with: the approved face, applications, the exam."""

    face_still: str | None
    forbidden: tuple[str, ...]
    signs: tuple[str, ...]


def wanted(session_id: str) -> Wanted:
    """Return what looks at a session's frames need to know. Raises NotFound."""
    session = changing.raw(session_id)
    exam = Exam.objects(id=session["exam_id"]).first()
    return Wanted(
        face_still=monitoring.face_still(session),
        forbidden=tuple(exam.monitoring.forbidden_applications) if exam else (),
        signs=screen.signs(exam.title, exam.url) if exam else (),
    )


def rejudge(session_id: str) -> Rejudged:
    """Judge every look of a session again and compare. Raises NotFound."""
    session = changing.raw(session_id)
    over = session["state"] not in PHASES
    ended_at = session.get("finished_at") if over else None
    until_ms = log.millis(ended_at) if ended_at else monitoring.settled_ms()
    looks = list(journal.entries(session_id))
    then = incidents.kept(session_id)
    now = reanalysis.judge(looks, until_ms, over=over)
    versions = {incident["explanation"]["rules"] for incident in then.values()}
    return Rejudged(
        rules_then=tuple(sorted(versions)),
        rules_now=RULES_VERSION,
        looks=len(looks),
        incidents=len(then),
        differences=tuple(reanalysis.compare(then, now)),
    )
