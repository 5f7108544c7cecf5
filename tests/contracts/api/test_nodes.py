"""Media nodes over the API: placement, admission, draining, and dead nodes."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from beating import beat, silence

from proctorhub.records.base import utc_now
from proctorhub.records.nodes import MediaNode
from proctorhub.records.sessions import Session
from proctorhub.services import nodes


def camera(browser, session_id: str):
    return browser.post(
        f"/sessions/{session_id}/tickets", {"source": "camera", "direction": "send"}
    )


def host(answer: Any) -> str:
    return answer["url"].split("/")[2].split(".")[0]


@pytest.fixture(autouse=True)
def unhurried(monkeypatch):
    """Nodes do not die of a slow test machine."""
    monkeypatch.setattr(nodes, "DEAD_AFTER_S", 600.0)


@pytest.fixture
def sit(person, exam):
    """Bring somebody new to check-in; returns (browser, session id, answer of the check-in)."""

    def go(login: str):
        browser = person(login, "candidate")
        session_id = browser.must("POST", "/sessions", {"exam_id": exam["id"]})["session_id"]
        text = browser.must("GET", "/consent")
        agreed = {"version": text["version"], "sha256": text["sha256"]}
        browser.must("POST", f"/sessions/{session_id}/consent", agreed)
        return browser, session_id, browser.post(f"/sessions/{session_id}/check-in")

    return go


def test_a_session_keeps_its_node_whatever_becomes_lighter(sit, proctor):
    beat("a"), beat("b", cpu=0.5)
    browser, session_id, _ = sit("ada")
    proctor.must("POST", f"/sessions/{session_id}/take", {})
    assert host(camera(browser, session_id).json) == "a"
    beat("a", cpu=0.69, limit=1), beat("b", cpu=0.0)
    for asks, source, direction, door in (
        (browser, "screen", "send", "whip"),
        (proctor, "proctor", "send", "whip"),
        (proctor, "camera", "watch", "whep"),
    ):
        body = {"source": source, "direction": direction}
        answer = asks.must("POST", f"/sessions/{session_id}/tickets", body)
        assert answer["url"] == f"https://a.example:8001/{door}/{session_id}/{source}"


def test_sessions_spread_by_fill(sit):
    beat("a", limit=4), beat("b", limit=8)
    found = [host(camera(*sit(f"candidate{n}")[:2]).json) for n in range(6)]
    assert sorted(found) == ["a", "a", "b", "b", "b", "b"]


def test_no_room_is_told_with_a_time_to_come_back(sit, exam):
    beat("a", limit=1)
    first, first_id, answer = sit("first")
    assert answer.status_code == 200
    later, later_id, refused = sit("later")
    assert (refused.status_code, refused.json["code"]) == (503, "no_capacity")
    minutes = -(-int(refused.headers["Retry-After"]) // 60)
    assert f"in about {minutes} min;" in refused.json["detail"]
    russian = {"Accept-Language": "ru"}
    told = later.post(f"/sessions/{later_id}/check-in", headers=russian).json["detail"]
    assert f"через {minutes} мин" in told
    assert refused.headers["Retry-After"] == "60"
    assert later.must("GET", f"/sessions/{later_id}")["state"] == "planned"
    # running sessions do not notice
    assert camera(first, first_id).status_code == 200
    ends = utc_now() + timedelta(seconds=200)
    Session.objects(id=first_id).update(set__state="running", set__ends_at=ends)
    refused = later.post(f"/sessions/{later_id}/check-in")
    assert 195 <= int(refused.headers["Retry-After"]) <= 200
    assert "about 4 min;" in refused.json["detail"]


def test_a_place_is_free_as_soon_as_a_session_is_over(sit):
    beat("a", limit=1)
    _, first_id, _ = sit("first")
    later, later_id, refused = sit("later")
    assert refused.status_code == 503
    Session.objects(id=first_id).update(set__state="finished")
    assert later.post(f"/sessions/{later_id}/check-in").status_code == 200


def test_a_dead_nodes_sessions_move_when_they_ask_even_above_the_limit(sit):
    beat("a", limit=5), beat("b", limit=1, cpu=0.5)
    moving = [sit(f"candidate{n}")[:2] for n in range(3)]
    before = {session_id: host(camera(who, session_id).json) for who, session_id in moving}
    silence("a")
    beat("b", limit=1)
    assert {host(camera(who, session_id).json) for who, session_id in moving} == {"b"}
    moved = [session_id for session_id, node in before.items() if node == "a"]
    assert len(moved) == 2
    # what the dead node still had is taken from it when it comes back
    assert sorted(beat("a", sending=tuple(moved))) == sorted(moved)
    assert MediaNode.objects.get(id="a").places == []
    assert len(MediaNode.objects.get(id="b").places) == 3


def test_who_watches_moves_nobody(sit, proctor):
    beat("a"), beat("b", cpu=0.5)
    browser, session_id, _ = sit("ada")
    proctor.must("POST", f"/sessions/{session_id}/take", {})
    assert host(camera(browser, session_id).json) == "a"
    silence("a")
    watching = {"source": "camera", "direction": "watch"}
    heard = {"source": "proctor", "direction": "watch"}

    def told() -> list[str]:
        path = f"/sessions/{session_id}/tickets"
        return [host(who.post(path, body).json) for who, body in viewers]

    viewers = ((proctor, watching), (browser, heard))
    assert told() == ["a", "a"]
    assert host(camera(browser, session_id).json) == "b"
    assert told() == ["b", "b"]


def test_without_any_living_node_a_session_waits_for_its_own(sit):
    beat("a")
    browser, session_id, _ = sit("ada")
    silence("a")
    assert host(camera(browser, session_id).json) == "a"
    _, _, refused = sit("later")
    assert refused.json["code"] == "no_capacity"


def test_a_node_that_left_is_out_at_once(sit):
    beat("a"), beat("b", cpu=0.5)
    browser, session_id, _ = sit("ada")
    nodes.leave("a")
    assert host(camera(browser, session_id).json) == "b"


def test_draining_moves_nobody_and_admits_nobody(sit, admin):
    beat("a"), beat("b", cpu=0.5)
    browser, session_id, _ = sit("ada")
    assert admin.must("POST", "/nodes/a/drain", {})["draining"] is True
    beat("a")
    assert host(camera(browser, session_id).json) == "a"
    assert host(camera(*sit("later")[:2]).json) == "b"
    admin.must("POST", "/nodes/b/drain", {})
    assert sit("last")[2].json["code"] == "no_capacity"
    admin.must("POST", "/nodes/a/undrain", {})
    assert host(camera(*sit("very-last")[:2]).json) == "a"


def test_a_session_that_sends_already_belongs_to_the_node_it_sends_to(sit):
    browser, session_id, _ = sit("ada")
    assert host(camera(browser, session_id).json) == "localhost:8001"
    assert beat("a", sending=(session_id,)) == []
    beat("b", cpu=0.0)
    assert host(camera(browser, session_id).json) == "a"
    assert [p.session_id for p in MediaNode.objects.get(id="a").places] == [session_id]


def test_machines_are_told_where_the_media_goes(machine, exam, candidate):
    beat("a", cpu=0.5), beat("b")
    body = {"exam_id": exam["id"], "student_id": candidate.user_id}
    opened = machine.must("POST", "/sessions", body)
    assert opened["media_server_url"] == "https://b.example:8001"
    beat("a", cpu=0.0)
    assert machine.must("POST", "/sessions", body)["media_server_url"] == "https://b.example:8001"


def test_only_administrators_see_and_change_nodes(admin, candidate, proctor, machine):
    beat("a", sources=3, viewers=2, spool_bytes=1000, any_name=True, url="http://localhost:8001")
    (found,) = admin.must("GET", "/nodes")["items"]
    assert (found["id"], found["alive"], found["sources"]) == ("a", True, 3)
    assert admin.call("DELETE", "/nodes/a").json["code"] == "node_alive"
    for who in (candidate, proctor, machine):
        assert who.get("/nodes").status_code == 403
        assert who.post("/nodes/a/drain").status_code == 403
        assert who.call("DELETE", "/nodes/a").status_code == 403
    assert admin.post("/nodes/nobody/drain").status_code == 404
    silence("a")
    assert admin.must("GET", "/nodes")["items"][0]["alive"] is False
    assert admin.call("DELETE", "/nodes/a").status_code == 204
    assert admin.must("GET", "/nodes")["items"] == []


def test_pages_may_connect_to_every_node(app, browser):
    beat("a"), beat("b", any_name=True, url="http://localhost:8002")
    page = app.test_client().get("/login", base_url="http://exam.example")
    (connect,) = [
        part
        for part in page.headers["Content-Security-Policy"].split("; ")
        if part.startswith("connect-src")
    ]
    assert "https://a.example:8001" in connect.split()
    assert "http://exam.example:8002" in connect.split()


def test_turn_servers_come_with_credentials_of_an_hour(settings, database, sit):
    changed = settings.model_copy(
        update={
            "turn_urls": "turn:relay.example:3478, stun:relay.example",
            "turn_secret": "a secret of the relay",
            "turn_only": True,
        }
    )
    object.__setattr__(database, "settings", changed)
    browser, session_id, _ = sit("ada")
    answer = camera(browser, session_id).json
    plain, relay = answer["ice_servers"]
    assert plain["urls"] == ["stun:relay.example"]
    assert relay["urls"] == ["turn:relay.example:3478"]
    expiry, who = relay["username"].split(":")
    assert who == browser.user_id
    assert 3500 < int(expiry) - utc_now().timestamp() <= 3600
    assert answer["ice_transport_policy"] == "relay"


def test_anyone_may_have_the_key_that_checks_tickets(anonymous):
    found = anonymous.must("GET", "/nodes/ticket-key")
    assert "PUBLIC KEY" in found["key"] and "PRIVATE" not in found["key"]
    assert found["sha256"] == hashlib.sha256(found["key"].encode()).hexdigest()
