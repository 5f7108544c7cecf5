"""The path of an exam over the API, with everybody seeing what is theirs."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from proctorhub.live.wire import rfc3339
from proctorhub.records.base import utc_now
from proctorhub.records.sessions import Session


def test_from_joining_to_the_conclusion(sitting, candidate, proctor):
    sitting.until("admitted")
    view = candidate.must("GET", f"/sessions/{sitting.id}")
    assert view["exam"]["url"] == "https://lms.example/exam"
    assert view["actions"]["candidate"] == ["start"]

    sitting.to_running()
    assert sitting.theirs("pause")["state"] == "paused"
    assert sitting.theirs("resume")["state"] == "running"
    before = proctor.must("GET", f"/sessions/{sitting.id}")["ends_at"]
    assert sitting.theirs("extend", {"minutes": 10})["ends_at"] > before
    assert sitting.theirs("warn", {"text": "Look at the screen."})["warnings"] == 1
    sitting.theirs("notes", {"text": "Looked away."})
    sitting.mine("chat", {"text": "May I drink?"})
    sitting.theirs("chat", {"text": "Yes."})

    lines = candidate.must("GET", f"/sessions/{sitting.id}/chat")["items"]
    assert [line["data"]["text"] for line in lines] == [
        "Look at the screen.",
        "May I drink?",
        "Yes.",
    ]

    sitting.to_finished()
    sitting.theirs("conclusion", {"verdict": "suspicious", "comment": "Looked away twice."})
    mine = candidate.must("GET", f"/sessions/{sitting.id}")
    assert mine["conclusion"]["verdict"] == "suspicious"
    report = candidate.must("GET", f"/sessions/{sitting.id}/report")
    kinds = [entry["kind"] for entry in report["entries"]]
    assert "note" not in kinds
    assert "chat" in kinds
    assert report["log"]["intact"] is True


def test_the_exam_opens_only_after_approval(sitting, candidate):
    sitting.until("identifying")
    assert candidate.must("GET", f"/sessions/{sitting.id}")["exam"]["url"] is None
    refused = candidate.post(f"/sessions/{sitting.id}/start")
    assert (refused.status_code, refused.json["state"]) == (409, "identifying")


def test_nobody_types_that_fast(sitting, candidate):
    sitting.until("waiting")
    answers = [
        candidate.post(f"/sessions/{sitting.id}/chat", {"text": "x"}).status_code for _ in range(61)
    ]
    assert answers == [201] * 60 + [429]
    assert sitting.theirs("chat", {"text": "Slowly!"})


def test_booking_a_time(person, proctor, admin, draft):
    start = utc_now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=2)
    proctor.must(
        "POST",
        "/availability",
        {
            "starts_at": rfc3339(start),
            "ends_at": rfc3339(start + timedelta(hours=3)),
            "capacity": 1,
        },
    )
    exam = admin.must("POST", "/exams", {**draft, "open": False})
    ada, ben = person("ada", "candidate"), person("ben", "candidate")
    times = ada.must("GET", f"/exams/{exam['id']}/times")["items"]
    assert {"start": rfc3339(start), "places": 1} in times

    booked = ada.call("POST", f"/exams/{exam['id']}/bookings", {"start": rfc3339(start)})
    assert booked.status_code == 201
    assert booked.json["proctor"]["name"] == "Paul"
    again = ada.post(f"/exams/{exam['id']}/bookings", {"start": rfc3339(start)})
    assert (again.status_code, again.json["code"]) == (409, "already_booked")
    late = ben.post(f"/exams/{exam['id']}/bookings", {"start": rfc3339(start)})
    assert (late.status_code, late.json["code"]) == (409, "no_place")

    assert ada.call("DELETE", f"/sessions/{booked.json['id']}/booking").status_code == 204
    assert ben.must("POST", f"/exams/{exam['id']}/bookings", {"start": rfc3339(start)})


def test_the_own_day(sitting, candidate, proctor, admin, person):
    today = rfc3339(utc_now())[:10]
    for somebody in (candidate, proctor, admin):
        listed = somebody.must("GET", f"/sessions?day={today}")["items"]
        assert [s["id"] for s in listed] == [sitting.id]
    assert person("eve", "candidate").must("GET", "/sessions")["items"] == []
    assert person("pia", "proctor").must("GET", "/sessions")["items"] == []


@pytest.mark.parametrize(
    ("query", "first", "last"),
    [
        # summer time begins in Berlin and the day has 23 hours; it ends, and the day has 25
        ("day=2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T21:59:59Z"),
        ("day=2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T22:59:59Z"),
        # the page's own bounds count, not the account's zone
        (
            "day=2026-03-29&from=2026-03-28T10:00:00Z&to=2026-03-29T10:00:00Z",
            "2026-03-28T10:00:00Z",
            "2026-03-29T09:59:59Z",
        ),
    ],
)
def test_a_day_begins_and_ends_where_the_asker_is(query, first, last, sitting, person):
    berlin = person("rita", "reviewer", time_zone="Europe/Berlin")
    second = timedelta(seconds=1)
    first, last = datetime.fromisoformat(first), datetime.fromisoformat(last)
    listed = []
    for at in (first - second, first, last, last + second):
        Session.objects(id=sitting.id).update_one(set__scheduled_at=at)
        listed.append(len(berlin.must("GET", f"/sessions?{query}")["items"]))
    assert listed == [0, 1, 1, 0]


def test_today_comes_with_what_is_going_on(sitting, candidate):
    sitting.until("waiting")
    now = utc_now()
    Session.objects(id=sitting.id).update_one(set__scheduled_at=now - timedelta(days=3))

    def listed(start, end):
        span = f"from={rfc3339(now + start)}&to={rfc3339(now + end)}"
        return len(candidate.must("GET", f"/sessions?{span}")["items"])

    hour = timedelta(hours=1)
    assert [listed(-hour, 23 * hour), listed(hour, 25 * hour)] == [1, 0]


def test_a_machine_opens_a_session_for_a_student(machine, exam, candidate):
    joined = machine.call(
        "POST", "/sessions", {"exam_id": exam["id"], "student_id": candidate.user_id}
    )
    assert joined.status_code == 201
    assert joined.json["webrtc_token"]
    again = machine.must(
        "POST", "/sessions", {"exam_id": exam["id"], "student_id": candidate.user_id}
    )
    assert again["session_id"] == joined.json["session_id"]


def test_tickets_name_the_address_at_the_media_node(sitting, candidate, proctor):
    sitting.until("waiting")
    wanted = {"source": "camera", "direction": "send"}
    mine = sitting.mine("tickets", wanted)
    assert mine["url"].endswith(f"/whip/{sitting.id}/camera")
    refused = proctor.post(f"/sessions/{sitting.id}/tickets", wanted)
    assert refused.status_code == 403
    assert candidate.must("POST", "/tickets/check", {})["probe_url"].endswith("/probe")


def test_the_consent_is_given_in_the_language_it_was_read_in(sitting, candidate, proctor):
    english = candidate.must("GET", "/consent")
    russian = candidate.get("/consent", headers={"Accept-Language": "ru"}).json
    assert (english["language"], russian["language"]) == ("en", "ru")
    assert english["version"] == russian["version"]
    assert english["sha256"] != russian["sha256"]
    other = candidate.get("/consent", headers={"Accept-Language": "de"}).json
    assert other == english
    agreed = {"version": russian["version"], "sha256": russian["sha256"]}
    sitting.mine("consent", agreed)
    log = proctor.must("GET", f"/sessions/{sitting.id}/log")["items"]
    (given,) = [entry["data"] for entry in log if entry["kind"] == "consent.given"]
    assert given == {**agreed, "language": "ru"}
