"""Identification on real pixels by the embedded backend: drawn documents, posed photographs.

The face on a document and the one before the camera are the same photograph: what is proved is
that the whole way works and that other people, films and stills do not pass, not an error rate.
"""

from __future__ import annotations

from datetime import date
from functools import cache

import cv2
import numpy as np
import pytest

from proctorhub.domain import identity, liveness
from proctorhub.domain.identity import Measured, State
from proctorhub.domain.liveness import Move
from proctorhub.plugins import Capability, load
from proctorhub.services.identity_queue import Request
from proctorhub.vision import identity as measuring
from proctorhub.vision.composition import Composition
from tests import identity_documents as drawn
from tests.vision_faces import person, room

TODAY = date(2026, 11, 21)
NONCE = "a nonce of the server"
STEPS = liveness.challenge(NONCE)
NAME, LINES = "Anna Maria Eriksson", ["Surname ERIKSSON", "Given names ANNA MARIA"]


@pytest.fixture(scope="module")
def backends(tmp_path_factory) -> Composition:
    backend = load("vision", "mediapipe")({}, tmp_path_factory.mktemp("mediapipe"))
    return Composition(dict.fromkeys(backend.capabilities, backend), {})


@cache
def burst(name: str, ignore: frozenset[Move] = frozenset()) -> list[tuple[int, bytes]]:
    return [(at, drawn.jpeg(p)) for at, p in drawn.moves(name, STEPS, ignore=ignore)]


@cache
def paper(name: str, kind: str | None, behind: str | None = None, share: float = 0.6) -> bytes:
    zone = drawn.zone(kind, "ERIKSSON", "ANNA MARIA", "L898902C3") if kind else ()
    lines = LINES if kind else [*LINES, "Number 48213376"]
    size = drawn.PAGE if kind == "TD3" else drawn.CARD
    page = drawn.document(drawn.portrait(name), lines, zone, size)
    return drawn.jpeg(drawn.held_up(page, person(behind).picture if behind else None, share=share))


def selfie(name: str) -> bytes:
    return drawn.jpeg(cv2.resize(person(name).picture, (960, 720)))


def request(who: str = "hopper", **changes) -> Request:
    given = {
        "session_id": "s",
        "check_id": "c",
        "waited_s": 0.0,
        "name": NAME,
        "nonce": NONCE,
        "elapsed_ms": 60_000,
        "document": paper(who, "TD3"),
        "selfie": selfie(who),
        "burst": burst(who),
        "enrolment": None,
    }
    return Request(**{**given, **changes})


def checked(backends: Composition, asked: Request) -> tuple[Measured, identity.Verdict]:
    measured = measuring.measure(backends, asked, TODAY)
    return measured, identity.judge(measured, today=TODAY, doubted=False)


@pytest.mark.parametrize(
    ("kind", "behind", "number"),
    [("TD3", None, "L898902C3"), ("TD1", "hopper", "L898902C3"), (None, None, "48213376")],
)
def test_a_candidate_with_a_document_is_recognised(backends, kind, behind, number) -> None:
    measured, verdict = checked(backends, request(document=paper("hopper", kind, behind)))
    assert (verdict.state, verdict.reasons) == (State.VERIFIED, ())
    assert measured.number == number
    assert (measured.zone.format if measured.zone else None) == kind
    assert measured.thresholds.space_id == backends.space_id
    assert 0 < measured.thresholds.false_match_rate < 0.05
    assert set(measured.models) == {"detect", "pose", "eyes", "embed", "ocr"}


@pytest.mark.parametrize("printed", [False, True])
def test_a_guessed_character_needs_a_second_source(backends, printed) -> None:
    lines = [*LINES, "Passport No L898902C3", "Born 15 MAY 1990", "Expires 15 APR 2031"]
    names, second = drawn.zone("TD3", "ERIKSSON", "ANNA MARIA", "L898902C3")
    zone = [names, second.replace("L898902C3", "LB98902C3", 1)]
    page = drawn.document(drawn.portrait("hopper"), lines if printed else LINES, zone, drawn.PAGE)
    measured, verdict = checked(backends, request(document=drawn.jpeg(drawn.held_up(page))))
    assert (measured.number, measured.birth_date) == ("L898902C3", "1990-05-15")
    assert measured.zone.repaired == 1 and measured.zone.confirmed is printed
    assert verdict.reasons == (() if printed else (identity.Reason.ZONE_REPAIRED,))


@pytest.mark.parametrize("covered_from", [0.55, 0.615])
def test_a_passport_whose_zone_is_covered_is_no_card_without_one(backends, covered_from) -> None:
    """All of the zone, or its second line, which has the check digits."""
    holder = drawn.Holder(surname="ERIKSSON", given_names="ANNA MARIA")
    page = drawn.passport(holder)
    whole = drawn.jpeg(drawn.held_square(page))
    page[round(covered_from * page.shape[1]) :] = (90, 110, 150)
    covered = drawn.jpeg(drawn.held_square(page))
    for document, reasons in ((whole, ()), (covered, (identity.Reason.ZONE_UNREAD,))):
        measured, verdict = checked(backends, request(document=document))
        assert (measured.number, verdict.reasons) == (holder.number, reasons)


def test_somebody_elses_document(backends) -> None:
    _, verdict = checked(backends, request(document=paper("astronaut", "TD3")))
    assert verdict.state is State.REJECTED
    assert verdict.reasons == (identity.Reason.FACE_DIFFERENT,)


def test_the_person_behind_the_document_is_not_its_photograph(backends) -> None:
    """Whoever holds another's document up beside the own face is not recognised by the latter."""
    asked = request(document=paper("astronaut", "TD1", "hopper", 0.5))
    measured, verdict = checked(backends, asked)
    assert verdict.state is not State.VERIFIED
    assert measured.distances.get("document", 1.0) > 0.5


def test_somebody_else_makes_the_moves(backends) -> None:
    measured, verdict = checked(backends, request(burst=burst("astronaut")))
    assert verdict.state is State.REJECTED
    assert verdict.reasons[0] is identity.Reason.MOVES_DIFFERENT
    assert measured.liveness == "passed"


def test_a_photograph_before_the_camera(backends) -> None:
    asked = request(burst=burst("hopper", ignore=frozenset(Move)))
    measured, verdict = checked(backends, asked)
    assert (verdict.state, measured.liveness) == (State.REJECTED, "failed")
    assert measured.liveness_reasons == ["still_face"]


def test_moves_of_another_challenge(backends) -> None:
    other = next(n for n in "abcdefgh" if _heads(n) != _heads(NONCE))
    measured, verdict = checked(backends, request(nonce=other))
    assert measured.liveness == "failed"
    assert verdict.state is State.REJECTED


def _heads(nonce: str) -> list[Move]:
    return [step.move for step in liveness.challenge(nonce) if step.move is not Move.BLINK]


def test_another_name(backends) -> None:
    _, verdict = checked(backends, request(name="Ivan Petrov"))
    assert (verdict.state, verdict.reasons) == (
        State.REJECTED,
        (identity.Reason.NAME_DIFFERENT,),
    )


def test_an_enrolment_of_somebody_else(backends) -> None:
    measured, verdict = checked(backends, request(enrolment=selfie("astronaut")))
    assert verdict.reasons == (identity.Reason.ENROLMENT_DIFFERENT,)
    assert measured.distances["enrolment"] > 0.6
    _, same = checked(backends, request(enrolment=drawn.jpeg(person("hopper").picture)))
    assert same.state is State.VERIFIED


def test_a_document_that_cannot_be_read_rejects_nobody(backends) -> None:
    sharp = cv2.imdecode(np.frombuffer(paper("astronaut", "TD3"), np.uint8), 1)
    blurred = drawn.jpeg(cv2.GaussianBlur(sharp, (0, 0), 6))
    _, verdict = checked(backends, request(document=blurred))
    assert verdict.state is State.NEEDS_HUMAN_REVIEW
    assert identity.Reason.DOCUMENT_UNREAD in verdict.reasons


@pytest.mark.parametrize("field", ["document", "selfie"])
def test_a_picture_that_is_broken_or_empty(backends, field) -> None:
    for picture in (b"\xff\xd8\xff\xd9", drawn.jpeg(room())):
        _, verdict = checked(backends, request(**{field: picture}))
        assert verdict.state is State.NEEDS_HUMAN_REVIEW


@pytest.mark.parametrize("missing", [Capability.EMBED, Capability.OCR, Capability.DETECT])
def test_what_nobody_can_do_is_for_a_person(backends, missing) -> None:
    rest = {name: one for name, one in backends.backends.items() if name is not missing}
    measured, verdict = checked(Composition(rest, {}), request())
    assert verdict == identity.Verdict(State.NEEDS_HUMAN_REVIEW, (identity.Reason.NOT_CHECKED,))
    assert measured.missing == [missing.value]
