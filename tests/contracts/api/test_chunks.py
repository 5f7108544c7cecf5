"""Chunks from the candidate's browser over HTTP: what is refused, and how."""

from __future__ import annotations

import hashlib

import pytest

from proctorhub.live.wire import rfc3339
from proctorhub.records.base import utc_now
from proctorhub.records.sessions import ClientChunk
from proctorhub.services.recording import moment
from proctorhub.web.limits import CHUNK_LIMIT

DATA = b"\x1a\x45\xdf\xa3nothing"


def query(data: bytes = DATA, **changes: str) -> dict[str, str]:
    now = utc_now().timestamp()
    return {
        "started_at": rfc3339(moment(round((now - 10) * 1000))),
        "ended_at": rfc3339(moment(round((now - 6) * 1000))),
        "sha256": hashlib.sha256(data).hexdigest(),
        **changes,
    }


def put(browser, session_id, *, path="camera/0", data=DATA, kind="video/webm", **changes):
    return browser.call(
        "PUT",
        f"/sessions/{session_id}/backfill/{path}",
        data=data,
        content_type=kind,
        query_string={k: v for k, v in query(data, **changes).items() if v is not None},
    )


def test_nothing_is_missing_at_first(candidate, sitting):
    sitting.until("running")
    found = candidate.must("GET", f"/sessions/{sitting.id}/backfill")["items"]
    assert [(s["source"], s["next_number"], s["gaps"]) for s in found] == [
        ("camera", 0, []),
        ("screen", 0, []),
    ]


WRONG = [
    ({"path": "camera/-1"}, 400, "invalid", "number"),
    ({"path": "camera/1000000"}, 400, "invalid", "number"),
    ({"path": "camera/\N{ARABIC-INDIC DIGIT ONE}"}, 400, "invalid", "number"),
    ({"path": "proctor/0"}, 404, "not_found", None),
    ({"path": "nothing/0"}, 404, "not_found", None),
    ({"started_at": None}, 400, "invalid", "started_at"),
    ({"ended_at": "soon"}, 400, "invalid", "ended_at"),
    ({"ended_at": "2099-01-01T00:00:00Z"}, 400, "invalid", "ended_at"),
    ({"started_at": "2099-01-01T00:00:00Z"}, 400, "invalid", "ended_at"),
    ({"sha256": "0" * 64}, 400, "invalid", "sha256"),
    ({"sha256": "xyz"}, 400, "invalid", "sha256"),
    ({"other": "1"}, 400, "invalid", "other"),
    ({"kind": "application/json"}, 415, "other_type_expected", None),
    ({"data": bytes(CHUNK_LIMIT + 1)}, 413, "too_large", None),
    ({}, 409, "no_gap", None),
]


def test_wrong_chunks(candidate, sitting):
    sitting.until("running")
    for changes, status, code, field in WRONG:
        refused = put(candidate, sitting.id, **changes)
        told = (refused.status_code, refused.json["code"], refused.json.get("field"))
        assert told == (status, code, field), changes
    assert ClientChunk.objects.count() == 0


@pytest.mark.parametrize("state", ["planned", "concluded"])
def test_only_while_the_session_is_on(candidate, sitting, state):
    sitting.until(state)
    if state == "planned":
        refused = put(candidate, sitting.id)
        assert (refused.status_code, refused.json["code"]) == (409, "state_not_allowed")
    assert candidate.get(f"/sessions/{sitting.id}/backfill").status_code == 200


def test_nobody_else(candidate, proctor, person, sitting, browser):
    sitting.until("running")
    for stranger in (proctor, person("eve", "candidate")):
        assert stranger.get(f"/sessions/{sitting.id}/backfill").status_code == 404
        assert put(stranger, sitting.id).status_code == 404
    assert put(browser(), sitting.id).status_code in (401, 403)
    headers = {**candidate.headers, "X-CSRF-Token": "wrong"}
    candidate.headers = headers
    assert put(candidate, sitting.id).json["code"] == "csrf_failed"
