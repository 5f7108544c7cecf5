from __future__ import annotations

import re

import pytest
from flask import request

from proctorhub.web.security import content_security_policy


def directives(policy: str) -> dict[str, list[str]]:
    return {part.split()[0]: part.split()[1:] for part in policy.split("; ")}


def test_the_policy_allows_what_the_pages_need_and_no_more():
    policy = directives(content_security_policy(["https://media.example"], "exam.example", "N0nce"))
    assert policy["default-src"] == policy["style-src"] == ["'self'"]
    assert policy["script-src"] == ["'self'", "'nonce-N0nce'"]
    assert policy["connect-src"] == [
        "'self'",
        "ws://exam.example",
        "wss://exam.example",
        "https://media.example",
    ]
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["object-src"] == ["'none'"]
    assert policy["form-action"] == ["'self'"]
    assert not any("unsafe" in source for sources in policy.values() for source in sources)


@pytest.mark.parametrize("host", ["a; script-src *", "a b", "é", "", "[::1"])
def test_an_odd_host_adds_nothing_to_the_policy(host):
    policy = directives(content_security_policy(["https://media.example"], host, "n"))
    assert policy["connect-src"] == ["'self'", "https://media.example"]


@pytest.mark.parametrize("path", ["/login", "/healthz", "/nothing", "/api/v1/nothing"])
def test_every_answer_carries_the_headers(app, path):
    headers = app.test_client().get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert "camera=(self)" in headers["Permissions-Policy"]
    assert "geolocation=()" in headers["Permissions-Policy"]
    assert "Strict-Transport-Security" not in headers


def test_every_page_has_a_nonce_of_its_own_and_uses_it(app):
    pages = [app.test_client().get("/login") for _ in range(2)]
    nonces = [
        re.search(r"'nonce-([^']+)'", page.headers["Content-Security-Policy"]).group(1)
        for page in pages
    ]
    assert nonces[0] != nonces[1]
    assert f'nonce="{nonces[0]}"' in pages[0].text


def test_cookies_are_out_of_reach(make_app):
    for settings, secure in (({}, False), ({"public_url": "https://exam.example"}, True)):
        cookie = make_app(**settings).test_client().get("/login").headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert ("Secure" in cookie) is secure


def test_https_is_remembered(make_app):
    app = make_app(public_url="https://exam.example")
    assert "Strict-Transport-Security" in app.test_client().get("/healthz").headers


def test_only_a_proxy_may_speak_for_others(make_app):
    def seen(app):
        app.add_url_rule("/seen", "seen", lambda: str(request.remote_addr))
        return app.test_client().get("/seen", headers={"X-Forwarded-For": "9.9.9.9"}).text

    assert seen(make_app()) == "127.0.0.1"
    assert seen(make_app(public_url="https://exam.example")) == "9.9.9.9"
