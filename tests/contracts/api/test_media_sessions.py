"""An outside test engine starts, watches and stops the recording of a student."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from beating import beat

from proctorhub.domain import ticket
from proctorhub.domain.media import ClosedSegment
from proctorhub.records.nodes import MediaNode
from proctorhub.records.outbox import OutboxMessage
from proctorhub.records.sessions import Session
from proctorhub.services import backfill, keys, log, nodes, outbox, recorded, recording

DATA = b"one segment"


@pytest.fixture(autouse=True)
def unhurried(monkeypatch):
    """Nodes do not die of a slow test machine."""
    monkeypatch.setattr(nodes, "DEAD_AFTER_S", 600.0)


@pytest.fixture
def wish(machine, exam, candidate) -> dict[str, Any]:
    text = machine.must("GET", "/consent")
    return {
        "exam_id": exam["id"],
        "student_id": candidate.user_id,
        "consent": {"version": text["version"], "sha256": text["sha256"]},
    }


class Listener:
    """A connector that keeps what it is sent."""

    api_version = 1
    configured = True

    def __init__(self) -> None:
        self.events: list[tuple[str, dict]] = []

    def send_event(self, message_id, payload) -> None:
        self.events.append((message_id, dict(payload)))


@pytest.fixture
def listener(database) -> Listener:
    database.connectors["listener"] = Listener()
    return database.connectors["listener"]


def origin_ms(session_id: str) -> int:
    return log.millis(Session.objects.get(id=session_id).checked_in_at)


def store(session_id: str, source: str, path, seq: int = 0) -> None:
    """Let a node store four seconds of a source."""
    path.write_bytes(DATA)
    origin = origin_ms(session_id)
    segment = ClosedSegment(
        session_id=session_id,
        source=source,
        chain=f"chain-{source}",
        seq=seq,
        origin_ms=origin,
        started_at_ms=origin + 4000 * seq,
        ended_at_ms=origin + 4000 * (seq + 1),
        bytes=len(DATA),
        sha256=hashlib.sha256(DATA).hexdigest(),
        header_bytes=4,
        video_codec="VP8",
        width=640,
        height=480,
        has_audio=True,
        video_frames=60,
        audio_frames=200,
        lost_packets=0,
    )
    recording.store_segment(segment, path)


def age(session_id: str, **by: float) -> None:
    """Let a session have ended longer ago."""
    session = Session.objects.get(id=session_id)
    Session.objects(id=session_id).update(set__finished_at=session.finished_at - timedelta(**by))


def test_start_gives_tickets_for_the_placed_node(machine, wish, settings):
    beat("a")
    started = machine.must("POST", "/media-sessions", wish)
    session_id = started["session_id"]
    assert (started["state"], started["media_server_url"]) == (
        "checked_in",
        "https://a.example:8001",
    )
    public = keys.read(settings, keys.TICKET_PUBLIC)
    for source, issued in zip(("camera", "screen"), started["tickets"], strict=True):
        assert issued["url"] == f"https://a.example:8001/whip/{session_id}/{source}"
        read = ticket.verify(public, issued["ticket"], now=log.millis(recording.utc_now()) / 1000)
        ticket.require(read, session_id=session_id, source=source, direction="send")
    assert recording.origin_ms(session_id)
    (given,) = log.of_kind(session_id, "consent.given")
    assert given["data"]["told_by_engine"] is True


def test_starting_again_gives_fresh_tickets_for_the_same_session(machine, wish):
    first = machine.must("POST", "/media-sessions", wish)
    again = machine.must("POST", "/media-sessions", {**wish, "sources": ["camera"]})
    assert again["session_id"] == first["session_id"]
    assert [issued["source"] for issued in again["tickets"]] == ["camera"]
    assert again["tickets"][0]["ticket"] != first["tickets"][0]["ticket"]


def test_nobody_is_recorded_without_todays_consent_or_without_a_place(machine, wish):
    old = {**wish, "consent": {**wish["consent"], "version": "2001-01"}}
    assert machine.post("/media-sessions", old).json["code"] == "consent_outdated"
    assert Session.objects.count() == 0
    beat("a", limit=1)
    MediaNode._get_collection().update_one({"_id": "a"}, {"$set": {"draining": True}})
    refused = machine.post("/media-sessions", wish)
    assert (refused.status_code, refused.json["code"]) == (503, "no_capacity")
    assert Session.objects.get().state == "planned"


def test_only_machines_that_manage_exams_may(candidate, proctor, machine, wish, sitting):
    for who in (candidate, proctor):
        assert who.post("/media-sessions", wish).status_code == 403
        assert who.get(f"/media-sessions/{sitting.id}").status_code == 403
    # a session that people run is none of the engine's business
    sitting.until("checked_in")
    assert machine.get(f"/media-sessions/{sitting.id}").status_code == 404
    assert machine.post(f"/media-sessions/{sitting.id}/stop").status_code == 404
    assert machine.post("/media-sessions", wish).json["code"] == "state_not_allowed"


def test_each_finished_recording_is_told_once_when_all_of_it_is_stored(
    machine, wish, listener, tmp_path
):
    session_id = machine.must("POST", "/media-sessions", wish)["session_id"]
    for source in ("camera", "screen"):
        at_ms = origin_ms(session_id)
        recording.source_opened(session_id, source, f"chain-{source}", at_ms, replaced=False)
        store(session_id, source, tmp_path / source)
    beat("a", sending=(session_id,), holding=(session_id,))
    assert recorded.tell_finished() == 0
    stopped = machine.must("POST", f"/media-sessions/{session_id}/stop", {})
    assert (stopped["state"], stopped["settled"]) == ("finished", False)
    assert machine.must("POST", f"/media-sessions/{session_id}/stop", {})["state"] == "finished"
    age(session_id, seconds=5)
    assert recorded.tell_finished() == 0, "the sources are open"
    for source in ("camera", "screen"):
        at_ms = origin_ms(session_id) + 8000
        recording.source_closed(session_id, source, f"chain-{source}", at_ms, "session_ended")
    assert recorded.tell_finished() == 0, "the node holds some of it"
    store(session_id, "camera", tmp_path / "camera", seq=1)
    beat("a", holding=())
    assert recorded.tell_finished() == 2
    assert recorded.tell_finished() == 0
    assert machine.must("GET", f"/media-sessions/{session_id}")["settled"] is True

    assert outbox.deliver_due() == 2
    assert outbox.deliver_due() == 0
    told = dict(listener.events)
    assert set(told) == {f"recording:{session_id}:{s}:listener" for s in ("camera", "screen")}
    event = told[f"recording:{session_id}:camera:listener"]
    assert (event["type"], event["session_id"]) == ("recording.finished", session_id)
    camera = event["recording"]
    assert camera["files"][0]["url"].endswith(
        f"/api/v1/sessions/{session_id}/recordings/camera.webm"
    )
    assert [s["sha256"] for s in camera["segments"]] == [hashlib.sha256(DATA).hexdigest()] * 2
    assert camera["duration_s"] == 8.0
    assert 0.9 <= camera["completeness"] <= 1.0
    assert len(log.of_kind(session_id, "recording.delivered")) == 2


def test_a_node_that_is_away_may_come_back_with_what_it_holds(machine, wish, listener, tmp_path):
    session_id = machine.must("POST", "/media-sessions", wish)["session_id"]
    at_ms = origin_ms(session_id)
    recording.source_opened(session_id, "camera", "chain-camera", at_ms, replaced=False)
    store(session_id, "camera", tmp_path / "camera")
    beat("a", sending=(session_id,), holding=(session_id,))
    machine.must("POST", f"/media-sessions/{session_id}/stop", {})
    MediaNode._get_collection().update_one({"_id": "a"}, {"$set": {"left": True}})
    age(session_id, minutes=10)
    assert recorded.tell_finished() == 0
    age(session_id, minutes=10)
    assert recorded.tell_finished() == 1
    assert len(OutboxMessage.objects.get().payload["recording"]["segments"]) == 1


def test_what_the_candidates_browser_may_still_fill_is_waited_for(
    sitting, listener, tmp_path, monkeypatch
):
    sitting.until("running")
    began = Session.objects.get(id=sitting.id).checked_in_at - timedelta(seconds=60)
    Session.objects(id=sitting.id).update(set__checked_in_at=began)
    at_ms = log.millis(began)
    recording.source_opened(sitting.id, "camera", "chain-camera", at_ms, replaced=False)
    for seq in (0, 2):
        store(sitting.id, "camera", tmp_path / "camera", seq=seq)
    sitting.to_finished()
    recording.source_closed(sitting.id, "camera", "chain-camera", at_ms + 12_000, "session_ended")
    Session.objects(id=sitting.id).update(set__finished_at=began + timedelta(seconds=12))
    assert recorded.tell_finished() == 0
    monkeypatch.setattr(backfill, "GRACE", timedelta(seconds=10))
    assert recorded.tell_finished() == 1


def test_a_session_without_media_is_not_looked_at_for_ever(sitting, listener):
    sitting.until("checked_in")
    Session.objects(id=sitting.id).update(set__state="interrupted")
    assert recorded.tell_finished() == 0
    assert Session.objects.get(id=sitting.id).recordings_told is True
    assert OutboxMessage.objects.count() == 0
