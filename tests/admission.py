"""The way of a session from its exam to where it runs, by HTTP alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from proctorhub.cli.rehearsal.person import Person
from proctorhub.domain import consent
from tests.vision_faces import jpeg, person


def open_exam(title: str, minutes: int) -> dict[str, Any]:
    """Return the body of an exam that everybody may sit, looked at by software and a proctor."""
    now = datetime.now(UTC)
    return {
        "title": title,
        "tier": "ai_human",
        "open": True,
        "duration_min": minutes,
        "opens_at": (now - timedelta(hours=1)).isoformat(),
        "closes_at": (now + timedelta(hours=2)).isoformat(),
    }


async def start(candidate: Person, proctor: Person, exam_id: str) -> str:
    """Let a candidate in and start the exam; return the session's id."""
    sid = (await candidate.call("POST", "/sessions", {"exam_id": exam_id}))["session_id"]
    agreed = {
        "version": consent.VERSION,
        "sha256": consent.sha256(consent.TEXTS[consent.Identification.PEOPLE]["en"]),
    }
    await candidate.call("POST", f"/sessions/{sid}/consent", agreed)
    await candidate.call("POST", f"/sessions/{sid}/check-in", {})
    await proctor.call("POST", f"/sessions/{sid}/take", {})
    await candidate.call("POST", f"/sessions/{sid}/ready", {})
    await proctor.call("POST", f"/sessions/{sid}/identify", {})
    stills = {}
    for purpose in ("document", "face"):
        form = aiohttp.FormData()
        form.add_field("source", "camera")
        form.add_field("purpose", purpose)
        image = jpeg(person("hopper").picture, 90).tobytes()
        form.add_field("image", image, filename="still.jpg", content_type="image/jpeg")
        taken = await proctor.call("POST", f"/sessions/{sid}/stills", form)
        stills[f"{purpose}_still"] = taken["id"]
    await proctor.call("POST", f"/sessions/{sid}/approve", stills)
    await candidate.call("POST", f"/sessions/{sid}/start", {})
    return str(sid)
