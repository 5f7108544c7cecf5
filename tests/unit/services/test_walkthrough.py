"""One session from booking to conclusion, at the level of services."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from proctorhub.domain import evidence, scheduling
from proctorhub.domain.session import State
from proctorhub.records.base import utc_now
from proctorhub.records.exams import Availability, Exam
from proctorhub.records.sessions import Session
from proctorhub.services import (
    availability,
    booking,
    chat,
    concluding,
    identification,
    log,
    proctoring,
    report,
    sessions,
    sitting,
    ticketing,
)
from proctorhub.services.errors import Conflict, Forbidden, Invalid, NotFound
from tests.unit.services.conftest import JPEG


def next_start():
    now = utc_now()
    return now - (now - scheduling._EPOCH) % scheduling.GRID + 2 * scheduling.GRID


def test_a_whole_session_leaves_an_intact_log(candidate, proctor, sitting_until):
    session_id = sitting_until("running")
    proctoring.warn(proctor, session_id, "Please look at the screen.")
    chat.say(candidate, session_id, "Sorry!")
    ends = sessions.view(candidate, session_id)["ends_at"]
    proctoring.pause(proctor, session_id)
    proctoring.resume(proctor, session_id)
    proctoring.extend(proctor, session_id, 10)
    later = sessions.view(candidate, session_id)["ends_at"]
    assert timedelta(minutes=10) <= later - ends < timedelta(minutes=11)
    sitting.finish(candidate, session_id)
    concluding.sign(proctor, session_id, "clean", "")

    chain = list(log.entries(session_id))
    states = [e["kind"].removeprefix("state.") for e in chain if e["kind"].startswith("state.")]
    assert states == [
        "checked_in", "waiting", "identifying", "admitted", "running",
        "paused", "running", "finished", "concluded",
    ]  # fmt: skip
    assert evidence.verify(chain).intact
    assert not Session.objects.get(id=session_id).pending


def test_the_exam_address_shows_only_after_approval(candidate, sitting_until):
    session_id = sitting_until("identifying")
    assert sessions.view(candidate, session_id)["exam"]["url"] is None
    with pytest.raises(Conflict) as refused:
        sitting.start(candidate, session_id)
    assert refused.value.state == "identifying"


def test_the_exam_address_shows_once_admitted(candidate, sitting_until):
    session_id = sitting_until("admitted")
    assert sessions.view(candidate, session_id)["exam"]["url"] == "https://lms.example/exam"


def test_another_candidate_finds_nothing(person, sitting_until):
    session_id = sitting_until("running")
    stranger = person("candidate")
    for attempt in (sessions.view, chat.lines, report.report, sitting.finish):
        with pytest.raises(NotFound):
            attempt(stranger, session_id)


def test_another_proctor_may_not_act(person, sitting_until):
    session_id = sitting_until("running")
    stranger = person("proctor")
    with pytest.raises(NotFound):
        proctoring.pause(stranger, session_id)


def test_a_reviewer_reads_but_does_not_act(person, sitting_until):
    session_id = sitting_until("running")
    reviewer = person("reviewer")
    assert sessions.view(reviewer, session_id)["state"] == "running"
    with pytest.raises(Forbidden):
        proctoring.pause(reviewer, session_id)


def test_reading_the_report_is_itself_logged(candidate, proctor, sitting_until):
    session_id = sitting_until("finished")
    with pytest.raises(NotFound):
        report.report(candidate, session_id)
    concluding.sign(proctor, session_id, "violation", "A second person was in the room.")
    proctoring_note = [e["kind"] for e in report.report(candidate, session_id)["entries"]]
    assert "note" not in proctoring_note
    report.report(proctor, session_id)
    reads = log.of_kind(session_id, "evidence.read")
    assert [(r["actor"]["role"], r["data"]["what"]) for r in reads] == [
        ("candidate", "report"),
        ("staff", "report"),
    ]


def test_a_verdict_other_than_clean_needs_a_comment(proctor, sitting_until):
    session_id = sitting_until("finished")
    with pytest.raises(Invalid) as refused:
        concluding.sign(proctor, session_id, "violation", " ")
    assert refused.value.field == "comment"
    assert sessions.view(proctor, session_id)["state"] == "finished"


def test_fifty_candidates_for_five_places(person, proctor, exam):
    start = next_start()
    availability.add(proctor, start, start + timedelta(hours=2), 5)
    wanted = exam(open=False)
    candidates = [person("candidate") for _ in range(50)]

    def attempt(candidate) -> str:
        try:
            booking.book(candidate, wanted["id"], start)
        except Conflict as refused:
            return refused.code
        return "booked"

    with ThreadPoolExecutor(50) as pool:
        results = list(pool.map(attempt, candidates))
    assert results.count("booked") == 5
    assert results.count("no_place") == 45
    record = Availability.objects.get()
    assert len(record.claims) == 5 and set(record.taken.values()) == {5}


def test_one_candidate_books_once_however_often_it_is_tried(candidate, proctor, exam):
    start = next_start()
    availability.add(proctor, start, start + timedelta(hours=4), 5)
    wanted = exam(open=False)

    def attempt(_) -> str:
        try:
            booking.book(candidate, wanted["id"], start)
        except Conflict as refused:
            return refused.code
        return "booked"

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(attempt, range(8)))
    assert results.count("booked") == 1
    assert len(Availability.objects.get().claims) == 1


def test_an_exam_with_its_own_proctors_takes_no_others(person, proctor, exam):
    start = next_start()
    availability.add(proctor, start, start + timedelta(hours=2), 5)
    other = person("proctor")
    wanted = exam(open=False, proctors=[other.user_id])
    candidate = person("candidate")
    assert booking.times(candidate, wanted["id"], start, start + timedelta(hours=1)) == []
    with pytest.raises(Conflict, match="just been taken"):
        booking.book(candidate, wanted["id"], start)
    availability.add(other, start, start + timedelta(hours=2), 1)
    assert booking.book(candidate, wanted["id"], start)["proctor"]["id"] == other.user_id


def test_a_cancelled_booking_gives_the_place_back(candidate, proctor, exam):
    start = next_start()
    availability.add(proctor, start, start + timedelta(hours=2), 1)
    wanted = exam(open=False)
    first = booking.book(candidate, wanted["id"], start)
    assert booking.times(candidate, wanted["id"], start, start + timedelta(minutes=1)) == []
    booking.cancel(candidate, first["id"])
    assert booking.times(candidate, wanted["id"], start, start + timedelta(minutes=1))
    second = booking.book(candidate, wanted["id"], start)
    assert second["attempt"] == 2 and second["proctor"]["id"] == proctor.user_id


def test_a_claim_a_crash_left_behind_is_released(candidate, proctor, exam):
    start = next_start()
    availability.add(proctor, start, start + timedelta(hours=2), 1)
    wanted = Exam.objects.get(id=exam()["id"])
    record = booking.claim(wanted, "lost", start, start + timedelta(hours=1))
    assert booking.reconcile() == 0
    stale = utc_now() - 2 * booking.CLAIM_GRACE
    Availability.objects(id=record.id).update_one(set__claims__0__at=stale)
    assert booking.reconcile() == 1
    assert set(Availability.objects.get().taken.values()) == {0}


def test_time_up_finishes_the_exam(candidate, sitting_until):
    session_id = sitting_until("running")
    assert sitting.finish_overdue() == 0
    Session.objects(id=session_id).update_one(set__ends_at=utc_now() - timedelta(seconds=1))
    assert sitting.finish_overdue() == 1
    assert sessions.view(candidate, session_id)["state"] == State.FINISHED


def test_an_entry_left_pending_by_a_crash_is_moved_into_the_chain_once(sitting_until):
    session_id = sitting_until("running")
    left = log.entry("state.paused", None, {"from": "running"})
    Session._get_collection().update_one({"_id": session_id}, {"$push": {"pending": left}})
    log.append(session_id, left)
    before = len(list(log.entries(session_id)))
    assert log.drain_all() == 1
    chain = list(log.entries(session_id))
    assert len(chain) == before
    assert evidence.verify(chain).intact
    assert log.drain_all() == 0


def test_parallel_appends_keep_one_chain(sitting_until):
    session_id = sitting_until("running")
    with ThreadPoolExecutor(16) as pool:
        list(
            pool.map(lambda n: log.append(session_id, log.entry("note", None, {"n": n})), range(64))
        )
    chain = list(log.entries(session_id))
    assert evidence.verify(chain).intact
    assert sorted(e["data"]["n"] for e in chain if e["kind"] == "note") == list(range(64))


def test_a_remark_on_an_approval_is_for_staff(candidate, proctor, sitting_until):
    session_id = sitting_until("identifying")
    stills = [
        identification.add_still(proctor, session_id, "camera", purpose, JPEG)["id"]
        for purpose in ("document", "face")
    ]
    identification.approve(proctor, session_id, *stills, comment="Hair is shorter now.")
    assert sessions.view(proctor, session_id)["identity"]["reason"] == "Hair is shorter now."
    seen = sessions.view(candidate, session_id)["identity"]
    assert seen == {"status": "approved", "reason": "", "by": "person"}


def test_watching_live_is_a_read_of_evidence(candidate, proctor, sitting_until):
    session_id = sitting_until("running")
    ticketing.issue(candidate, session_id, "camera", "send")
    ticketing.issue(proctor, session_id, "camera", "watch")
    ticketing.issue(proctor, session_id, "camera", "watch")
    ((actor, what),) = [
        (e["actor"]["id"], e["data"]["what"]) for e in log.of_kind(session_id, "evidence.read")
    ]
    assert (actor, what) == (proctor.user_id, "live:camera")
