"""An installation to measure, and sessions in it that are ready to be looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from proctorhub import config
from proctorhub.domain.session import State
from proctorhub.records import files
from proctorhub.records.base import new_id, utc_now
from proctorhub.records.exams import Exam
from proctorhub.records.sessions import IdentityCheck, Session, SourceStatus
from proctorhub.services import runtime
from tests.vision_faces import jpeg, people


@contextmanager
def connected(data_dir: Path) -> Iterator[None]:
    """Be a process of an installation that runs."""
    runtime.start(config.load(data_dir=data_dir))
    try:
        yield
    finally:
        runtime.stop()


def sessions(count: int) -> list[str]:
    """Make sessions that run, with an approved face each; return their ids."""
    now = utc_now()
    exam = Exam(
        institution_id="bench",
        title="Linear algebra, final examination",
        url="https://lms.example.edu/quiz",
        opens_at=now - timedelta(hours=1),
        closes_at=now + timedelta(hours=5),
        duration_min=120,
        tier="ai_human",
        created_by="bench",
    )
    exam.monitoring.forbidden_applications = ["Telegram", "TeamViewer"]
    exam.save()
    return [_session(exam, place).id for place in range(count)]


def _session(exam: Exam, place: int) -> Session:
    now, still = utc_now(), new_id()
    face = jpeg(people()[place % len(people())].picture, 90).tobytes()
    files.save(still, face, content_type="image/jpeg", owner="bench")
    live = {
        name: SourceStatus(state="live", chain=new_id(), at=now, first_at=now)
        for name in ("camera", "screen")
    }
    return Session(
        institution_id="bench",
        exam_id=exam.id,
        candidate_id=new_id(),
        state=State.RUNNING.value,
        scheduled_at=now,
        checked_in_at=now,
        started_at=now,
        ends_at=now + timedelta(hours=2),
        identity=IdentityCheck(status="approved", face_still=still, at=now),
        sources=live,
    ).save()
