"""From looks to incidents, kept, decided and logged, on the real database."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from proctorhub.domain import evidence
from proctorhub.domain.incident_policy import Policy
from proctorhub.domain.incident_terms import Detector, Severity
from proctorhub.domain.observation import Observation, Source, Value
from proctorhub.records.base import utc_now
from proctorhub.records.incidents import Incident, RuleState
from proctorhub.records.sessions import Session
from proctorhub.services import (
    concluding,
    incidents,
    journal,
    log,
    monitoring,
    monitoring_settings,
    proctoring,
    rejudging,
    sitting,
)
from proctorhub.services.errors import Conflict, Forbidden, NotFound
from tests.unit.services.conftest import JPEG

FRAME = hashlib.sha256(JPEG).hexdigest()


def faceless(at: int, face: float = 0.1) -> Observation:
    values = {Value.FACE: face, Value.BRIGHTNESS: 120.0, Value.DETAIL: 20.0}
    return Observation(
        Source.CAMERA,
        at,
        values,
        segment_id="c" * 32 + "-000001",
        frame_sha256=FRAME,
        size=(640, 480),
        boxes=((10.5, 20.0, 30.0, 40.0),),
        models={"detect": "ab" * 32},
    )


def now_ms() -> int:
    return log.millis(utc_now())


def flag(session_id: str, at: int | None = None) -> str:
    """Open an incident by four looks, each taken by a process of its own."""
    at = at or now_ms()
    for n in range(4):
        monitoring.observe(session_id, [faceless(at + 250 * n)], Policy(), pictures={FRAME: JPEG})
    return incidents.incident_id(session_id, Detector.NO_FACE, at)


def kinds(session_id: str) -> list[str]:
    return [e["kind"] for e in log.entries(session_id) if e["kind"].startswith(("inc", "mon"))]


def test_four_looks_become_one_incident_with_its_picture_and_reason(proctor, sitting_until):
    session_id = sitting_until("running")
    which = flag(session_id)
    (item,) = incidents.list_for(proctor, session_id)["items"]
    assert (item["id"], item["detector"], item["severity"]) == (which, "no_face", "medium")
    assert item["ended_at"] is None
    assert [look["frame_sha256"] for look in item["explanation"]["looks"]] == [FRAME] * 4
    data, kind = incidents.still(proctor, session_id, which, item["stills"][0]["id"])
    assert (data, kind) == (JPEG, "image/jpeg")
    assert kinds(session_id) == ["incident.opened"]
    (entry,) = log.of_kind(session_id, "incident.opened")
    assert entry["data"]["explanation"]["thresholds"][0]["enter"] == "0.5"
    assert evidence.verify(log.entries(session_id)).intact


def test_a_first_look_asks_for_a_burst(sitting_until):
    session_id = sitting_until("running")
    assert monitoring.observe(session_id, [faceless(now_ms())], Policy()).suspect
    assert not monitoring.observe(session_id, [faceless(now_ms() + 9, 0.9)], Policy()).suspect


def test_time_alone_closes_what_does_not_go_on(proctor, sitting_until, monkeypatch):
    session_id = sitting_until("running")
    at = now_ms() - 60_000
    flag(session_id, at)
    assert monitoring.tick_due() == 1
    (item,) = incidents.list_for(proctor, session_id)["items"]
    assert log.millis(item["ended_at"]) == at + 750
    assert kinds(session_id) == ["incident.opened", "incident.closed"]
    assert monitoring.tick_due() == 0


def test_what_time_closed_is_found_again_while_the_session_goes_on(sitting_until):
    session_id = sitting_until("running")
    at = now_ms() - 60_000
    journal.add((session_id, faceless(at + 250 * n), Policy()) for n in range(4))
    flag(session_id, at)
    monitoring.tick_due()
    assert rejudging.rejudge(session_id).differences == ()


def test_what_a_crash_left_untold_is_told_later(sitting_until, monkeypatch):
    session_id = sitting_until("running")
    with monkeypatch.context() as broken:
        broken.setattr(incidents, "record", lambda *_: (_ for _ in ()).throw(OSError("gone")))
        with pytest.raises(OSError, match="gone"):
            flag(session_id)
    assert kinds(session_id) == []
    monitoring.tick_due()
    monitoring.tick_due()
    assert kinds(session_id).count("incident.opened") == 1


def test_many_processes_at_once_find_each_incident_once(sitting_until):
    session_id = sitting_until("running")
    at = now_ms()

    def look(n: int) -> None:
        monitoring.observe(session_id, [faceless(at + 250 * n)], Policy())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(look, range(40)))
    found = list(Incident.objects(session_id=session_id))
    assert len(found) <= 1
    assert RuleState.objects.get(id=f"{session_id}/camera").version >= 40


def test_the_end_of_the_session_closes_everything(candidate, proctor, sitting_until, monkeypatch):
    session_id = sitting_until("running")
    flag(session_id, now_ms() - 5000)
    sitting.finish(candidate, session_id)
    monitoring.finish_over()
    assert kinds(session_id) == ["incident.opened"]
    monkeypatch.setattr(monitoring, "SETTLE", monitoring.timedelta(0))
    monitoring.finish_over()
    assert kinds(session_id) == ["incident.opened", "incident.closed"]
    assert not RuleState.objects(session_id=session_id)
    monitoring.finish_over()
    concluding.sign(proctor, session_id, "clean", "")


def test_watched_are_running_sessions_of_watched_exams(sitting_until, admin, exam):
    session_id = sitting_until("running")
    (found,) = monitoring.watched()
    assert (found.session_id, found.state) == (session_id, "running")
    assert Detector.NO_FACE in found.policy.checked
    assert Detector.FORBIDDEN_APPLICATION not in found.policy.checked


def test_while_the_document_is_shown_faces_are_not_judged(sitting_until):
    sitting_until("identifying")
    (found,) = monitoring.watched()
    assert Detector.CAMERA_FROZEN in found.policy.checked
    assert not {Detector.SECOND_FACE, Detector.NO_FACE} & found.policy.checked


def test_nobody_looks_at_an_exam_that_is_not_proctored(candidate, exam):
    session_id = sitting.join(candidate, exam(tier="none")["id"])["id"]
    text = sitting.consent_text()
    sitting.consent(candidate, session_id, text["version"], text["sha256"])
    sitting.check_in(candidate, session_id)
    sitting.ready(candidate, session_id)
    sitting.start(candidate, session_id)
    assert monitoring.watched() == []


# -- decisions -------------------------------------------------------------------------------------


def test_a_decision_is_one_update_and_is_logged(proctor, sitting_until):
    session_id = sitting_until("running")
    which = flag(session_id)
    done = incidents.decide(proctor, session_id, which, "dismissed", " Light. ")
    assert done["decision"]["value"] == "dismissed"
    assert done["decision"]["comment"] == "Light."
    (entry,) = log.of_kind(session_id, "incident.decided")
    assert entry["data"] == {"incident_id": which, "decision": "dismissed", "comment": "Light."}
    with pytest.raises(Conflict) as late:
        incidents.decide(proctor, session_id, which, "confirmed", "")
    assert late.value.code == "decided"
    again = incidents.decide(proctor, session_id, which, "confirmed", "", was="dismissed")
    assert again["decision"]["value"] == "confirmed"


def test_of_two_who_decide_at_once_one_is_told(proctor, person, sitting_until):
    session_id = sitting_until("running")
    which = flag(session_id)
    reviewer = person("reviewer")

    def decide(who_what) -> str:
        try:
            incidents.decide(who_what[0], session_id, which, who_what[1], "")
        except Conflict as conflict:
            return conflict.code
        return "done"

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(decide, [(proctor, "confirmed"), (reviewer, "dismissed")]))
    assert sorted(answers) == ["decided", "done"]
    assert len(log.of_kind(session_id, "incident.decided")) == 1


def test_who_may_decide_and_see(proctor, candidate, person, sitting_until):
    session_id = sitting_until("running")
    which = flag(session_id)
    for stranger, error in ((candidate, NotFound), (person("proctor"), NotFound)):
        with pytest.raises(error):
            incidents.decide(stranger, session_id, which, "confirmed", "")
    with pytest.raises(NotFound):
        incidents.list_for(candidate, session_id)
    with pytest.raises(NotFound):
        incidents.decide(proctor, session_id, "0" * 32, "confirmed", "")


def test_after_the_conclusion_decisions_stand_and_the_candidate_sees_them(
    candidate, proctor, sitting_until
):
    session_id = sitting_until("running")
    which = flag(session_id)
    incidents.decide(proctor, session_id, which, "confirmed", "Left the room.")
    sitting.finish(candidate, session_id)
    concluding.sign(proctor, session_id, "suspicious", "Left the room.")
    with pytest.raises(Conflict):
        incidents.decide(proctor, session_id, which, "dismissed", "", was="confirmed")
    seen = incidents.list_for(candidate, session_id)
    assert seen["suspicion"] is None
    (item,) = seen["items"]
    assert (item["decision"]["value"], item["decision"]["by"]) == ("confirmed", None)
    assert incidents.still(candidate, session_id, which, item["stills"][0]["id"])[0] == JPEG


def test_the_score_shows_its_parts_and_forgets_what_was_dismissed(proctor, sitting_until):
    session_id = sitting_until("running")
    which = flag(session_id)
    score = incidents.list_for(proctor, session_id)["suspicion"]
    assert score == {
        "score": 8,
        "parts": [{"detector": "no_face", "count": 1, "weight": 4, "points": 8}],
    }
    incidents.decide(proctor, session_id, which, "dismissed", "")
    assert incidents.list_for(proctor, session_id)["suspicion"] == {"score": 0, "parts": []}


# -- settings --------------------------------------------------------------------------------------

SETTINGS = {
    "off": ["speech"],
    "weights": {"no_face": 9},
    "severity": {"no_face": "low"},
    "forbidden_applications": ["Discord ", "Discord", " "],
}


def test_settings_of_an_exam_reach_the_rules_and_are_logged_once_begun(
    admin, proctor, sitting_until
):
    session_id = sitting_until("running")
    exam_id = monitoring.watched()[0].exam_id
    kept = monitoring_settings.put(admin, exam_id, SETTINGS)
    assert kept == {**SETTINGS, "forbidden_applications": ["Discord"]}
    (found,) = monitoring.watched()
    assert Detector.SPEECH not in found.policy.checked
    assert Detector.FORBIDDEN_APPLICATION in found.policy.checked
    assert found.policy.rule(Detector.NO_FACE).severity is Severity.LOW
    assert found.forbidden_applications == ("Discord",)
    (entry,) = log.of_kind(session_id, "monitoring.changed")
    assert (entry["data"]["before"]["off"], entry["data"]["after"]["off"]) == ([], ["speech"])
    monitoring_settings.put(admin, exam_id, kept)
    assert len(log.of_kind(session_id, "monitoring.changed")) == 1
    with pytest.raises(Forbidden):
        monitoring_settings.put(proctor, exam_id, SETTINGS)


def test_settings_before_anybody_begins_are_no_news(admin, sitting_until):
    session_id = sitting_until("planned")
    monitoring_settings.put(admin, Session.objects.get(id=session_id).exam_id, SETTINGS)
    assert log.of_kind(session_id, "monitoring.changed") == []


def test_an_accommodation_applies_to_one_candidate_and_keeps_its_reason(
    admin, candidate, proctor, sitting_until
):
    session_id = sitting_until("running")
    exam_id = monitoring.watched()[0].exam_id
    wanted = {"off": ["looking_away"], "relaxed": {"no_face": 2}, "reason": "A tic."}
    (kept,) = monitoring_settings.accommodate(admin, exam_id, candidate.user_id, wanted)
    assert (kept["reason"], kept["relaxed"]) == ("A tic.", {"no_face": 2.0})
    (found,) = monitoring.watched()
    assert Detector.LOOKING_AWAY not in found.policy.checked
    assert found.policy.rule(Detector.NO_FACE).looks == 8
    (entry,) = log.of_kind(session_id, "monitoring.changed")
    assert entry["data"]["after"] == {"off": ["looking_away"], "relaxed": {"no_face": "2"}}
    assert "A tic." not in repr(list(log.entries(session_id)))
    with pytest.raises(Forbidden):
        monitoring_settings.accommodations_of(proctor, exam_id)
    assert (
        monitoring_settings.accommodate(
            admin, exam_id, candidate.user_id, {"off": [], "relaxed": {}, "reason": ""}
        )
        == []
    )
    assert Detector.LOOKING_AWAY in monitoring.watched()[0].policy.checked


def test_a_pause_does_not_look_for_a_face(proctor, sitting_until):
    session_id = sitting_until("running")
    flag(session_id)
    proctoring.pause(proctor, session_id)
    (found,) = monitoring.watched()
    assert Detector.NO_FACE not in found.policy.checked
    monitoring.observe(session_id, [faceless(now_ms() + 2000)], found.policy)
    assert kinds(session_id) == ["incident.opened", "incident.closed"]
