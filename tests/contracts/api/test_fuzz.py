"""Whatever is sent to whichever operation by whomever: a clear answer, never a 500."""

from __future__ import annotations

import json
import random

import pytest

from proctorhub.web.api import TABLE

SEED = 20261121
ROUNDS = 5
SCALARS = [
    None,
    True,
    False,
    0,
    -1,
    2**31,
    2**63,
    2**80,
    1e308,
    -0.0,
    "",
    " ",
    "\x00",
    "x" * 3000,
    "ё",
    "\U0001f600",
    "$where",
    "a.b",
    "../../etc/passwd",
    "2026-11-21T09:00:00Z",
    "2026-02-30T09:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "<script>",
    "0" * 32,
]
GARBAGE = [
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"{",
    b"\xff",
    b"NaN",
    b'{"a":NaN}',
    b'{"text":"\\ud800"}',
    b"{}" * 10,
    b'{"' + b"a" * 2000 + b'":1}',
    b'{"start":' + b"[" * 5000 + b"]" * 5000 + b"}",
]
KINDS = ["application/json", "text/plain", "multipart/form-data; boundary=x", "", "a/b;charset=?"]


WORDS = {"text": "hello"}
WHY = {"reason": "because"}
#: Bodies that are right, so that one wrong value gets past the first check.
RIGHT = {
    "create_exam": {
        "title": "Algebra",
        "opens_at": "2026-11-21T09:00:00Z",
        "closes_at": "2027-11-21T09:00:00Z",
        "duration_min": 60,
        "candidates": ["a"],
        "rules": {"allowed": ["paper"], "instructions": "Be quiet."},
        "url": "https://lms.example",
    },
    "update_exam": {"title": "Algebra", "open": True, "rules": {"require_screen": False}},
    "create_user": {
        "login": "somebody",
        "name": "Some Body",
        "roles": ["candidate"],
        "password": "long enough, surely",
        "email": "a@b.example",
        "time_zone": "Europe/Berlin",
    },
    "update_user": {"name": "Some Body", "roles": ["candidate"], "time_zone": "UTC"},
    "create_token": {"name": "LMS", "roles": ["reviewer"]},
    "add_availability": {
        "starts_at": "2099-11-21T09:00:00Z",
        "ends_at": "2099-11-21T12:00:00Z",
        "capacity": 2,
    },
    "book": {"start": "2026-12-01T09:00:00Z"},
    "join_session": {"exam_id": "x", "student_id": "y", "institution_id": "z"},
    "report_equipment": {"results": [{"name": "camera", "ok": True, "detail": ""}]},
    "give_consent": {"version": "2026-11", "sha256": "0" * 64},
    "extend_session": {"minutes": 5},
    "approve_identity": {"document_still": "a", "face_still": "b", "comment": ""},
    "sign_conclusion": {"verdict": "technical", "comment": "power cut"},
    "issue_ticket": {"source": "camera", "direction": "send"},
    "issue_still_tickets": {"session_ids": ["a", "b"]},
    "decide_incident": {"decision": "confirmed", "comment": "", "was": None},
    "send_signals": {"signals": [{"kind": "tab_hidden", "at": "2026-11-21T09:00:00Z", "on": True}]},
    "put_exam_monitoring": {
        "off": ["speech"],
        "weights": {"no_face": 3},
        "severity": {"no_face": "low"},
        "forbidden_applications": ["Discord"],
    },
    "put_accommodation": {"off": ["speech"], "relaxed": {"no_face": 2}, "reason": "x"},
    "say": WORDS,
    "warn_candidate": WORDS,
    "add_note": WORDS,
    "reject_identity": WHY,
    "interrupt_session": WHY,
}


def value(dice: random.Random, depth: int = 0):
    pick = dice.random()
    if depth < 2 and pick < 0.15:
        return [value(dice, depth + 1) for _ in range(dice.randint(0, 3))]
    if depth < 2 and pick < 0.3:
        return {str(dice.choice(SCALARS)): value(dice, depth + 1) for _ in range(2)}
    return dice.choice(SCALARS)


def body_for(route, dice: random.Random) -> bytes:
    if dice.random() < 0.2:
        return dice.choice(GARBAGE)
    if route.name in RIGHT and dice.random() < 0.6:
        right = dict(RIGHT[route.name])
        return json.dumps({**right, dice.choice(list(right)): value(dice)}).encode()
    names = list(route.body.model_fields) if route.body else ["text"]
    body = {name: value(dice) for name in names if dice.random() < 0.9}
    if dice.random() < 0.2:
        body["$set"] = value(dice)
    return json.dumps(body).encode()


def query_for(route, dice: random.Random) -> dict[str, str]:
    if route.query is None:
        return {}
    names = [field.alias or name for name, field in route.query.model_fields.items()]
    return {name: str(dice.choice(SCALARS)) for name in names if dice.random() < 0.7}


@pytest.mark.parametrize("who", ["admin", "candidate", "proctor", "machine"])
def test_no_operation_falls_over(who, request, sitting, exam, admin, candidate):
    browser = request.getfixturevalue(who)
    sitting.until("running")
    dice = random.Random(f"{SEED}{who}")
    known = {
        "session_id": sitting.id,
        "exam_id": exam["id"],
        "user_id": candidate.user_id,
        "candidate_id": candidate.user_id,
        "source": "camera",
    }
    for route in TABLE:
        if route.name in ("login", "change_my_password", "follow_live"):
            continue
        for _ in range(ROUNDS):
            path = route.path
            for name in (*known, "still_id", "token_id", "incident_id"):
                odd = dice.choice(["%00", "..", "%F0%9F%98%80", "$ne", "x" * 300, "0" * 32])
                path = path.replace(
                    f"<{name}>", known.get(name, odd) if dice.random() < 0.7 else odd
                )
            path = path.replace("<availability_id>", "0").replace("<segment_id>", "%27")
            answer = browser.call(
                route.method,
                path,
                data=body_for(route, dice) if route.method != "GET" else None,
                content_type=dice.choice(KINDS) if dice.random() < 0.3 else "application/json",
                query_string=query_for(route, dice),
                headers={"Range": dice.choice(["bytes=-", "bytes=9-1", "lines=1-2", "bytes=0-"])},
            )
            assert answer.status_code < 500, (route.name, path, answer.data)


def test_signing_in_with_garbage(anonymous):
    dice = random.Random(SEED)
    for _ in range(40):
        body = {"login": value(dice), "password": value(dice)}
        answer = anonymous.call("POST", "/login", body)
        assert answer.status_code in (400, 401, 429), body
