"""Workers take checks one each, answer only their own, and a dead one's check is taken again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import cv2
import numpy as np
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from proctorhub.domain import identity_record
from proctorhub.domain.identity import Measured, State
from proctorhub.frames.bus import Counts
from proctorhub.plugins import Capability
from proctorhub.records.base import utc_now
from proctorhub.records.sessions import Session
from proctorhub.services import (
    identity_checks,
    identity_judging,
    identity_queue,
    keys,
    log,
    watchers,
)
from proctorhub.services.identity_checks import Submission
from proctorhub.vision.composition import Composition
from proctorhub.vision.identity import Examiner
from proctorhub.vision.status import Metrics

MISSING = Measured(missing=["embed"])


def picture(number: int) -> bytes:
    return cv2.imencode(".jpg", np.full((48, 64, 3), number, np.uint8))[1].tobytes()


@pytest.fixture
def waiting(sitting_until, candidate):
    """A session whose candidate has handed in; returns its id."""

    def make(**changes) -> str:
        session_id = sitting_until("waiting", **{"identity": {"software": True}, **changes})
        watchers.beat("somebody", [])
        nonce = identity_checks.challenge(candidate, session_id)["nonce"]
        frames = [picture(n) for n in range(24)]
        given = Submission(
            nonce=nonce,
            document=picture(100),
            selfie=picture(101),
            burst=b"".join(frames),
            frames=[(len(frame), 80 * n) for n, frame in enumerate(frames)],
            quality={},
            doubted=False,
        )
        assert identity_checks.submit(candidate, session_id, given)["state"] == "pending"
        return session_id

    return make


def check_of(session_id: str) -> dict:
    return Session._get_collection().find_one({"_id": session_id})["identity_check"]


def expire(session_id: str, field: str) -> None:
    past = utc_now() - timedelta(seconds=1)
    Session._get_collection().update_one(
        {"_id": session_id}, {"$set": {f"identity_check.{field}": past}}
    )


def test_many_workers_take_each_check_once(waiting) -> None:
    session_id = waiting()
    names = [f"worker{n}" for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        taken = [one for one in pool.map(identity_queue.claim, names) if one]
    assert [one.session_id for one in taken] == [session_id]
    assert (taken[0].document, taken[0].selfie) == (picture(100), picture(101))
    assert taken[0].burst == [(80 * n, picture(n)) for n in range(24)]


def test_an_answer_counts_once_and_only_its_takers(waiting) -> None:
    session_id = waiting()
    request = identity_queue.claim("one")
    assert not identity_queue.answer("other", request, MISSING)
    assert identity_queue.answer("one", request, MISSING)
    assert not identity_queue.answer("one", request, MISSING)
    assert identity_queue.claim("other") is None
    assert identity_judging.settle_due() == 1
    assert identity_judging.settle_due() == 0
    assert len(log.of_kind(session_id, "identity.checked")) == 1


def test_a_late_answer_of_a_worker_taken_for_dead_is_refused(waiting) -> None:
    session_id = waiting()
    slow = identity_queue.claim("slow")
    expire(session_id, "claimed_until")
    quick = identity_queue.claim("quick")
    assert quick is not None
    assert not identity_queue.answer("slow", slow, MISSING)
    assert identity_queue.answer("quick", quick, MISSING)


def test_what_breaks_every_worker_goes_to_a_person(waiting) -> None:
    session_id = waiting()
    for number in range(identity_queue.MOST_CLAIMS):
        assert identity_queue.claim(f"worker{number}") is not None
        expire(session_id, "claimed_until")
    assert identity_queue.claim("one more") is None
    expire(session_id, "answer_by")
    assert identity_judging.settle_due() == 1
    assert check_of(session_id)["state"] == State.NEEDS_HUMAN_REVIEW


_KILLED = """
import json, signal, sys, time
from proctorhub.config import Settings
from proctorhub.services import identity_queue, runtime
runtime.start(Settings(**json.loads(sys.argv[1])))
print(identity_queue.claim("killed").session_id, flush=True)
signal.pause()
"""


def test_a_worker_killed_in_the_middle_loses_nothing(waiting, settings) -> None:
    session_id = waiting()
    given = {
        "data_dir": str(settings.data_dir),
        "mongodb_uri": settings.mongodb_uri,
        "mongodb_name": settings.mongodb_name,
    }
    worker = subprocess.Popen(
        [sys.executable, "-c", _KILLED, json.dumps(given)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert worker.stdout is not None
        assert worker.stdout.readline().strip() == session_id
        assert identity_queue.claim("another") is None
    finally:
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        worker.stdout.close()
    expire(session_id, "claimed_until")
    request = identity_queue.claim("another")
    assert request is not None
    assert identity_queue.answer("another", request, MISSING)
    assert identity_judging.settle_due() == 1


def test_the_record_is_signed_and_in_the_chain(waiting, settings) -> None:
    session_id = waiting()
    assert identity_queue.answer("one", identity_queue.claim("one"), MISSING)
    identity_judging.settle_due()
    (entry,) = log.of_kind(session_id, "identity.recorded")
    record = entry["data"]["record"]
    public = keys.read(settings, keys.EVIDENCE_PUBLIC)
    payload = identity_record.verify(public, record)
    assert payload["session_id"] == session_id
    assert (payload["outcome"], payload["reasons"]) == ("needs_human_review", ["not_checked"])
    assert payload["measured"]["missing"] == ["embed"]
    assert {"institution", "exam", "candidate", "rules", "limits", "decided_at_ms"} <= set(payload)
    (checked,) = log.of_kind(session_id, "identity.checked")
    assert set(checked["data"]) == {"check_id", "state", "reasons", "record_sha256"}


def test_an_enrolment_is_the_face_last_approved_of_the_same_user(
    waiting, sitting_until, candidate, proctor
) -> None:
    before = sitting_until("admitted")
    face = Session._get_collection().find_one({"_id": before})["identity"]["face_still"]
    waiting()
    assert identity_queue.claim("one").enrolment is None
    with_it = waiting(identity={"software": True, "enrolment": True})
    session = Session._get_collection().find_one({"_id": with_it})
    assert identity_queue.enrolment(session) == face
    assert identity_queue.claim("one").enrolment is not None


class Broken:
    """A stand-in for a backend that raises."""

    def read_text(self, _: object) -> list[object]:
        raise RuntimeError("no memory left")


def told(metrics: Metrics) -> dict[str, float]:
    found = generate_latest(metrics.registry).decode()
    return {
        sample.name + "".join(sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(found)
        for sample in family.samples
    }


def test_operators_see_how_long_checks_wait_and_take(waiting) -> None:
    session_id, metrics = waiting(), Metrics(Counts())
    at = utc_now() - timedelta(seconds=40)
    Session._get_collection().update_one({"_id": session_id}, {"$set": {"identity_check.at": at}})
    broken = Composition({Capability.OCR: Broken()}, {})  # type: ignore[dict-item]
    assert Examiner("first", broken, metrics).once()
    expire(session_id, "claimed_until")
    examiner = Examiner("second", Composition({}, {}), metrics)
    assert examiner.once() and not examiner.once()
    numbers = told(metrics)
    assert numbers["proctorhub_vision_identity_wait_seconds_count"] == 2
    assert 80 <= numbers["proctorhub_vision_identity_wait_seconds_sum"] < 160
    for outcome in ("failed", "kept"):
        assert numbers[f"proctorhub_vision_identity_seconds_count{outcome}"] == 1
    assert identity_judging.settle_due() == 1
