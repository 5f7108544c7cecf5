"""Incidents over HTTP: signals in, decisions out, and who may see what."""

from __future__ import annotations

import hashlib

import pytest

from proctorhub.domain.incident_policy import Policy
from proctorhub.domain.incident_rules import RULES
from proctorhub.domain.observation import Observation, Source, Value
from proctorhub.live.wire import rfc3339
from proctorhub.records.base import utc_now
from proctorhub.services import log, monitoring
from tests.contracts.api.conftest import JPEG

FRAME = hashlib.sha256(JPEG).hexdigest()


def tell(sitting, *kinds: str, **fields):
    at = rfc3339(utc_now())
    body = {"signals": [{"kind": kind, "at": at, **fields} for kind in kinds]}
    return sitting.candidate.post(f"/sessions/{sitting.id}/signals", body)


def second_face(session_id: str) -> None:
    at = log.millis(utc_now())
    for n in range(4):
        values = {Value.FACE: 0.9, Value.SECOND_FACE: 0.8}
        look = Observation(Source.CAMERA, at + 250 * n, values, frame_sha256=FRAME)
        monitoring.observe(session_id, [look], Policy(), pictures={FRAME: JPEG})


def flags(browser, sitting):
    return browser.must("GET", f"/sessions/{sitting.id}/incidents")


def decide(browser, sitting, which: str, decision: str = "confirmed", **fields):
    path = f"/sessions/{sitting.id}/incidents/{which}/decision"
    return browser.post(path, {"decision": decision, **fields})


@pytest.fixture
def running(sitting):
    return sitting.until("running")


def test_a_signal_becomes_an_incident_and_somebody_decides(running, proctor, person):
    answer = tell(running, "tab_hidden", "focus_lost")
    assert "tab_hidden" in answer.json["wanted"]
    found = flags(proctor, running)
    (item,) = found["items"]
    assert (item["detector"], item["severity"], item["ended_at"]) == ("tab_hidden", "medium", None)
    assert found["suspicion"]["score"] == 2 * RULES["tab_hidden"].weight
    (tile,) = proctor.must("GET", "/proctoring/grid")["items"]
    assert [i["id"] for i in tile["incidents"]] == [item["id"]]

    done = decide(proctor, running, item["id"], "dismissed", comment="A pop-up.")
    assert done.json["decision"]["by"] == "Paul"
    late = decide(person("rita", "reviewer"), running, item["id"])
    assert (late.status_code, late.json["code"]) == (409, "decided")
    (tile,) = proctor.must("GET", "/proctoring/grid")["items"]
    assert tile["incidents"] == []
    kinds = [e["kind"] for e in proctor.must("GET", f"/sessions/{running.id}/entries")["items"]]
    assert kinds[-2:] == ["incident.opened", "incident.decided"]


def test_a_virtual_camera_is_judged_by_its_name(running, proctor):
    tell(running, "virtual_camera", label="Integrated Camera")
    assert flags(proctor, running)["items"] == []
    tell(running, "virtual_camera", label="OBS Virtual Camera")
    (item,) = flags(proctor, running)["items"]
    assert item["explanation"]["looks"][0]["words"] == ["OBS Virtual Camera"]


def test_pictures_of_incidents(running, candidate, proctor, person):
    second_face(running.id)
    (item,) = flags(proctor, running)["items"]
    (still,) = item["stills"]
    path = still["url"].removeprefix("/api/v1")
    assert proctor.get(path).data == JPEG
    assert proctor.get(path).headers["Content-Security-Policy"].startswith("default-src 'none'")
    for stranger in (candidate, person("otto", "proctor")):
        assert stranger.get(path).status_code == 404
    assert proctor.get(path[:-1] + "x").status_code == 404


def test_what_the_candidate_sees_and_when(running, candidate, proctor):
    second_face(running.id)
    item = flags(proctor, running)["items"][0]
    assert candidate.get(f"/sessions/{running.id}/incidents").status_code == 404
    assert candidate.get(f"/sessions/{running.id}/monitoring").status_code == 404
    assert decide(candidate, running, item["id"]).status_code == 404
    seen = candidate.must("GET", f"/sessions/{running.id}/entries")["items"]
    assert not [e for e in seen if e["kind"].startswith(("incident", "monitoring"))]

    decide(proctor, running, item["id"], comment="Somebody helped.")
    running.to_finished()
    running.theirs("conclusion", {"verdict": "violation", "comment": "Somebody helped."})
    report = candidate.must("GET", f"/sessions/{running.id}/report")
    (shown,) = report["incidents"]
    assert shown["decision"]["comment"] == "Somebody helped."
    assert (shown["decision"]["by"], report["suspicion"]) == (None, None)
    assert candidate.get(shown["stills"][0]["url"].removeprefix("/api/v1")).data == JPEG
    assert decide(proctor, running, item["id"], was="confirmed").status_code == 409


def test_the_report_of_staff(running, proctor):
    second_face(running.id)
    report = proctor.must("GET", f"/sessions/{running.id}/report")
    assert [i["detector"] for i in report["incidents"]] == ["second_face"]
    assert report["suspicion"]["parts"][0]["count"] == 1
    assert report["monitoring_gaps"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"decision": "maybe"}, "decision"),
        ({"decision": "confirmed", "comment": "x" * 2001}, "comment"),
        ({"decision": "confirmed", "was": "maybe"}, "was"),
        ({}, "decision"),
    ],
)
def test_bad_decisions(running, proctor, body, field):
    second_face(running.id)
    which = flags(proctor, running)["items"][0]["id"]
    answer = proctor.post(f"/sessions/{running.id}/incidents/{which}/decision", body)
    assert (answer.status_code, answer.json["field"]) == (400, field)
    assert flags(proctor, running)["items"][0]["decision"] is None


@pytest.mark.parametrize(
    "signal",
    [
        {"kind": "no_face", "at": "2026-11-21T09:00:00Z"},
        {"kind": "tab_hidden"},
        {"kind": "tab_hidden", "at": "yesterday"},
        {"kind": "tab_hidden", "at": "2026-11-21T09:00:00Z", "on": "yes"},
        {"kind": "virtual_camera", "at": "2026-11-21T09:00:00Z", "label": "x" * 201},
    ],
)
def test_bad_signals(running, candidate, signal):
    answer = candidate.post(f"/sessions/{running.id}/signals", {"signals": [signal]})
    assert answer.status_code == 400
    assert answer.json["field"].startswith("signals.0.")


def test_signals_are_typed_limited_and_the_candidates_own(running, candidate, proctor, person):
    at = rfc3339(utc_now())
    one = {"kind": "clipboard", "at": at}
    path = f"/sessions/{running.id}/signals"
    assert candidate.post(path, {"signals": [one] * 101}).json["field"] == "signals"
    assert proctor.post(path, {"signals": [one]}).status_code == 404
    assert person("ben", "candidate").post(path, {"signals": [one]}).status_code == 404
    codes = [candidate.post(path, {"signals": []}).status_code for _ in range(70)]
    assert (codes[0], codes[-1]) == (200, 429)


def test_signals_after_the_end(running, candidate):
    running.to_finished()
    assert tell(running, "tab_hidden").json["code"] == "state_not_allowed"
    assert candidate.must("GET", f"/sessions/{running.id}/signals")["wanted"] == []


def test_the_candidate_is_told_what_is_observed(exam, admin, sitting, candidate):
    path = f"/sessions/{sitting.id}/signals"
    told = candidate.must("GET", path)
    assert told["wanted"] == []
    assert {"no_face", "speech", "tab_hidden"} <= set(told["observed"])
    admin.must("PUT", f"/exams/{exam['id']}/monitoring", {"off": ["speech"]})
    assert "speech" not in candidate.must("GET", path)["observed"]


# -- settings --------------------------------------------------------------------------------------


def test_an_exams_settings(exam, admin, proctor, running):
    path = f"/exams/{exam['id']}/monitoring"
    empty = {"off": [], "weights": {}, "severity": {}, "forbidden_applications": []}
    assert admin.must("GET", path) == empty
    wanted = {
        "off": ["tab_hidden"],
        "weights": {"clipboard": 50},
        "severity": {"clipboard": "high"},
        "forbidden_applications": ["AnyDesk"],
    }
    assert admin.must("PUT", path, wanted) == wanted
    assert "tab_hidden" not in tell(running, "tab_hidden", "clipboard").json["wanted"]
    found = flags(proctor, running)
    assert [(i["detector"], i["severity"]) for i in found["items"]] == [("clipboard", "high")]
    assert found["suspicion"]["score"] == 150
    changes = [
        e["data"]
        for e in proctor.must("GET", f"/sessions/{running.id}/entries")["items"]
        if e["kind"] == "monitoring.changed"
    ]
    assert [(c["of"], c["before"]["off"], c["after"]["off"]) for c in changes] == [
        ("exam", [], ["tab_hidden"])
    ]
    for wrong in ({"off": ["x"]}, {"weights": {"clipboard": 101}}, {"severity": {"x": "low"}}):
        assert admin.call("PUT", path, wrong).status_code == 400
    assert proctor.call("PUT", path, wanted).status_code == 403
    assert proctor.get(path).status_code == 403


def test_an_accommodation(exam, admin, candidate, proctor, person, running):
    path = f"/exams/{exam['id']}/accommodations"
    wanted = {"off": ["clipboard"], "relaxed": {"looking_away": 2.5}, "reason": "A neck injury."}
    (kept,) = admin.must("PUT", f"{path}/{candidate.user_id}", wanted)["items"]
    assert (kept["candidate"]["name"], kept["reason"]) == ("Ada", "A neck injury.")
    assert "clipboard" not in tell(running, "clipboard").json["wanted"]
    assert flags(proctor, running)["items"] == []
    for stranger in (proctor, candidate):
        assert stranger.get(path).status_code == 403
    rita = person("rita", "reviewer")
    assert rita.get(path).status_code == 403
    for reader in (proctor, rita):
        for what in ("entries", "report", "monitoring", "incidents", "log"):
            assert b"neck" not in reader.get(f"/sessions/{running.id}/{what}").data
    for wrong in (
        {"relaxed": {"speech": 1}},
        {"relaxed": {"speech": 11}},
        {"relaxed": {"x": 2}},
        {"reason": "x" * 2001},
    ):
        assert admin.call("PUT", f"{path}/{candidate.user_id}", wrong).status_code == 400
    assert admin.call("PUT", f"{path}/nobody", wanted).status_code == 404
    assert admin.must("PUT", f"{path}/{candidate.user_id}", {})["items"] == []


def test_the_table_of_rules(candidate):
    rules = candidate.must("GET", "/monitoring/rules")
    assert {row["detector"] for row in rules["items"]} == {d.value for d in RULES}


def test_who_looks(running, proctor):
    states = {
        d["detector"]: d["state"]
        for d in proctor.must("GET", f"/sessions/{running.id}/monitoring")["detectors"]
    }
    assert states["no_face"] == "not_checked"
    assert "tab_hidden" in states
    assert "forbidden_application" not in states
