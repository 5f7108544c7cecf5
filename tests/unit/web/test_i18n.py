from __future__ import annotations

import re


def test_the_language_is_the_cookies_else_the_browsers(app):
    client = app.test_client()
    assert '<html lang="en"' in client.get("/login").text
    german = client.get("/login", headers={"Accept-Language": "xx,de;q=0.5"})
    assert '<html lang="en"' in german.text
    client.set_cookie("lang", "nonsense")
    assert '<html lang="en"' in client.get("/login").text


def choose(app, **form):
    client = app.test_client()
    token = re.search(r'name="csrf-token" content="([^"]+)"', client.get("/login").text).group(1)
    return client.post("/language", data=form, headers={"X-CSRF-Token": token})


def test_an_unknown_language_is_not_remembered(app):
    answer = choose(app, lang="xx", next="//evil.example")
    assert answer.location == "/"
    assert "lang=" not in str(answer.headers.getlist("Set-Cookie"))
    answer = choose(app, lang="en", next="/login")
    assert answer.location == "/login"
    assert "lang=en" in str(answer.headers.getlist("Set-Cookie"))
