"""Who is asking: cookies, tokens, CSRF, one-time passwords, guessing."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from proctorhub.records.people import User

PASSWORD = "correct horse battery"


def test_nobody_gets_nothing(anonymous):
    for path in ("/me", "/exams", "/sessions", "/consent", "/proctoring/live"):
        refused = anonymous.get(path)
        assert (refused.status_code, refused.json["code"]) == (401, "not_signed_in")
    assert anonymous.post("/exams", {}).status_code == 401


def test_signing_in_tells_who_it_is(anonymous, candidate):
    assert anonymous.sign_in("ada").json["id"] == candidate.user_id
    assert anonymous.must("GET", "/me")["login"] == "ada"


def test_wrong_passwords_say_no_more_than_wrong(anonymous, candidate):
    wrong = anonymous.sign_in("ada", "not it, sorry")
    nobody = anonymous.sign_in("nobody", "not it, sorry")
    assert wrong.status_code == nobody.status_code == 401
    assert wrong.json == nobody.json


def test_refusals_speak_the_persons_language(anonymous, candidate):
    anonymous.headers["Accept-Language"] = "ru"
    assert anonymous.sign_in("ada", "not it, sorry").json["detail"] == "Неверный логин или пароль."


def test_signing_in_takes_json_only(anonymous, candidate):
    form = anonymous.http.post("/api/v1/login", data={"login": "ada", "password": PASSWORD})
    assert form.status_code == 415
    assert anonymous.get("/me").status_code == 401


def test_a_change_needs_the_csrf_token(candidate):
    token = candidate.headers.pop("X-CSRF-Token")
    refused = candidate.post("/tickets/check")
    assert (refused.status_code, refused.json["code"]) == (403, "csrf_failed")
    candidate.headers["X-CSRF-Token"] = "made up"
    assert candidate.post("/tickets/check").status_code == 403
    candidate.headers["X-CSRF-Token"] = token
    assert candidate.post("/tickets/check").status_code == 200


def test_a_foreign_page_with_a_stolen_token_changes_nothing(candidate):
    for origin in ("https://evil.example", "null", "http://localhost.evil.example"):
        refused = candidate.post("/tickets/check", headers={"Origin": origin})
        assert (refused.status_code, refused.json["code"]) == (403, "csrf_failed"), origin
    assert (
        candidate.post("/tickets/check", headers={"Origin": "http://localhost"}).status_code == 200
    )


def test_somebody_else_signs_in_on_the_same_machine(candidate, proctor):
    candidate.headers.pop("X-CSRF-Token")
    assert candidate.sign_in("paul").json["id"] == proctor.user_id
    assert candidate.must("GET", "/me")["login"] == "paul"


def test_an_answer_under_way_does_not_bring_a_cookie_back(candidate):
    assert "Set-Cookie" not in candidate.get("/exams").headers


def test_forms_need_the_csrf_token(anonymous, candidate):
    form = {"login": "ada", "password": PASSWORD}
    assert anonymous.http.post("/login", data=form).status_code == 403
    assert candidate.http.post("/logout").status_code == 403


def test_a_token_needs_no_csrf_token_and_borrows_no_cookie(machine, candidate, exam):
    assert machine.must("GET", "/me")["name"] == "LMS"
    assert machine.call("PATCH", f"/exams/{exam['id']}", {"title": "New"}).status_code == 200
    refused = candidate.get("/me", headers={"Authorization": "Bearer ph_wrong"})
    assert (refused.status_code, refused.json["code"]) == (401, "token_invalid")


def test_a_revoked_token_is_worth_nothing(admin, browser):
    made = admin.must("POST", "/tokens", {"name": "x", "roles": ["reviewer"]})
    listed = admin.must("GET", "/tokens")["items"]
    assert [token["id"] for token in listed] == [made["id"]]
    assert "token" not in listed[0]
    machine = browser(headers={"Authorization": f"Bearer {made['token']}"})
    assert machine.get("/sessions").status_code == 200
    admin.must("DELETE", f"/tokens/{made['id']}")
    assert machine.get("/sessions").status_code == 401


def test_a_closed_account_is_out_at_once(admin, candidate):
    admin.must("PATCH", f"/users/{candidate.user_id}", {"active": False})
    assert candidate.get("/me").status_code == 401


def test_a_one_time_password_opens_only_the_way_to_another(admin, browser):
    made = {"login": "new", "name": "New", "roles": ["candidate"], "password": PASSWORD}
    user = admin.must("POST", "/users", made)
    reset = {"password": "a one-time one"}
    admin.must("PATCH", f"/users/{user['id']}", reset)
    visitor = browser()
    assert visitor.sign_in("new", "a one-time one").status_code == 200
    assert visitor.must("GET", "/me")["must_change_password"] is True
    refused = visitor.get("/exams")
    assert (refused.status_code, refused.json["code"]) == (403, "must_change_password")
    page = visitor.http.get("/exams")
    assert (page.status_code, page.location) == (303, "/account/password")
    change = {"old": "a one-time one", "new": "an own long one"}
    assert visitor.post("/me/password", change).status_code == 204
    assert visitor.get("/exams").status_code == 200


def test_another_password_signs_all_other_browsers_out(anonymous, candidate):
    elsewhere = anonymous
    elsewhere.sign_in("ada")
    change = {"old": PASSWORD, "new": "another long one"}
    assert candidate.post("/me/password", change).status_code == 204
    assert elsewhere.get("/me").status_code == 401
    assert candidate.get("/me").status_code == 200


def test_a_wrong_old_password_is_named(candidate):
    refused = candidate.post("/me/password", {"old": "wrong", "new": "another long one"})
    assert (refused.status_code, refused.json["field"]) == (400, "old")


def test_guessing_is_slowed_down_for_one_login_only(anonymous, candidate, person):
    answers = [anonymous.sign_in("ada", "wrong guess") for _ in range(11)]
    assert [a.status_code for a in answers] == [401] * 10 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert anonymous.sign_in("ada").status_code == 429
    assert person("ben", "candidate").get("/me").status_code == 200


def test_a_whole_room_behind_one_address_signs_in(browser, candidate):
    assert all(browser().sign_in("ada").status_code == 200 for _ in range(12))


def test_the_form_signs_in_and_goes_on(browser, candidate):
    visitor = browser()
    page = visitor.http.get("/login?next=/equipment")
    token = page.text.split('name="csrf_token" value="')[1].split('"')[0]
    form = {"login": "ada", "password": PASSWORD, "next": "/equipment", "csrf_token": token}
    answer = visitor.http.post("/login", data=form)
    assert (answer.status_code, answer.location) == (303, "/equipment")
    assert visitor.http.get("/equipment").status_code == 200


def test_the_form_goes_to_no_other_site(browser, candidate):
    visitor = browser()
    page = visitor.http.get("/login")
    token = page.text.split('name="csrf_token" value="')[1].split('"')[0]
    form = {"login": "ada", "password": PASSWORD, "csrf_token": token}
    answer = visitor.http.post("/login", data={**form, "next": "//evil.example/"})
    assert answer.location == "/"


def test_a_page_sends_to_the_form_and_back(app):
    answer = app.test_client().get("/sit/abc")
    assert answer.status_code in (302, 303)
    assert unquote(answer.location) == "/login?next=/sit/abc"


@pytest.mark.parametrize("role", ["candidate", "proctor", "reviewer", "exam_admin", "admin"])
def test_everybody_has_a_page_to_start_on(person, role):
    browser = person("somebody", role)
    page = browser.http.get("/", follow_redirects=True)
    assert page.status_code == 200


def test_passwords_are_not_shown(admin, candidate):
    user = admin.must("GET", f"/users/{candidate.user_id}")
    assert "secret" not in user
    assert User.objects.get(id=candidate.user_id).secret not in str(user)
