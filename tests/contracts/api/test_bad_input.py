"""What bad input gets: a clear refusal that names what was wrong, and nothing changed."""

from __future__ import annotations

import io

import pytest

GONE = "0" * 32


WRONG_FIELDS = [
    ({"title": ""}, "title"),
    ({"title": 7}, "title"),
    ({"title": None}, "title"),
    ({"duration_min": 0}, "duration_min"),
    ({"duration_min": "60"}, "duration_min"),
    ({"opens_at": "2026-11-21T09:00:00"}, "opens_at"),
    ({"opens_at": "0001-01-01T00:00:00+14:00"}, "opens_at"),
    ({"opens_at": 1}, "opens_at"),
    ({"closes_at": "2000-01-01T00:00:00Z"}, "closes_at"),
    ({"tier": "strict"}, "tier"),
    ({"rules": {"allowed": [""]}}, "rules.allowed.0"),
    ({"rules": {"banned": []}}, "rules.banned"),
    ({"url": "javascript:alert(1)"}, "url"),
    ({"candidates": [{"$ne": None}]}, "candidates.0"),
    ({"$where": "1"}, "$where"),
]


def test_an_exam_with_one_wrong_field(admin, draft):
    for change, field in WRONG_FIELDS:
        refused = admin.post("/exams", {**draft, **change})
        assert (refused.status_code, refused.json["field"]) == (400, field), change
    for name in ("title", "opens_at", "closes_at", "duration_min"):
        refused = admin.post("/exams", {k: v for k, v in draft.items() if k != name})
        assert (refused.status_code, refused.json["field"]) == (400, name), name
    assert admin.must("GET", "/exams")["items"] == []


NO_OBJECTS = [
    (b"{", "json_invalid", 400),
    (b"[" * 60_000, "json_invalid", 400),
    (b"\xff\xfe", "json_invalid", 400),
    (b"[]", "invalid", 400),
    (b"", "json_expected", 415),
    (b'{"title": "' + b"x" * 70_000 + b'"}', "too_large", 413),
]


def test_a_body_that_is_no_object(admin):
    for body, code, status in NO_OBJECTS:
        kind = "application/json" if body else "text/plain"
        refused = admin.call("POST", "/exams", data=body, content_type=kind)
        assert (refused.status_code, refused.json["code"]) == (status, code), body[:20]


def test_a_body_of_another_kind(admin, draft):
    refused = admin.call("POST", "/exams", data=draft, content_type="multipart/form-data")
    assert refused.status_code in (413, 415)
    refused = admin.call("POST", "/exams", data="title=x", content_type="text/plain")
    assert (refused.status_code, refused.json["code"]) == (415, "json_expected")


WRONG_QUERIES = [
    ("/sessions?day=tomorrow", "day"),
    ("/sessions?day=2026-11-21&day=2026-11-22", "day"),
    ("/sessions?day=9999-12-31", "day"),
    ("/sessions?from=soon", "from"),
    ("/sessions?from=2026-11-21T00:00:00Z", "to"),
    ("/sessions?to=2026-11-21T00:00:00Z", "from"),
    ("/sessions?from=2026-11-21T00:00:00Z&to=2026-11-21T00:00:00Z", "to"),
    ("/sessions?from=2026-11-21T00:00:00Z&to=2026-11-23T00:00:00.001Z", "to"),
    ("/sessions?from=2026-11-21T00:00:00Z&to=2026-11-22T00:00:00", "to"),
    ("/sessions?state=sleeping", "state"),
    ("/sessions?limit=1", "limit"),
    (f"/sessions/{GONE}/log?after=-5", "after"),
    (f"/sessions/{GONE}/log?after=99999999999999999999", "after"),
    (f"/sessions/{GONE}/recordings/camera.webm?part=x", "part"),
    (f"/exams/{GONE}/times?from=soon", "from"),
    ("/users?role=king", "role"),
]


def test_a_query_with_one_wrong_field(admin):
    for path, field in WRONG_QUERIES:
        refused = admin.get(path)
        assert (refused.status_code, refused.json["field"]) == (400, field), path


def test_times_of_more_than_a_season(admin, exam):
    span = "from=2026-01-01T00:00:00Z&to=2036-01-01T00:00:00Z"
    refused = admin.get(f"/exams/{exam['id']}/times?{span}")
    assert (refused.status_code, refused.json["field"]) == (400, "to")


def test_what_is_not_theirs_does_not_exist(sitting, person, institution, exam):
    sitting.until("concluded")
    strangers = [
        person("eve", "candidate"),
        person("pia", "proctor"),
        person("far", "admin", "exam_admin", "reviewer", at="elsewhere"),
    ]
    still = sitting.proctor.must("GET", f"/sessions/{sitting.id}")["identity"]["face_still"]
    reading = ["", "/report", "/media", "/log", "/entries", "/chat", f"/stills/{still}"]
    reading += ["/recordings/camera.webm", f"/segments/{GONE}"]
    doing = {
        "take": {},
        "pause": {},
        "finish": {},
        "check-in": {},
        "interrupt": {"reason": "x"},
        "warn": {"text": "x"},
        "notes": {"text": "x"},
        "chat": {"text": "x"},
        "tickets": {"source": "camera", "direction": "watch"},
        "conclusion": {"verdict": "clean"},
        "approve": {"document_still": still, "face_still": still},
    }
    for stranger in strangers:
        for path in reading:
            answer = stranger.get(f"/sessions/{sitting.id}{path}")
            assert (answer.status_code, path) == (404, path)
            assert answer.json["detail"] == stranger.get(f"/sessions/{GONE}{path}").json["detail"]
        for action, body in doing.items():
            answer = stranger.post(f"/sessions/{sitting.id}/{action}", body)
            assert (answer.status_code, action) == (404, action)
        assert stranger.call("DELETE", f"/sessions/{sitting.id}/booking").status_code == 404
    assert strangers[2].get(f"/exams/{exam['id']}").status_code == 404


def test_a_candidate_reads_no_evidence_of_the_own_session_early(sitting, candidate):
    sitting.until("running")
    for path in ("/report", "/media", "/log", "/recordings/camera.webm"):
        assert candidate.get(f"/sessions/{sitting.id}{path}").status_code == 404


@pytest.mark.parametrize(
    ("state", "action", "body"),
    [
        ("planned", "identify", {}),
        ("checked_in", "check-in", {}),
        ("waiting", "pause", {}),
        ("running", "resume", {}),
        ("running", "conclusion", {"verdict": "clean"}),
        ("finished", "extend", {"minutes": 5}),
        ("finished", "chat", {"text": "hello"}),
        ("concluded", "interrupt", {"reason": "too late"}),
        ("concluded", "tickets", {"source": "camera", "direction": "watch"}),
    ],
)
def test_an_action_the_state_does_not_allow(sitting, state, action, body):
    sitting.until(state)
    side = sitting.candidate if action == "check-in" else sitting.proctor
    refused = side.post(f"/sessions/{sitting.id}/{action}", body)
    assert (refused.status_code, refused.json["code"]) == (409, "state_not_allowed")
    assert refused.json["state"] == state
    assert sitting.proctor.must("GET", f"/sessions/{sitting.id}")["state"] == state


def test_pictures(sitting):
    sitting.until("identifying")
    proctor = sitting.proctor
    large = proctor.still(sitting.id, "face", b"\xff\xd8\xff" + b"x" * (4 * 1024 * 1024))
    assert (large.status_code, large.json["field"]) == (413, "image")
    huge = proctor.still(sitting.id, "face", b"x" * (8 * 1024 * 1024))
    assert (huge.status_code, huge.json["code"]) == (413, "too_large")
    text = proctor.still(sitting.id, "face", b"<script>alert(1)</script>")
    assert (text.status_code, text.json["field"]) == (400, "image")
    assert proctor.still(sitting.id, "selfie").json["field"] == "purpose"
    assert proctor.still(sitting.id, "face", source="check").json["field"] == "source"
    missing = proctor.call(
        "POST",
        f"/sessions/{sitting.id}/stills",
        data={"source": "camera", "purpose": "face", "picture": (io.BytesIO(b"x"), "x")},
        content_type="multipart/form-data",
    )
    assert (missing.status_code, missing.json["field"]) == (400, "image")


def test_a_picture_of_any_bytes_up_to_the_limit_is_taken(sitting):
    # the parser of forms holds back what could begin a boundary: the ends of lines
    sitting.until("identifying")
    picture = b"\xff\xd8\xff" + b"\r\n" * 500_000 + b"\xff\xd9"
    assert sitting.proctor.still(sitting.id, "face", picture).status_code == 201


def test_another_institution_is_not_joined(candidate, exam, institution):
    body = {"exam_id": exam["id"], "institution_id": "elsewhere"}
    refused = candidate.post("/sessions", body)
    assert (refused.status_code, refused.json["field"]) == (400, "institution_id")
    assert candidate.post("/sessions", {**body, "institution_id": institution}).status_code == 201


def test_a_verdict_without_a_reason(sitting):
    sitting.until("finished")
    refused = sitting.proctor.post(f"/sessions/{sitting.id}/conclusion", {"verdict": "violation"})
    assert (refused.status_code, refused.json["field"]) == (400, "comment")


def test_roles(candidate, proctor, exam, draft):
    for somebody in (candidate, proctor):
        assert somebody.post("/exams", draft).status_code == 403
        assert somebody.get("/users").status_code == 403
        assert somebody.get("/tokens").status_code == 403
        assert somebody.call("DELETE", f"/exams/{exam['id']}").status_code == 403
    assert candidate.get("/availability").status_code == 403
    assert candidate.get("/proctoring/live").status_code == 403


def test_addresses_and_methods_that_do_not_exist(admin):
    assert admin.get("/nothing").status_code == 404
    refused = admin.call("DELETE", "/exams")
    assert refused.status_code == 405
    assert "POST" in refused.headers["Allow"]
