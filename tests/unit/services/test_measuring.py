"""A site's labels against what was kept of its sessions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from proctorhub.domain.incident_policy import Policy
from proctorhub.domain.incident_terms import Detector
from proctorhub.domain.labels import Label, WrongLabel
from proctorhub.domain.observation import Observation, Source, Value
from proctorhub.records.sessions import Session
from proctorhub.services import log, measuring, monitoring


@pytest.fixture
def flagged(sitting_until: Callable[..., str]) -> str:
    """A session of an hour in which a face was away from its tenth to its twentieth second."""
    session_id = sitting_until("finished")
    session = Session._get_collection().find_one({"_id": session_id})
    began = session["started_at"]
    ended = began.replace(year=began.year + 1)
    Session._get_collection().update_one(
        {"_id": session_id},
        {"$set": {"finished_at": ended}},
    )
    away = [
        Observation(Source.CAMERA, log.millis(began) + 10_000 + 500 * n, {Value.FACE: 0.0})
        for n in range(20)
    ]
    back = Observation(Source.CAMERA, log.millis(began) + 30_000, {Value.FACE: 0.9})
    monitoring.observe(session_id, [*away, back], Policy(checked=frozenset({Detector.NO_FACE})))
    return session_id


def measured(*labels: Label) -> dict[str, Any]:
    return measuring.measure(labels)["all"]


def test_a_label_from_the_start_of_the_exam_meets_its_flag(flagged) -> None:
    found = measured(Label(flagged, None, "no_face", 9_000, 21_000, from_start=True))
    assert (found["recall"]["count"], found["false_flags"]["count"]) == (1, 0)


def test_without_a_label_the_flag_is_false(flagged) -> None:
    found = measured(Label(flagged, None))
    assert found["false_flags"]["count"] == 1
    assert found["hours"] >= 365 * 24


def test_a_label_elsewhere_is_missed_and_the_flag_false(flagged) -> None:
    found = measured(Label(flagged, None, "no_face", 60_000, 61_000, from_start=True))
    assert (found["recall"]["count"], found["false_flags"]["count"]) == (0, 1)


def test_sessions_that_cannot_be_measured_are_named(sitting_until) -> None:
    running = sitting_until("running")
    for session_id in ("nobody", running):
        with pytest.raises(WrongLabel, match=session_id):
            measured(Label(session_id, None))
