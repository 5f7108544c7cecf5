"""The rule behind a check: what verifies, what contradicts, and what is for a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctorhub.domain import identity, liveness, names
from proctorhub.domain.identity import (
    Against,
    Match,
    Measured,
    Reason,
    State,
    Thresholds,
    Zone,
    judge,
)

TODAY = date(2026, 11, 21)
LIMITS = Thresholds("dlib-resnet-v1", 0.50, 0.60, 0.018, "as stated")
HELD = {"number": True, "birth_date": True, "expiry_date": True, "composite": True}
DENIED = Zone("TD1", {**HELD, "composite": False}, 0)
GOOD = Measured(
    thresholds=LIMITS,
    compared=(Against.DOCUMENT, Against.BURST, Against.ENROLMENT),
    distances={Against.DOCUMENT: 0.44, Against.BURST: 0.35, Against.ENROLMENT: 0.41},
    document_face_px=62.0,
    selfie_face_px=190.0,
    second_face=0.52,
    legibility=0.97,
    glare=0.01,
    name=names.Match.SAME,
    number="L898902C3",
    expiry_date="2031-04-15",
    zone=Zone("TD3", HELD, 0),
    liveness=liveness.Outcome.PASSED,
)


def apart(**distances: float) -> dict[str, float]:
    return {**GOOD.distances, **distances}


CASES = [
    ({}, State.VERIFIED, ""),
    ({"zone": None}, State.VERIFIED, ""),
    ({"expiry_date": None}, State.VERIFIED, ""),
    ({"distances": apart(document=0.50)}, State.VERIFIED, ""),
    # between the thresholds
    ({"distances": apart(document=0.51)}, State.NEEDS_HUMAN_REVIEW, "face_unsure"),
    ({"distances": apart(document=0.60)}, State.NEEDS_HUMAN_REVIEW, "face_unsure"),
    ({"distances": apart(burst=0.55)}, State.NEEDS_HUMAN_REVIEW, "moves_unsure"),
    ({"distances": apart(enrolment=0.55)}, State.NEEDS_HUMAN_REVIEW, "enrolment_unsure"),
    # not measured is never the same
    ({"distances": {}}, State.NEEDS_HUMAN_REVIEW, "face_unsure moves_unsure enrolment_unsure"),
    ({"thresholds": None}, State.NEEDS_HUMAN_REVIEW, "face_unsure moves_unsure enrolment_unsure"),
    # beyond them
    ({"distances": apart(document=0.61)}, State.REJECTED, "face_different"),
    ({"distances": apart(burst=0.61)}, State.REJECTED, "moves_different"),
    ({"distances": apart(enrolment=0.61)}, State.REJECTED, "enrolment_different"),
    ({"name": names.Match.DIFFERENT}, State.REJECTED, "name_different"),
    ({"name": names.Match.UNSURE}, State.NEEDS_HUMAN_REVIEW, "name_unsure"),
    ({"liveness": liveness.Outcome.FAILED}, State.REJECTED, "not_live"),
    ({"liveness": liveness.Outcome.UNCLEAR}, State.NEEDS_HUMAN_REVIEW, "liveness_unclear"),
    # poor pictures
    ({"document_face_px": None}, State.NEEDS_HUMAN_REVIEW, "no_face_on_document"),
    ({"document_face_px": 30.0}, State.NEEDS_HUMAN_REVIEW, "face_too_small"),
    ({"selfie_face_px": None}, State.NEEDS_HUMAN_REVIEW, "no_face"),
    ({"selfie_face_px": 79.0}, State.NEEDS_HUMAN_REVIEW, "face_too_small"),
    ({"second_face": 0.65}, State.NEEDS_HUMAN_REVIEW, "several_faces"),
    ({"legibility": 0.7}, State.NEEDS_HUMAN_REVIEW, "picture_blurred"),
    ({"glare": 0.2}, State.NEEDS_HUMAN_REVIEW, "picture_glare"),
    ({"number": None}, State.NEEDS_HUMAN_REVIEW, "document_unread"),
    ({"zone": DENIED}, State.NEEDS_HUMAN_REVIEW, "zone_unsure"),
    # a zone that is there and says nothing
    ({"zone": None, "zone_unread": True}, State.NEEDS_HUMAN_REVIEW, "zone_unread"),
    # a character that was put right lets nobody in, unless the print says it too
    ({"zone": Zone("TD3", HELD, 1)}, State.NEEDS_HUMAN_REVIEW, "zone_repaired"),
    ({"zone": Zone("TD3", HELD, 2, confirmed=True)}, State.VERIFIED, ""),
    ({"zone": replace(DENIED, confirmed=True)}, State.NEEDS_HUMAN_REVIEW, "zone_unsure"),
    (
        {"zone": Zone("TD3", HELD, 1), "name": names.Match.DIFFERENT},
        State.REJECTED,
        "name_different zone_repaired",
    ),
    ({"expiry_date": "2026-11-21"}, State.VERIFIED, ""),
    ({"expiry_date": "2026-11-20"}, State.NEEDS_HUMAN_REVIEW, "document_expired"),
    # a poor picture contradicts nobody
    (
        {"distances": apart(document=0.9), "glare": 0.2},
        State.NEEDS_HUMAN_REVIEW,
        "face_different picture_glare",
    ),
    (
        {"name": names.Match.DIFFERENT, "legibility": 0.6},
        State.NEEDS_HUMAN_REVIEW,
        "name_different picture_blurred",
    ),
    # what nobody here can do
    ({"missing": ("embed",)}, State.NEEDS_HUMAN_REVIEW, "not_checked"),
    ({"missing": ("ocr",), "name": names.Match.DIFFERENT}, State.NEEDS_HUMAN_REVIEW, "not_checked"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "state", "reasons"), CASES)
def test_the_rule(changes, state, reasons) -> None:
    verdict = judge(replace(GOOD, **changes), today=TODAY, doubted=False)
    assert verdict.state is state
    assert [reason.value for reason in verdict.reasons] == reasons.split()


def test_a_picture_that_the_page_advised_against_is_for_a_person() -> None:
    verdict = judge(GOOD, today=TODAY, doubted=True)
    assert verdict == identity.Verdict(State.NEEDS_HUMAN_REVIEW, (Reason.PICTURE_DOUBTED,))


measurements = st.builds(
    Measured,
    missing=st.lists(st.sampled_from(["embed", "ocr"]), max_size=1),
    thresholds=st.one_of(st.none(), st.just(LIMITS)),
    compared=st.just((Against.DOCUMENT, Against.BURST)),
    distances=st.dictionaries(st.sampled_from(Against), st.floats(0, 1.5)),
    document_face_px=st.one_of(st.none(), st.floats(0, 400)),
    selfie_face_px=st.one_of(st.none(), st.floats(0, 400)),
    second_face=st.floats(0, 1),
    legibility=st.one_of(st.none(), st.floats(0, 1)),
    glare=st.one_of(st.none(), st.floats(0, 1)),
    name=st.sampled_from(names.Match),
    number=st.one_of(st.none(), st.just("X123456")),
    liveness=st.sampled_from(liveness.Outcome),
)


@given(measurements, st.booleans())
def test_verified_means_that_everything_held(measured: Measured, doubted: bool) -> None:
    verdict = judge(measured, today=TODAY, doubted=doubted)
    assert (verdict.state is State.VERIFIED) == (verdict.reasons == ())
    if verdict.state is State.VERIFIED:
        assert not measured.missing and not doubted
        assert measured.name == names.Match.SAME
        assert measured.liveness == liveness.Outcome.PASSED
        assert all(identity.match(measured, Against(a)) is Match.SAME for a in measured.compared)


@given(measurements)
def test_nearer_is_never_worse(measured: Measured) -> None:
    order = [State.REJECTED, State.NEEDS_HUMAN_REVIEW, State.VERIFIED]
    nearer = replace(measured, distances={a: d / 2 for a, d in measured.distances.items()})
    before, after = (judge(m, today=TODAY, doubted=False).state for m in (measured, nearer))
    assert order.index(after) >= order.index(before)
