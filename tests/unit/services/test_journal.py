"""The journal: every look once, whole, in order, and gone when erased."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctorhub.domain import journal as pages
from proctorhub.domain.incident_policy import Policy
from proctorhub.domain.incident_terms import Detector
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
    st.lists(st.integers(0, 2**45), max_size=3).map(tuple),
)


POLICY = Policy(relaxed={Detector.SPEECH: 2.0}, match=(0.5, 0.6))


@given(observations, st.integers(0, 2**45))
def test_a_look_is_read_as_it_was_written(observation, came_ms) -> None:
    entry = pages.Entry(observation, POLICY, came_ms)
    page = {"source": observation.source.value, "looks": {}, "models": {}, "policies": {}}
    for path, value in pages.page_values(entry, 0).items():
        part, _, name = path.partition(".")
        page[part][name] = value
    assert list(pages.read_page(page)) == [entry]


def looks(session_id: str, source: Source | None = None) -> list[Observation]:
    return [entry.observation for entry in journal.entries(session_id, source)]


def add(*found: tuple[str, Observation]) -> None:
    journal.add((session_id, look, POLICY) for session_id, look in found)


@pytest.mark.usefixtures("database")
def test_looks_come_back_in_order_however_they_were_written() -> None:
    wanted = [camera(AT + 1000 * second) for second in range(70)]
    heard = [sound(AT + 1000 * second) for second in range(3)]
    mixed = [*wanted[::-1], *heard]
    for start in range(0, len(mixed), 9):
        add(*(("s", look) for look in mixed[start : start + 9]))
    add(("other", camera(AT)))
    assert looks("s", Source.CAMERA) == wanted
    assert looks("s") == [*wanted, *heard]
    assert all(entry.policy == POLICY for entry in journal.entries("s"))


@pytest.mark.usefixtures("database")
def test_a_look_written_again_is_there_once() -> None:
    for _ in range(2):
        add(("s", camera(AT)), ("s", camera(AT + 250, burst=True)))
    assert looks("s") == [camera(AT), camera(AT + 250, burst=True)]


@pytest.mark.usefixtures("database")
def test_what_a_page_tells_of_one_moment_is_all_kept_in_order() -> None:
    told = [Observation(Source.PAGE, AT, {Value.TAB_HIDDEN: x}) for x in (1.0, 0.0)]
    add(*(("s", look) for look in told))
    add(("s", Observation(Source.PAGE, AT, {Value.CLIPBOARD: 1.0})))
    found = [look.values for look in looks("s")]
    assert found == [{Value.TAB_HIDDEN: 1.0}, {Value.TAB_HIDDEN: 0.0}, {Value.CLIPBOARD: 1.0}]


@pytest.mark.usefixtures("database")
def test_models_may_change_within_a_page() -> None:
    found = [
        camera(AT),
        camera(AT + 1000, models={"detect": "ef" * 32}),
        camera(AT + 2000, models={}),
    ]
    add(*(("s", look) for look in found))
    assert looks("s") == found


@pytest.mark.usefixtures("database")
def test_one_look_is_found_by_its_time() -> None:
    add(("s", camera(AT)), ("s", camera(AT + 1000)))
    found = journal.find("s", Source.CAMERA, AT + 1000)
    assert found is not None and found.observation == camera(AT + 1000)
    assert journal.find("s", Source.CAMERA, AT + 1) is None
    assert journal.find("s", Source.SCREEN, AT) is None
