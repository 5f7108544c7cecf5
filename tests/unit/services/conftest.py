"""People and an exam to play with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher

from proctorhub.domain.permissions import Actor
from proctorhub.records.base import utc_now
from proctorhub.services import accounts, exams, identification, proctoring, runtime, sitting

PASSWORD = "correct horse battery"
JPEG = b"\xff\xd8\xff\xe0" + b"picture" + b"\xff\xd9"


@pytest.fixture
def admin(database: runtime.Runtime, monkeypatch: pytest.MonkeyPatch) -> Actor:
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(database.authenticator, "_hasher", cheap)
    login, password = accounts.first_administrator() or ("", "")
    return accounts.sign_in(login, password)


@pytest.fixture
def person(admin: Actor) -> Callable[..., Actor]:
    """Make a user with one role and sign in."""
    count = 0

    def make(role: str, name: str = "") -> Actor:
        nonlocal count
        count += 1
        login = f"{role}{count}"
        accounts.create_user(
            admin, login=login, name=name or login.title(), roles=[role], password=PASSWORD
        )
        return accounts.sign_in(login, PASSWORD)

    return make


@pytest.fixture
def candidate(person: Callable[..., Actor]) -> Actor:
    return person("candidate")


@pytest.fixture
def proctor(person: Callable[..., Actor]) -> Actor:
    return person("proctor")


@pytest.fixture
def exam(admin: Actor) -> Callable[..., dict[str, Any]]:
    """Make an exam that is open now."""

    def make(**changes: Any) -> dict[str, Any]:
        now = utc_now()
        draft = {
            "title": "Linear algebra",
            "opens_at": now - timedelta(hours=1),
            "closes_at": now + timedelta(days=3),
            "duration_min": 60,
            "tier": "ai_human",
            "open": True,
            "url": "https://lms.example/exam",
        }
        return exams.create(admin, {**draft, **changes})

    return make


@pytest.fixture
def sitting_until(candidate: Actor, proctor: Actor, exam: Callable[..., dict[str, Any]]):
    """Bring a session of an open exam up to a state; returns its id."""

    def go(state: str, **changes: Any) -> str:
        session_id = sitting.join(candidate, exam(**changes)["id"])["id"]
        text = sitting.consent_text_for(candidate, session_id, "en")

        def still(purpose: str) -> str:
            return identification.add_still(proctor, session_id, "camera", purpose, JPEG)["id"]

        steps = [
            (
                "planned",
                lambda: sitting.consent(candidate, session_id, text["version"], text["sha256"]),
            ),
            (
                "checked_in",
                lambda: (
                    sitting.check_in(candidate, session_id),
                    proctoring.take(proctor, session_id),
                ),
            ),
            ("waiting", lambda: sitting.ready(candidate, session_id)),
            ("identifying", lambda: proctoring.identify(proctor, session_id)),
            (
                "admitted",
                lambda: identification.approve(
                    proctor, session_id, still("document"), still("face")
                ),
            ),
            ("running", lambda: sitting.start(candidate, session_id)),
            ("finished", lambda: sitting.finish(candidate, session_id)),
        ]
        for name, step in steps:
            step()
            if name == state:
                return session_id
        raise AssertionError(f"no way to {state}")

    return go
