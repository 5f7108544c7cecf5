"""Software alone lets a candidate in: every process real, the pictures handed in over HTTP.

The person is one photograph that is posed as the server asks, the document is drawn.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import pytest
import requests

from proctorhub.domain.liveness import Move, Step
from tests import identity_documents as drawn
from tests.e2e import processes
from tests.e2e.conftest import Account, Server, serving
from tests.vision_faces import person
from tests.waiting import wait_for

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An installation that looks."""
    with serving(tmp_path_factory.mktemp("identity"), vision="mediapipe") as running:
        yield running


class Candidate:
    """Somebody's browser, without the browser."""

    def __init__(self, server: Server, account: Account) -> None:
        self._url = f"{server.url}/api/v1"
        self._http = requests.Session()
        given = {"login": account.login, "password": account.password}
        token = self.call("POST", "/login", given)["csrf_token"]
        self._http.headers["X-CSRF-Token"] = token

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """Call the API."""
        answer = self._http.request(method, self._url + path, json=body, timeout=60, **options)
        assert answer.ok, (path, answer.text)
        return answer.json()

    def wait(self, server: Server) -> str:
        """Come to an exam that software admits to; return the session's id."""
        now = datetime.now(UTC)
        exam = {
            "title": "Alone",
            "tier": "ai",
            "identity": {"software": True},
            "open": True,
            "duration_min": 30,
            "opens_at": (now - timedelta(hours=1)).isoformat(),
            "closes_at": (now + timedelta(hours=2)).isoformat(),
        }
        exam_id = server.api("POST", "/exams", exam)["id"]
        session = f"/sessions/{self.call('POST', '/sessions', {'exam_id': exam_id})['session_id']}"
        text = self.call("GET", f"{session}/consent")
        assert "software alone may let me in" in text["text"]
        agreed = {name: text[name] for name in ("version", "sha256")}
        self.call("POST", f"{session}/consent", agreed)
        self.call("POST", f"{session}/check-in", {})
        assert self.call("POST", f"{session}/ready", {})["state"] == "waiting"
        return session.removeprefix("/sessions/")

    def identify(self, session_id: str, who: str, holder: str) -> None:
        """Show a document with the face of `holder`, and `who` before the camera."""
        session = f"/sessions/{session_id}"
        asked = self.call("POST", f"{session}/identity/challenge", {})
        began = time.monotonic()
        steps = [Step(Move(s["move"]), s["from_ms"], s["to_ms"]) for s in asked["steps"]]
        moves = [(at, drawn.jpeg(picture)) for at, picture in drawn.moves(who, steps)]
        zone = drawn.zone("TD3", "ERIKSSON", "ANNA MARIA", "L898902C3")
        page = drawn.document(drawn.portrait(holder), ["Surname ERIKSSON"], zone, drawn.PAGE)
        files = {
            "document": drawn.jpeg(drawn.held_up(page)),
            "selfie": drawn.jpeg(cv2.resize(person(who).picture, (960, 720))),
            "burst": b"".join(jpeg for _, jpeg in moves),
        }
        burst = [{"length": len(jpeg), "at_ms": at} for at, jpeg in moves]
        index = json.dumps({"nonce": asked["nonce"], "burst": burst})
        # pictures of the moves cannot be there before the moves were made
        time.sleep(max(0.0, asked["seconds"] - (time.monotonic() - began)))
        answer = self.call("POST", f"{session}/verify-identity", data={"index": index}, files=files)
        assert answer["state"] == "pending"


@pytest.fixture
def candidate(server: Server) -> Candidate:
    return Candidate(server, server.new_user("candidate", "Anna Maria Eriksson"))


def answered(server: Server, session_id: str) -> Any:
    def check() -> Any:
        found = server.api("GET", f"/sessions/{session_id}/identity")
        return found if found["state"] not in ("none", "pending") else None

    return wait_for(check, "the outcome of the identity check")


def test_a_recognised_candidate_is_let_in_and_the_record_is_believed(
    server: Server, candidate: Candidate, tmp_path: Path
) -> None:
    session_id = candidate.wait(server)
    candidate.identify(session_id, "hopper", "hopper")
    found = answered(server, session_id)
    assert (found["state"], found["reasons"]) == ("verified", [])
    path = f"/sessions/{session_id}"
    wait_for(lambda: candidate.call("GET", path)["state"] != "waiting", "them to be let in")
    session = candidate.call("GET", path)
    assert (session["state"], session["identity"]["by"]) == ("admitted", "software")
    assert candidate.call("POST", f"/sessions/{session_id}/start", {})["state"] == "running"

    record = tmp_path / "record.json"
    record.write_text(json.dumps(found["details"]["record"]))
    key = server.data_dir / "secrets" / "evidence.pub"
    command = [sys.executable, "-m", "proctorhub", "identity", "verify", str(record)]
    payload = json.loads(subprocess.check_output([*command, "--key", str(key)], text=True))
    assert (payload["outcome"], payload["session_id"]) == ("verified", session_id)
    assert payload["measured"]["number"] == "L898902C3"
    log = server.api("GET", f"/sessions/{session_id}/log")["items"]
    kinds = [entry["kind"] for entry in log]
    assert kinds.index("identity.recorded") < kinds.index("state.admitted")


def test_somebody_else_waits_for_a_person(server: Server, candidate: Candidate) -> None:
    session_id = candidate.wait(server)
    candidate.identify(session_id, "hopper", "astronaut")
    found = answered(server, session_id)
    assert (found["state"], found["reasons"][0]["code"]) == ("rejected", "face_different")
    assert candidate.call("GET", f"/sessions/{session_id}")["state"] == "waiting"


def test_a_check_outlives_the_worker_that_took_it(server: Server, candidate: Candidate) -> None:
    session_id = candidate.wait(server)
    candidate.identify(session_id, "hopper", "hopper")
    for pid in processes.of(server.data_dir, "vision"):
        os.kill(pid, signal.SIGKILL)
    assert answered(server, session_id)["state"] == "verified"
