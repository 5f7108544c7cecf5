"""What is wrong with a recording is told once, shown while it lasts, and again when it is over."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from proctorhub.domain.alarms import Alarm, Part, Reason
from proctorhub.records.base import utc_now
from proctorhub.records.exams import Exam
from proctorhub.records.nodes import MediaNode
from proctorhub.records.sessions import Session
from proctorhub.services import alarms, log, recording, report, sessions, sitting


@pytest.fixture
def running(sitting_until) -> str:
    session_id = sitting_until("running")
    for source in ("camera", "screen"):
        recording.source_opened(session_id, source, f"{source}-1", now_ms(), replaced=False)
    return session_id


def now_ms() -> int:
    return log.millis(utc_now())


def disk(session_id: str, track: str = "all") -> Alarm:
    return Alarm(
        session_id, "camera", Part.RECORDER, Reason.DISK, now_ms(), track=track, chain="camera-1"
    )


def shown(actor, session_id: str) -> list[tuple[str, str, str, str]]:
    view = sessions.view(actor, session_id)["alarms"]
    assert report.media(actor, session_id)["alarms"] == view
    return [(a["part"], a["source"], a["track"], a["reason"]) for a in view]


def told(session_id: str) -> list[tuple[str, str, str]]:
    found = [e for e in log.entries(session_id) if e["kind"].startswith("alarm.")]
    return [(e["kind"], e["data"]["part"], e["data"]["track"]) for e in found]


def test_raised_once_and_over_once(running, proctor, candidate) -> None:
    for _ in range(3):
        alarms.told("node-a", [disk(running)])
    assert shown(proctor, running) == [("recorder", "camera", "all", "disk")]
    assert sessions.view(candidate, running)["alarms"] == []
    for _ in range(2):
        alarms.told("node-a", [])
    assert shown(proctor, running) == []
    assert told(running) == [
        ("alarm.raised", "recorder", "all"),
        ("alarm.cleared", "recorder", "all"),
    ]
    (over,) = log.of_kind(running, "alarm.cleared")
    assert over["data"]["lasted_ms"] >= 0 and over["data"]["reason"] == "disk"


def test_two_that_tell_at_once_make_one_entry(running) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: alarms.told("node-a", [disk(running)]), range(8)))
        list(pool.map(lambda _: alarms.told("node-a", []), range(8)))
    assert [kind for kind, _, _ in told(running)] == ["alarm.raised", "alarm.cleared"]


def test_a_node_speaks_for_itself_alone(running, proctor) -> None:
    alarms.told("node-a", [disk(running, "video")])
    alarms.told("node-b", [disk(running, "audio")])
    alarms.told("node-a", [])
    assert shown(proctor, running) == [("recorder", "camera", "audio", "disk")]


def test_silent_and_lost_sources(running, proctor) -> None:
    recording.track_state(running, "camera", "camera-1", "silent", now_ms(), ["audio"])
    assert shown(proctor, running) == [("track", "camera", "audio", "silent")]
    recording.track_state(running, "camera", "camera-1", "silent", now_ms(), ["video", "audio"])
    assert shown(proctor, running) == [("track", "camera", "all", "silent")]
    recording.track_state(running, "camera", "camera-1", "live", now_ms())
    assert shown(proctor, running) == []
    recording.source_closed(running, "screen", "screen-1", now_ms(), "connection_lost")
    assert shown(proctor, running) == [("track", "screen", "all", "closed")]
    Exam.objects.update(set__rules__require_screen=False)
    assert shown(proctor, running) == []


def test_after_the_end_nothing_is_missed(running, proctor, candidate) -> None:
    recording.source_closed(running, "camera", "camera-1", now_ms(), "connection_lost")
    late = Alarm(running, "camera", Part.UPLOADER, Reason.FAILING, now_ms())
    alarms.told("node-a", [late])
    sitting.finish(candidate, running)
    # but what storage has not taken yet still is
    assert shown(proctor, running) == [("uploader", "camera", "all", "failing")]


@pytest.fixture
def node(running) -> str:
    MediaNode(id="node-a", url="http://a", limit=5, beat_at=utc_now()).save()
    Session.objects(id=running).update(media_node="node-a", placed_at=utc_now())
    return "node-a"


def fall_silent(node: str) -> None:
    MediaNode.objects(id=node).update(beat_at=utc_now() - timedelta(seconds=5))


def speak(node: str) -> None:
    MediaNode.objects(id=node).update(beat_at=utc_now())
    alarms.told(node, [])


def test_a_node_that_falls_silent(running, proctor, node) -> None:
    assert alarms.check() == 0
    alarms.told(node, [disk(running)])
    fall_silent(node)
    assert alarms.check() == 2
    assert alarms.check() == 2
    both = [("node", "camera", "all", "silent"), ("node", "screen", "all", "silent")]
    assert shown(proctor, running) == both
    speak(node)
    assert shown(proctor, running) == []
    assert [kind for kind, part, _ in told(running) if part == "node"] == [
        "alarm.raised",
        "alarm.raised",
        "alarm.cleared",
        "alarm.cleared",
    ]


def test_it_is_over_when_the_source_is_sent_elsewhere(running, proctor, node) -> None:
    fall_silent(node)
    alarms.check()
    # a place elsewhere alone records nothing yet
    Session.objects(id=running).update(media_node="node-b")
    alarms.check()
    assert len(shown(proctor, running)) == 2
    recording.source_opened(running, "camera", "camera-2", now_ms(), replaced=False)
    alarms.check()
    assert shown(proctor, running) == [("node", "screen", "all", "silent")]


def test_a_node_that_left_says_nothing(running, proctor, node) -> None:
    MediaNode.objects(id=node).update(left=True)
    fall_silent(node)
    assert alarms.check() == 0
