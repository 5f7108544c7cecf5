from __future__ import annotations

import pytest
from pymongo.errors import ServerSelectionTimeoutError

from proctorhub.services.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge
from proctorhub.web.errors import ApiError

FAILURES = [
    (NotFound("session"), 404, {"code": "not_found"}),
    (Forbidden("No.", code="forbidden"), 403, {"code": "forbidden"}),
    (Invalid("title", "Too short."), 400, {"code": "invalid", "field": "title"}),
    (TooLarge("image", 10), 413, {"code": "too_large", "field": "image"}),
    (
        Conflict("Not now.", code="state_not_allowed", state="paused"),
        409,
        {"code": "state_not_allowed", "state": "paused"},
    ),
    (ApiError(415, "json_expected", "JSON, please."), 415, {"code": "json_expected"}),
    (ServerSelectionTimeoutError("secret host"), 503, {"code": "unavailable"}),
    (RuntimeError("secret thing"), 500, {"code": "internal_error"}),
]


def failing(app, path, error):
    def fail():
        raise error

    app.add_url_rule(path, "fail", fail)
    return app.test_client().get(path, headers={"X-Request-Id": "request-1234"})


@pytest.mark.parametrize(("error", "status", "members"), FAILURES)
def test_the_api_answers_with_a_problem(app, error, status, members):
    answer = failing(app, "/api/v1/fail", error)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert answer.json["status"] == status
    assert answer.json["detail"]
    assert members.items() <= answer.json.items()
    assert "secret" not in answer.text
    assert ("field" in answer.json, "state" in answer.json) == (
        "field" in members,
        "state" in members,
    )
    assert ("Retry-After" in answer.headers) == (status == 503)


@pytest.mark.parametrize(("error", "status", "members"), FAILURES)
def test_people_get_a_page(app, error, status, members):
    answer = failing(app, "/fail", error)
    assert (answer.status_code, answer.mimetype) == (status, "text/html")
    assert "secret" not in answer.text


def test_a_failure_can_be_found_by_its_request_id(app):
    answer = failing(app, "/api/v1/fail", RuntimeError())
    assert answer.json["request_id"] == answer.headers["X-Request-Id"] == "request-1234"


def test_an_odd_request_id_is_replaced(app):
    for odd in ("short", "x" * 65, 'a"}\n{"b'.replace("\n", " "), "ä" * 10):
        answer = app.test_client().get("/healthz", headers={"X-Request-Id": odd})
        assert len(answer.headers["X-Request-Id"]) == 32
