from __future__ import annotations

import structlog

from proctorhub.web import observability


def test_a_request_is_logged_without_personal_data(app, monkeypatch):
    # A logger of its own: the process' one may have been set up by a command tested before.
    lines = structlog.testing.LogCapture()
    own = structlog.wrap_logger(None, [lines], wrapper_class=structlog.BoundLogger)
    monkeypatch.setattr(observability, "log", own)
    app.test_client().post("/api/v1/login?who=ada", json={"login": "ada", "password": ""})
    request = next(line for line in lines.entries if line["event"] == "request")
    assert (request["route"], request["status"]) == ("/api/v1/login", 400)
    assert "ada" not in str(request)
    assert "127.0.0.1" not in str(request)


def test_metrics_name_routes_not_addresses(app):
    client = app.test_client()
    client.get("/api/v1/sessions/some-secret-id")
    client.get("/made/up/by/a/scanner")
    text = client.get("/metrics").text
    assert 'route="/api/v1/sessions/<session_id>",status="401"' in text
    assert "secret" not in text
    assert "scanner" not in text
    assert "proctorhub_web_live_limit 64.0" in text


def test_metrics_are_for_this_machine_or_for_who_has_the_token(make_app):
    client = make_app().test_client()
    for elsewhere in (
        {"environ_base": {"REMOTE_ADDR": "192.0.2.7"}},
        {"headers": {"X-Forwarded-For": "127.0.0.1"}},
    ):
        assert client.get("/metrics", **elsewhere).status_code == 403
    token = "0123456789abcdef"
    client = make_app(metrics_token=token).test_client()
    assert client.get("/metrics").status_code == 403
    bearer = {"Authorization": f"Bearer {token}"}
    far = {"REMOTE_ADDR": "192.0.2.7"}
    assert client.get("/metrics", headers=bearer, environ_base=far).status_code == 200


def test_alive_but_not_ready_before_following(app, monkeypatch):
    from proctorhub.web import health

    monkeypatch.setattr(health, "database_answers", lambda: True)
    client = app.test_client()
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json["checks"] == {"database": True, "live": False}
