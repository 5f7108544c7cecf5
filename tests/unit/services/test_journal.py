"""The journal: every look once, whole, in order, and gone when erased."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctorhub.domain import journal as pages
from proctorhub.domain.observation import Observation, Source, Value
from proctorhub.services import journal

AT = 1_763_696_000_000
MODELS = {"detect": "ab" * 32, "pose": "cd" * 32}


def camera(at_ms: int, **changes: object) -> Observation:
    given = {
        "values": {Value.FACE: 0.9123, Value.FACES: 1.0},
        "segment_id": f"{'c' * 32}-000007",
        "frame_sha256": "0f" * 32,
        "size": (640, 480),
        "boxes": ((1.5, 2.0, 100.1, 90.0),),
        "models": MODELS,
    }
    return Observation(Source.CAMERA, at_ms, **{**given, **changes})  # type: ignore[arg-type]


def sound(at_ms: int) -> Observation:
    return Observation(Source.MICROPHONE, at_ms, {Value.SPEECH_S: 0.5}, f"{'c' * 32}-000007")


observations = st.builds(
    Observation,
    st.sampled_from(Source),
    st.integers(0, 2**45),
    st.dictionaries(st.sampled_from(Value), st.floats(-1e6, 1e6)),
    st.none() | st.just("chain-000001"),
    st.none() | st.binary(min_size=32, max_size=32).map(bytes.hex),
    st.none() | st.tuples(st.integers(1, 8000), st.integers(1, 8000)),
    st.lists(st.tuples(*[st.floats(0, 8000)] * 4), max_size=3).map(tuple),
    st.lists(st.text(max_size=20), max_size=3).map(tuple),
    st.dictionaries(st.sampled_from(["detect", "embed"]), st.just("ab" * 32)),
    st.booleans(),
    st.none() | st.integers(0, 2**45),
)


@given(observations)
def test_a_look_is_read_as_it_was_written(observation) -> None:
    page = {
        "source": observation.source.value,
        "models": {pages.models_key(observation.models): observation.models},
        "looks": {str(observation.at_ms): pages.to_plain(observation)},
    }
    assert list(pages.read_page(page)) == [observation]


@pytest.mark.usefixtures("database")
def test_looks_come_back_in_order_however_they_were_written() -> None:
    wanted = [camera(AT + 1000 * second) for second in range(70)]
    heard = [sound(AT + 1000 * second) for second in range(3)]
    mixed = [*wanted[::-1], *heard]
    for start in range(0, len(mixed), 9):
        journal.add(("s", look) for look in mixed[start : start + 9])
    journal.add([("other", camera(AT))])
    assert list(journal.looks("s", Source.CAMERA)) == wanted
    assert list(journal.looks("s")) == [*wanted, *heard]


@pytest.mark.usefixtures("database")
def test_a_look_written_again_is_there_once() -> None:
    for _ in range(2):
        journal.add([("s", camera(AT)), ("s", camera(AT + 250, burst=True))])
    assert list(journal.looks("s")) == [camera(AT), camera(AT + 250, burst=True)]


@pytest.mark.usefixtures("database")
def test_models_may_change_within_a_page() -> None:
    looks = [
        camera(AT),
        camera(AT + 1000, models={"detect": "ef" * 32}),
        camera(AT + 2000, models={}),
    ]
    journal.add(("s", look) for look in looks)
    assert list(journal.looks("s")) == looks


@pytest.mark.usefixtures("database")
def test_erasing_takes_one_session() -> None:
    journal.add([("s", camera(AT)), ("s", sound(AT)), ("other", camera(AT))])
    assert journal.erase("s") == 2
    assert list(journal.looks("s")) == []
    assert len(list(journal.looks("other"))) == 1
