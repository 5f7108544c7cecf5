from __future__ import annotations

import structlog


def test_a_request_is_logged_without_personal_data(app):
    with structlog.testing.capture_logs() as lines:
        app.test_client().post("/api/v1/login?who=ada", json={"login": "ada", "password": ""})
    request = next(line for line in lines if line["event"] == "request")
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


def test_alive_but_not_ready_before_following(app, monkeypatch):
    from proctorhub.web import health

    monkeypatch.setattr(health, "database_answers", lambda: True)
    client = app.test_client()
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json["checks"] == {"database": True, "live": False}
