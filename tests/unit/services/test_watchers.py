"""A detector that falls silent is told of, and is a gap in the evidence."""

from __future__ import annotations

from datetime import timedelta

import pytest

from proctorhub.domain.incident_policy import Policy
from proctorhub.domain.incident_terms import Detector
from proctorhub.domain.observation import Observation, Source, Value
from proctorhub.records.base import utc_now
from proctorhub.records.incidents import RuleState, VisionWorker, Watch
from proctorhub.records.sessions import Session
from proctorhub.services import log, monitoring, signals, sitting, watchers
from proctorhub.services.errors import Conflict, NotFound
from proctorhub.services.signals import Signal

CAMERA = {Detector.NO_FACE, Detector.SECOND_FACE}


def camera_on(session_id: str, ago_s: float = 60) -> None:
    at = utc_now() - timedelta(seconds=ago_s)
    status = {"state": "live", "chain": "c" * 32, "at": at}
    Session._get_collection().update_one({"_id": session_id}, {"$set": {"sources.camera": status}})


def started(session_id: str, ago_s: float) -> None:
    at = utc_now() - timedelta(seconds=ago_s)
    Session._get_collection().update_one({"_id": session_id}, {"$set": {"started_at": at}})


def looked(session_id: str) -> None:
    at = log.millis(utc_now())
    look = Observation(Source.CAMERA, at, {Value.FACE: 0.9, Value.SECOND_FACE: 0.0})
    monitoring.observe(session_id, [look], Policy(), serves=CAMERA)


def states(actor, session_id: str) -> dict[str, str]:
    return {d["detector"]: d["state"] for d in watchers.of_session(actor, session_id)["detectors"]}


def told(session_id: str) -> list[tuple[str, str, list[str]]]:
    return [
        (e["kind"], e["data"]["source"], e["data"]["detectors"])
        for e in log.entries(session_id)
        if e["kind"].startswith("monitoring.")
    ]


@pytest.fixture
def running(sitting_until):
    session_id = sitting_until("running")
    watchers.pages_alive({session_id: False})
    camera_on(session_id)
    started(session_id, 60)
    return session_id


@pytest.mark.parametrize("state", ["identifying", "running"])
def test_a_camera_that_nobody_had_to_look_at_before_was_not_missed(proctor, sitting_until, state):
    session_id = sitting_until(state)
    camera_on(session_id, ago_s=60)
    watchers.beat("w1", {Detector.CAMERA_FROZEN})
    watchers.check()
    assert states(proctor, session_id)["camera_frozen"] == "live"
    assert told(session_id) == []


def test_what_nobody_can_do_is_not_checked_and_no_alarm(proctor, running):
    watchers.check()
    assert states(proctor, running)["no_face"] == "not_checked"
    assert states(proctor, running)["tab_hidden"] == "live"
    assert told(running) == []


def test_a_silent_worker_is_told_once_and_its_return_too(proctor, running):
    watchers.beat("w1", CAMERA)
    looked(running)
    watchers.check()
    now = states(proctor, running)
    assert (now["no_face"], now["speech"], now["looking_away"]) == ("live", *["not_checked"] * 2)
    past = log.millis(utc_now()) - 4_000
    RuleState._get_collection().update_one(
        {"_id": f"{running}/camera"}, {"$set": {"looked_ms": past}}
    )
    assert (watchers.check(), watchers.check()) == (1, 0)
    assert states(proctor, running)["no_face"] == "silent"
    assert told(running) == [("monitoring.silent", "camera", ["no_face", "second_face"])]
    looked(running)
    watchers.check()
    assert told(running)[1:] == [("monitoring.live", "camera", ["no_face", "second_face"])]
    (gap,) = watchers.of_session(proctor, running)["gaps"]
    assert log.millis(gap["started_at"]) == past
    assert gap["ended_at"] > gap["started_at"]


def test_looking_away_is_told_as_calibrating_for_the_first_minute(proctor, running):
    able = {*CAMERA, Detector.LOOKING_AWAY}

    def look(at: int) -> None:
        values = {Value.FACE: 0.9, Value.YAW: 3.0, Value.DOWN: 5.0, Value.IRIS: 0.5}
        monitoring.observe(running, [Observation(Source.CAMERA, at, values)], Policy(), serves=able)

    def calibrating() -> set[str]:
        detectors = watchers.of_session(proctor, running)["detectors"]
        return {one["detector"] for one in detectors if one["calibrating"]}

    now = log.millis(utc_now())
    watchers.beat("w1", able)
    assert calibrating() == set(), "nobody looks yet"
    for at in range(now - 62_000, now - 2_000, 1_000):
        look(at)
    look(now - 2_001)
    assert calibrating() == {"looking_away"}
    look(now)
    assert calibrating() == set()


def test_a_session_that_no_worker_took_is_silent_from_the_start(proctor, running):
    watchers.beat("w1", CAMERA)
    watchers.check()
    assert states(proctor, running)["second_face"] == "silent"
    (gap,) = watchers.of_session(proctor, running)["gaps"]
    assert gap["detectors"] == ["no_face", "second_face"]


def test_silence_before_the_camera_goes_off_lasts_until_somebody_looks(proctor, running):
    watchers.beat("w1", CAMERA)
    watchers.check()
    Session._get_collection().update_one(
        {"_id": running}, {"$set": {"sources.camera.state": "closed"}}
    )
    assert watchers.check() == 0
    assert states(proctor, running)["no_face"] == "no_source"
    camera_on(running, ago_s=0)
    assert watchers.check() == 1


def test_a_page_that_is_gone_is_silent(proctor, running):
    began = utc_now() - timedelta(minutes=1)
    Session._get_collection().update_one({"_id": running}, {"$set": {"started_at": began}})
    Watch._get_collection().update_one({"_id": running}, {"$inc": {"page_at_ms": -10_000}})
    watchers.check()
    assert states(proctor, running)["tab_hidden"] == "silent"


def test_an_exam_in_a_tab_of_its_own_leaves_this_page_unchecked(proctor, running):
    watchers.pages_alive({running: True})
    now = states(proctor, running)
    assert (now["tab_hidden"], now["clipboard"]) == ("not_checked", "live")


def test_a_worker_that_is_forgotten_leaves_nothing_to_expect(proctor, running):
    watchers.beat("w1", CAMERA)
    VisionWorker.drop_collection()
    assert watchers.check() == 0


# -- the page's signals ----------------------------------------------------------------------------


def at(ago_s: float = 0) -> int:
    return log.millis(utc_now() - timedelta(seconds=ago_s))


def opened(session_id: str) -> list[tuple[str, str]]:
    return [
        (e["data"]["detector"], e["data"]["severity"])
        for e in log.of_kind(session_id, "incident.opened")
    ]


def test_a_signal_is_an_incident_at_once(candidate, running):
    wanted = signals.take(candidate, running, [Signal(Detector.TAB_HIDDEN, at())])["wanted"]
    assert "tab_hidden" in wanted
    assert opened(running) == [("tab_hidden", "medium")]


def test_signals_that_come_late_keep_their_times(candidate, proctor, running):
    Session._get_collection().update_one(
        {"_id": running}, {"$set": {"checked_in_at": utc_now() - timedelta(hours=1)}}
    )
    late = [
        Signal(Detector.TAB_HIDDEN, at(60), on=False),
        Signal(Detector.TAB_HIDDEN, at(75), on=True),
    ]
    signals.take(candidate, running, late)
    monitoring.tick_due()
    (entry,) = log.of_kind(running, "incident.closed")
    assert 14_900 <= entry["data"]["ended_at"] - entry["data"]["started_at"] <= 15_100


def test_times_that_cannot_be_are_held(candidate, running):
    signals.take(candidate, running, [Signal(Detector.CLIPBOARD, at(-9999))])
    signals.take(candidate, running, [Signal(Detector.DEVTOOLS, 5)])
    first, second = (e["data"] for e in log.of_kind(running, "incident.opened"))
    assert (first["detector"], second["detector"]) == ("clipboard", "devtools")
    assert at(60) < first["started_at"] == second["started_at"] <= at()


def test_signals_are_the_candidates_while_it_is_watched(candidate, proctor, running):
    with pytest.raises(NotFound):
        signals.take(proctor, running, [])
    sitting.finish(candidate, running)
    with pytest.raises(Conflict):
        signals.take(candidate, running, [])
    assert signals.wanted(candidate, running)["wanted"] == []
