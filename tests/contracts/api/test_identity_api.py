"""Identification by software over HTTP: the challenge, what is handed in, who sees what of it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import cv2
import numpy as np
import pytest

from proctorhub.domain import identity, names
from proctorhub.domain.identity import Against, Measured, Thresholds
from proctorhub.records import files
from proctorhub.records.base import utc_now
from proctorhub.records.sessions import Session
from proctorhub.services import identity_judging, identity_queue, watchers
from tests.contracts.api.conftest import Browser, Sitting

LIMITS = Thresholds("space", 0.5, 0.6, 0.018, "a measurement")
RECOGNISED = Measured(
    thresholds=LIMITS,
    models={"embed": "0" * 64},
    distances={Against.DOCUMENT: 0.3, Against.BURST: 0.2},
    document_face_px=60.0,
    selfie_face_px=180.0,
    legibility=0.95,
    glare=0.0,
    name=names.Match.SAME,
    name_read="ADA",
    number="X1234567",
    liveness="passed",
    seen_ms=[2000, 6000, 9000],
    frames=24,
)


def jpeg(number: int = 0, width: int = 64, height: int = 48) -> bytes:
    picture = np.full((height, width, 3), number % 250, np.uint8)
    return cv2.imencode(".jpg", picture)[1].tobytes()


FRAMES = [jpeg(number) for number in range(24)]


def form(nonce: str, **changes: Any) -> dict[str, Any]:
    index = {
        "nonce": nonce,
        "burst": [{"length": len(f), "at_ms": 80 * n} for n, f in enumerate(FRAMES)],
        "quality": {"document": {"sharpness": 12.5, "pixels": 800, "low": False}},
    }
    index |= changes.pop("index", {})
    parts = {"document": jpeg(1), "selfie": jpeg(2), "burst": b"".join(FRAMES)}
    parts |= changes
    files_ = {name: (io.BytesIO(data), f"{name}.bin") for name, data in parts.items() if data}
    return {"index": json.dumps(index), **files_}


def hand_in(browser: Browser, session_id: str, nonce: str, **changes: Any):
    return browser.call(
        "POST",
        f"/sessions/{session_id}/verify-identity",
        data=form(nonce, **changes),
        content_type="multipart/form-data",
    )


@pytest.fixture
def exam(admin: Browser, draft: dict[str, Any]) -> dict[str, Any]:
    return dict(admin.must("POST", "/exams", {**draft, "identity": {"software": True}}))


@pytest.fixture
def alone(admin: Browser, draft: dict[str, Any]) -> dict[str, Any]:
    """An exam that software may admit to."""
    wanted = {**draft, "tier": "ai", "identity": {"software": True}}
    return dict(admin.must("POST", "/exams", wanted))


@pytest.fixture
def worker() -> Callable[..., None]:
    """A worker that lives, answers the check that waits longest, and lets it be judged."""

    def answer(measured: Measured | None = None) -> None:
        watchers.beat("worker", [])
        if measured is not None:
            request = identity_queue.claim("worker")
            assert request is not None
            assert identity_queue.answer("worker", request, measured)
            assert identity_judging.settle_due() == 1

    return answer


def challenge(browser: Browser, session_id: str) -> str:
    return str(browser.must("POST", f"/sessions/{session_id}/identity/challenge", {})["nonce"])


def submitted(sitting: Sitting) -> str:
    answer = hand_in(sitting.candidate, sitting.id, challenge(sitting.candidate, sitting.id))
    assert answer.status_code == 202, answer.data
    assert answer.json["state"] == "pending"
    return str(answer.json["id"])


def test_a_recognised_candidate(sitting, worker, candidate, proctor):
    sitting.until("waiting")
    worker()
    asked = candidate.must("POST", f"/sessions/{sitting.id}/identity/challenge", {})
    assert [step["move"] for step in asked["steps"]] == asked["moves"]
    assert asked["seconds"] > 9
    assert hand_in(candidate, sitting.id, asked["nonce"]).status_code == 202
    assert candidate.must("GET", f"/sessions/{sitting.id}/identity")["state"] == "pending"
    worker(RECOGNISED)
    own = candidate.must("GET", f"/sessions/{sitting.id}/identity")
    assert (own["state"], own["reasons"], own["details"]) == ("verified", [], None)
    theirs = proctor.must("GET", f"/sessions/{sitting.id}/identity")["details"]
    assert {face["against"]: face["match"] for face in theirs["faces"]} == {
        "document": "same",
        "burst": "same",
    }
    assert theirs["thresholds"]["false_match_rate"] == 0.018
    assert theirs["fields"][0] == {
        "name": "name",
        "read": "ADA",
        "expected": "Ada",
        "match": "same",
    }
    picture = proctor.get(theirs["document_url"].removeprefix("/api/v1"))
    assert picture.data == jpeg(1)
    # a person decides in this tier
    assert identity_judging.admit_due() == 0
    view = candidate.must("GET", f"/sessions/{sitting.id}")
    assert (view["state"], view["identity_check"]["state"]) == ("waiting", "verified")


def test_candidates_see_no_scores_anywhere(sitting, worker, candidate, proctor):
    sitting.until("waiting")
    worker()
    submitted(sitting)
    worker(RECOGNISED)
    seen = json.dumps(candidate.must("GET", f"/sessions/{sitting.id}/entries"))
    seen += json.dumps(candidate.must("GET", f"/sessions/{sitting.id}"))
    assert "identity.checked" in seen
    assert "0.3" not in seen and "X1234567" not in seen and "identity.recorded" not in seen
    staff = json.dumps(proctor.must("GET", f"/sessions/{sitting.id}/log"))
    assert "X1234567" in staff


def test_without_a_worker_a_person_is_asked_at_once(sitting, candidate):
    sitting.until("waiting")
    answer = hand_in(candidate, sitting.id, challenge(candidate, sitting.id))
    assert (answer.status_code, answer.json["state"]) == (202, "needs_human_review")
    found = candidate.must("GET", f"/sessions/{sitting.id}/identity")
    assert [reason["code"] for reason in found["reasons"]] == ["nobody_looks"]
    assert found["attempts_left"] == 4


def test_a_check_nobody_answers_goes_to_a_person(sitting, worker, candidate):
    sitting.until("waiting")
    worker()
    submitted(sitting)
    assert identity_judging.settle_due() == 0
    _age(sitting.id, "identity_check.answer_by", timedelta(minutes=-5))
    assert identity_judging.settle_due() == 1
    found = candidate.must("GET", f"/sessions/{sitting.id}/identity")
    assert [reason["code"] for reason in found["reasons"]] == ["no_answer"]


def _age(session_id: str, field: str, by: timedelta) -> None:
    Session._get_collection().update_one({"_id": session_id}, {"$set": {field: utc_now() + by}})


def code(answer) -> tuple[int, str, str | None]:
    return answer.status_code, answer.json["code"], answer.json.get("field")


def test_a_nonce_is_the_newest_and_counts_once(sitting, worker, candidate):
    sitting.until("waiting")
    worker()
    assert code(hand_in(candidate, sitting.id, "guessed"))[:2] == (409, "challenge_unknown")
    old = challenge(candidate, sitting.id)
    new = challenge(candidate, sitting.id)
    assert code(hand_in(candidate, sitting.id, old))[:2] == (409, "challenge_unknown")
    _age(sitting.id, "challenge.expires_at", timedelta(minutes=-1))
    assert code(hand_in(candidate, sitting.id, new))[:2] == (409, "challenge_expired")
    new = challenge(candidate, sitting.id)
    assert hand_in(candidate, sitting.id, new).status_code == 202
    assert code(hand_in(candidate, sitting.id, new))[:2] == (409, "challenge_unknown")


def test_a_nonce_sent_by_many_at_once_counts_once(sitting, worker, candidate, app):
    sitting.until("waiting")
    worker()
    nonce = challenge(candidate, sitting.id)
    browsers = [Browser(app, candidate.user_id, dict(candidate.headers)) for _ in range(6)]
    cookie = candidate.http.get_cookie("proctorhub")
    for browser in browsers:
        browser.http.set_cookie(cookie.key, cookie.value)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda b: hand_in(b, sitting.id, nonce), browsers))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409, 409, 409]
    session = Session._get_collection().find_one({"_id": sitting.id})
    assert session["identity_attempts"] == 1
    assert len(session["stills"]) == 2


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"document": b""}, 400, "document"),
        ({"document": b"GIF89a"}, 400, "document"),
        ({"selfie": b"\xff\xd8\xff\xd9"}, 400, "selfie"),
        ({"selfie": jpeg()[:-2]}, 400, "selfie"),
        ({"document": jpeg(0, 5000, 8)}, 400, "document"),
        ({"document": jpeg()[:-2] + b"\0" * 2**21 + b"\xff\xd9"}, 413, "document"),
        ({"burst": b"".join(FRAMES)[:-1]}, 400, "burst"),
        ({"burst": b"x" * len(b"".join(FRAMES))}, 400, "index.burst.0"),
        ({"index": {"burst": []}}, 400, "index.burst"),
        ({"index": {"burst": [{"length": "x", "at_ms": 0}] * 30}}, 400, "index.burst.0.length"),
        ({"index": {"burst": [{"length": 4, "at_ms": -1}] * 30}}, 400, "index.burst.0.at_ms"),
        ({"index": {"nonce": {"$ne": None}}}, 400, "index.nonce"),
        ({"index": {"more": 1}}, 400, "index.more"),
        ({"index": {"quality": {"document": {"glare": "much"}}}}, 400, "index.quality"),
        ({"index": {"quality": {"document": {"glare": float("nan")}}}}, 400, "index"),
    ],
)
def test_bad_pictures_are_named_and_cost_nothing(
    sitting, worker, candidate, changes, status, field
):
    sitting.until("waiting")
    worker()
    nonce = challenge(candidate, sitting.id)
    answer = hand_in(candidate, sitting.id, nonce, **changes)
    assert answer.status_code == status, answer.data
    assert answer.json["field"].startswith(field)
    assert hand_in(candidate, sitting.id, nonce).status_code == 202


def test_a_body_over_the_limit_is_refused(sitting, worker, candidate):
    sitting.until("waiting")
    worker()
    nonce = challenge(candidate, sitting.id)
    answer = hand_in(candidate, sitting.id, nonce, burst=b"x" * (17 * 2**20))
    assert answer.status_code == 413


def test_whose_session_it_is(sitting, worker, person, proctor, candidate):
    sitting.until("waiting")
    worker()
    stranger, other = person("eve", "candidate"), person("otto", "reviewer")
    nonce = challenge(candidate, sitting.id)
    for browser in (stranger, proctor, other):
        path = f"/sessions/{sitting.id}/identity"
        assert browser.post(f"{path}/challenge").status_code == 404
        assert hand_in(browser, sitting.id, nonce).status_code == 404
    assert stranger.get(f"/sessions/{sitting.id}/identity").status_code == 404
    assert other.get(f"/sessions/{sitting.id}/identity").status_code == 200


def test_when_it_is_possible(sitting, worker, candidate):
    worker()
    path = f"/sessions/{sitting.id}/identity/challenge"
    assert code(candidate.post(path))[:2] == (409, "state_not_allowed")
    sitting.until("waiting")
    submitted(sitting)
    assert code(candidate.post(path))[:2] == (409, "check_pending")
    worker(RECOGNISED)
    assert code(candidate.post(path))[:2] == (409, "already_verified")


def test_tries_are_counted(sitting, worker, candidate):
    sitting.until("waiting")
    worker()
    for left in (4, 3, 2, 1, 0):
        submitted(sitting)
        worker(Measured(missing=["embed"]))
        found = candidate.must("GET", f"/sessions/{sitting.id}/identity")
        assert found["attempts_left"] == left
    path = f"/sessions/{sitting.id}/identity/challenge"
    assert code(candidate.post(path))[:2] == (409, "no_attempts_left")


def test_an_exam_where_people_identify(candidate, proctor, admin, draft):
    sitting = Sitting(candidate, proctor, admin.must("POST", "/exams", draft)["id"])
    sitting.until("waiting")
    answer = candidate.post(f"/sessions/{sitting.id}/identity/challenge")
    assert code(answer)[:2] == (409, "identity_by_people")


def test_the_platform_admits_where_the_tier_says_so(candidate, proctor, alone, worker):
    sitting = Sitting(candidate, proctor, alone["id"]).until("waiting")
    worker()
    submitted(sitting)
    assert identity_judging.admit_due() == 0
    worker(RECOGNISED)
    assert identity_judging.admit_due() == 1
    view = proctor.must("GET", f"/sessions/{sitting.id}")
    assert view["state"] == "admitted"
    details = proctor.must("GET", f"/sessions/{sitting.id}/identity")["details"]
    assert view["identity"]["by"] == "software"
    # the live picture serves as reference during the exam
    assert view["identity"]["face_still"] == details["selfie_still"]
    assert candidate.must("POST", f"/sessions/{sitting.id}/start", {})["state"] == "running"


@pytest.mark.parametrize(
    "measured",
    [
        Measured(missing=["embed"]),
        Measured(**{**vars(RECOGNISED), "distances": {"document": 0.55, "burst": 0.2}}),
        Measured(**{**vars(RECOGNISED), "distances": {"document": 0.9, "burst": 0.2}}),
    ],
)
def test_the_platform_admits_nobody_else(candidate, proctor, alone, worker, measured):
    sitting = Sitting(candidate, proctor, alone["id"]).until("waiting")
    worker()
    submitted(sitting)
    worker(measured)
    assert identity_judging.admit_due() == 0
    assert candidate.must("GET", f"/sessions/{sitting.id}")["state"] == "waiting"


def test_a_person_decides_against_software_and_both_are_kept(sitting, worker, proctor):
    sitting.until("waiting")
    worker()
    submitted(sitting)
    worker(Measured(**{**vars(RECOGNISED), "distances": {"document": 0.9, "burst": 0.2}}))
    found = proctor.must("GET", f"/sessions/{sitting.id}/identity")
    assert found["state"] == "rejected"
    sitting.theirs("identify")
    stills = {
        "document_still": found["details"]["document_still"],
        "face_still": found["details"]["selfie_still"],
        "comment": "A new haircut.",
    }
    view = sitting.theirs("approve", stills)
    assert (view["identity"]["status"], view["identity"]["by"]) == ("approved", "person")
    assert view["identity"]["software"] == "rejected"
    entries = proctor.must("GET", f"/sessions/{sitting.id}/log")["items"]
    admitted = next(e for e in entries if e["kind"] == "state.admitted")
    assert admitted["data"]["software"] == "rejected"
    assert admitted["actor"]["name"] == "Paul"


def test_the_moves_are_kept_no_longer_than_needed(sitting, worker):
    sitting.until("waiting")
    worker()
    submitted(sitting)
    session = Session._get_collection().find_one({"_id": sitting.id})
    burst = session["identity_check"]["burst"]
    assert identity_judging.remove_bursts() == 0
    assert files.read(burst) is not None
    worker(RECOGNISED)
    assert files.read(burst) is None
    assert identity_judging.remove_bursts() == 0


def test_moves_that_a_crash_left_behind_are_removed(sitting, worker):
    sitting.until("waiting")
    worker()
    submitted(sitting)
    session = Session._get_collection().find_one({"_id": sitting.id})
    burst = session["identity_check"]["burst"]
    ended = {"$set": {"identity_check.state": identity.State.REJECTED.value}}
    Session._get_collection().update_one({"_id": sitting.id}, ended)
    assert identity_judging.remove_bursts() == 1
    assert identity_judging.remove_bursts() == 0
    assert files.read(burst) is None


def test_identification_is_fixed_once_somebody_booked(sitting, admin, exam):
    answer = admin.call("PATCH", f"/exams/{exam['id']}", {"identity": {"software": False}})
    assert code(answer)[:2] == (409, "exam_in_use")
    same = admin.must("PATCH", f"/exams/{exam['id']}", {"identity": {"software": True}})
    assert same["identity"] == {"software": True, "enrolment": False}


def test_states_have_names_of_their_own():
    assert {state.value for state in identity.State} == {
        "pending",
        "verified",
        "rejected",
        "needs_human_review",
    }
