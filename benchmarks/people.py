"""Exams and candidates for benchmarks, made through the API as everybody else's are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from proctorhub.cli.rehearsal.person import Person


async def open_exam(admin: Person, **more: Any) -> str:
    """Make an exam that everybody may sit now; return its id. `more` goes into its body."""
    now = datetime.now(UTC)
    body = {
        "title": "Measuring",
        "opens_at": (now - timedelta(hours=1)).isoformat(),
        "closes_at": (now + timedelta(hours=3)).isoformat(),
        "duration_min": 60,
        "open": True,
        **more,
    }
    return str((await admin.call("POST", "/exams", body))["id"])


async def check_in(candidate: Person, exam_id: str) -> str:
    """Join, consent and check in as a candidate who has signed in; return the session's id."""
    session = str((await candidate.call("POST", "/sessions", {"exam_id": exam_id}))["session_id"])
    text = await candidate.call("GET", f"/sessions/{session}/consent")
    agreed = {"version": text["version"], "sha256": text["sha256"]}
    await candidate.call("POST", f"/sessions/{session}/consent", agreed)
    await candidate.call("POST", f"/sessions/{session}/check-in", {})
    return session
