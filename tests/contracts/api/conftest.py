"""The real application over a real database, people in it, and an exam to sit."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from pydantic import TypeAdapter
from werkzeug.test import TestResponse

from proctorhub.config import Settings
from proctorhub.live.wire import rfc3339
from proctorhub.records.base import utc_now
from proctorhub.records.people import Institution, User
from proctorhub.services import runtime
from proctorhub.web import create_app
from proctorhub.web.api import TABLE
from proctorhub.web.api.answers import Problem
from proctorhub.web.api.routing import Media

PASSWORD = "correct horse battery"
JPEG = b"\xff\xd8\xff\xe0" + b"picture" + b"\xff\xd9"

_ANSWERS = [
    (
        route.method,
        re.compile("/api/v1" + re.sub(r"<\w+>", "[^/]+", route.path).replace(".", r"\.")),
        route,
    )
    for route in TABLE
]
_ADAPTERS: dict[Any, TypeAdapter[Any]] = {}


def check_against_contract(method: str, path: str, response: TestResponse) -> None:
    """Every answer has the shape that the OpenAPI document promises."""
    if response.status_code >= 400:
        assert response.content_type == "application/problem+json", response.data
        assert Problem.model_validate_json(response.data).status == response.status_code
        return
    for wanted, pattern, route in _ANSWERS:
        if wanted == method and pattern.fullmatch(path.split("?")[0]):
            if isinstance(route.answer, Media) or response.is_streamed:
                return
            if route.answer is None:
                assert response.status_code == 204
                assert response.data == b""
                return
            assert response.status_code == route.status
            adapter = _ADAPTERS.setdefault(route.name, TypeAdapter(route.answer))
            adapter.validate_json(response.data)
            return


class Browser:
    """One person's browser: cookie, CSRF token, JSON, and the contract checked at every answer."""

    def __init__(self, app: Flask, user_id: str = "", headers: dict[str, str] | None = None):
        self.http: FlaskClient = app.test_client()
        self.user_id = user_id
        self.headers = headers or {}

    def sign_in(self, login: str, password: str = PASSWORD) -> TestResponse:
        response = self.call("POST", "/login", {"login": login, "password": password})
        if response.status_code == 200:
            self.headers["X-CSRF-Token"] = response.json["csrf_token"]
        return response

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> TestResponse:
        options["headers"] = {**self.headers, **options.get("headers", {})}
        if body is not None:
            options["json"] = body
        response = self.http.open("/api/v1" + path, method=method, **options)
        check_against_contract(method, "/api/v1" + path, response)
        return response

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.call("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self.call("POST", path, {} if body is None else body, **options)

    def must(self, method: str, path: str, body: Any = None) -> Any:
        response = self.call(method, path, body)
        assert response.status_code < 400, response.data
        return response.json

    def still(self, session_id: str, purpose: str, data: bytes = JPEG, **fields: str):
        form = {"source": "camera", "purpose": purpose, "image": (io.BytesIO(data), "x.jpg")}
        return self.call(
            "POST",
            f"/sessions/{session_id}/stills",
            data={**form, **fields},
            content_type="multipart/form-data",
        )


@pytest.fixture
def app(database: runtime.Runtime, settings: Settings) -> Flask:
    application = create_app(settings)
    application.testing = False
    return application


@pytest.fixture(scope="session")
def stored_password() -> str:
    """One hash for everybody, with the least cost: Argon2 is slow on purpose."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


@pytest.fixture
def institution(database: runtime.Runtime) -> str:
    return str(Institution(name="University").save().id)


@pytest.fixture
def person(app: Flask, institution: str, stored_password: str) -> Callable[..., Browser]:
    """Make a user with some roles and sign in."""

    def make(login: str, *roles: str, at: str = "", **fields: Any) -> Browser:
        user = User(
            institution_id=at or institution,
            login=login,
            name=login.title(),
            roles=list(roles),
            secret=stored_password,
            **fields,
        ).save()
        browser = Browser(app, user.id)
        response = browser.sign_in(login)
        assert response.status_code == 200, response.data
        return browser

    return make


@pytest.fixture
def browser(app: Flask) -> Callable[..., Browser]:
    """Make a browser that nobody has signed in with."""
    return lambda **options: Browser(app, **options)


@pytest.fixture
def anonymous(browser: Callable[..., Browser]) -> Browser:
    return browser()


@pytest.fixture
def admin(person: Callable[..., Browser]) -> Browser:
    return person("boss", "admin", "exam_admin")


@pytest.fixture
def candidate(person: Callable[..., Browser]) -> Browser:
    return person("ada", "candidate")


@pytest.fixture
def proctor(person: Callable[..., Browser]) -> Browser:
    return person("paul", "proctor")


@pytest.fixture
def draft() -> dict[str, Any]:
    now = utc_now()
    return {
        "title": "Linear algebra",
        "opens_at": rfc3339(now - timedelta(hours=1)),
        "closes_at": rfc3339(now + timedelta(days=3)),
        "duration_min": 60,
        "tier": "ai_human",
        "open": True,
        "rules": {"allowed": ["paper"], "forbidden": ["phone"]},
        "url": "https://lms.example/exam",
    }


@pytest.fixture
def exam(admin: Browser, draft: dict[str, Any]) -> dict[str, Any]:
    return dict(admin.must("POST", "/exams", draft))


class Sitting:
    """A session that can be brought to any state over the API, step by step."""

    STEPS = (
        "planned",
        "checked_in",
        "waiting",
        "identifying",
        "admitted",
        "running",
        "finished",
        "concluded",
    )

    def __init__(self, candidate: Browser, proctor: Browser, exam_id: str):
        self.candidate = candidate
        self.proctor = proctor
        self.id = candidate.must("POST", "/sessions", {"exam_id": exam_id})["session_id"]
        proctor.must("POST", f"/sessions/{self.id}/take", {})

    def until(self, state: str) -> Sitting:
        for step in self.STEPS[1 : self.STEPS.index(state) + 1]:
            getattr(self, f"to_{step}")()
        return self

    def mine(self, action: str, body: Any = None) -> Any:
        return self.candidate.must("POST", f"/sessions/{self.id}/{action}", body or {})

    def theirs(self, action: str, body: Any = None) -> Any:
        return self.proctor.must("POST", f"/sessions/{self.id}/{action}", body or {})

    def to_checked_in(self) -> None:
        text = self.candidate.must("GET", f"/sessions/{self.id}/consent")
        self.mine("equipment", {"results": [{"name": "camera", "ok": True, "detail": "640x480"}]})
        self.mine("consent", {"version": text["version"], "sha256": text["sha256"]})
        self.mine("check-in")

    def to_waiting(self) -> None:
        self.mine("ready")

    def to_identifying(self) -> None:
        self.theirs("identify")

    def to_admitted(self) -> None:
        stills = {
            f"{purpose}_still": self.proctor.still(self.id, purpose).json["id"]
            for purpose in ("document", "face")
        }
        self.theirs("approve", stills)

    def to_running(self) -> None:
        self.mine("start")

    def to_finished(self) -> None:
        self.mine("finish")

    def to_concluded(self) -> None:
        self.theirs("conclusion", {"verdict": "clean"})


@pytest.fixture
def sitting(candidate: Browser, proctor: Browser, exam: dict[str, Any]) -> Sitting:
    return Sitting(candidate, proctor, exam["id"])


@pytest.fixture
def machine(admin: Browser, app: Flask) -> Browser:
    """A machine with a token that may manage exams."""
    token = admin.must("POST", "/tokens", {"name": "LMS", "roles": ["exam_admin"]})["token"]
    return Browser(app, headers={"Authorization": f"Bearer {token}"})
