"""Counting right and wrong flags, and how sure the counts make us, against published values."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctorhub.domain.accuracy import LabelledSession, Stretch, report
from proctorhub.domain.intervals import clopper_pearson, poisson_rate, wilson
from proctorhub.domain.labels import Label, WrongLabel, read


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        (0, 10, 0.0, 0.3085),
        (10, 10, 0.6915, 1.0),
        (8, 10, 0.4439, 0.9748),
        (1, 100, 0.0003, 0.0545),
        (81, 263, 0.2527, 0.3676),
        (15, 148, 0.0578, 0.1617),
        (0, 0, 0.0, 1.0),
    ],
)
def test_clopper_pearson(count, of, low, high) -> None:
    assert clopper_pearson(count, of) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        (8, 10, 0.4902, 0.9433),
        (0, 20, 0.0, 0.1611),
        # Newcombe (1998), Statistics in Medicine 17:857, table I
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 0, 0.0, 1.0),
    ],
)
def test_wilson(count, of, low, high) -> None:
    assert wilson(count, of) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [
        # Garwood (1936), Biometrika 28:437
        (0, 0.0, 3.6889),
        (1, 0.0253, 5.5716),
        (3, 0.6187, 8.7673),
        (10, 4.7954, 18.3904),
        (50, 37.1110, 65.9188),
    ],
)
def test_poisson(count, low, high) -> None:
    assert poisson_rate(count, 1.0) == pytest.approx((low, high), abs=1e-4)
    assert poisson_rate(count, 2.0) == pytest.approx((low / 2, high / 2), abs=1e-4)


def test_without_time_nothing_is_known_of_a_rate() -> None:
    assert poisson_rate(0, 0.0) == (0.0, math.inf)


@given(st.integers(0, 200).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_an_interval_holds_its_share(counted) -> None:
    count, of = counted
    for low, high in (clopper_pearson(count, of), wilson(count, of)):
        assert 0 <= low <= high <= 1
        if of:
            assert low - 1e-9 <= count / of <= high + 1e-9


SESSIONS = [
    LabelledSession("a", 2.0, "one"),
    LabelledSession("b", 1.0, "one"),
    LabelledSession("c", 1.0, "two"),
]


def at(session_id: str, detector: str, start_s: int, end_s: int) -> Stretch:
    return Stretch(session_id, detector, start_s * 1000, end_s * 1000)


def test_right_missed_and_false() -> None:
    notes = [at("a", "no_face", 100, 120), at("a", "no_face", 900, 910), at("c", "speech", 5, 9)]
    flags = [
        at("a", "no_face", 124, 130),  # a little late is right
        at("a", "speech", 100, 120),  # of another detector
        at("b", "no_face", 100, 120),  # of another session
        at("b", "no_face", 300, 310),
        at("z", "no_face", 1, 2),  # of a session that nobody labelled
    ]
    found = report(SESSIONS, notes, flags)
    everything = found["all"]
    assert everything["hours"] == 4.0
    assert everything["false_flags"]["count"] == 3
    assert everything["false_flags"]["per_hour"] == 0.75
    assert (everything["recall"]["count"], everything["recall"]["of"]) == (1, 3)
    assert everything["sessions_with_false_flags"]["count"] == 2
    detectors = everything["detectors"]
    assert detectors["no_face"]["recall"]["share"] == 0.5
    assert detectors["speech"]["false_flags"]["count"] == 1
    assert detectors["speech"]["recall"]["share"] == 0.0
    two = found["groups"]["two"]
    assert (two["sessions"], two["false_flags"]["per_hour"]) == (1, 0.0)
    assert two["false_flags"]["interval_95"] == pytest.approx([0.0, 3.6889], abs=1e-4)


def test_nothing_labelled_claims_nothing() -> None:
    found = report([], [], [])
    assert found["all"]["recall"]["share"] is None
    assert found["all"]["false_flags"]["per_hour"] is None
    assert found["groups"] == {}


HEAD = "session,detector,start,end,group\n"


def test_labels_are_read() -> None:
    table = HEAD + "a,no_face,1:02:03,1:02:09,x\nb,,,,\na,speech,2:05,2:06,x\n"
    table += "c,speech,2026-11-21T10:00:00Z,2026-11-21T12:00:01+02:00,\n"
    one, two, three, four = read(table.splitlines())
    assert one == Label("a", "x", "no_face", 3_723_000, 3_729_000, True)
    assert two == Label("b", None)
    assert three.started == 125_000
    assert (four.ended - four.started, four.from_start) == (1000, False)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("session,detector,start\n", "line 1: the column 'end'"),
        ("", "line 1: the column 'session'"),
        (HEAD + ",no_face,0:01,0:02,", "line 2, session"),
        (HEAD + "a,sleeping,0:01,0:02,", "line 2, detector"),
        (HEAD + "a,,0:01,,", "line 2, detector"),
        (HEAD + "a,no_face,soon,0:02,", "line 2, start"),
        (HEAD + "a,no_face,0:01,,", "line 2, end"),
        (HEAD + "a,no_face,0:03,0:02,", "line 2, end"),
        (HEAD + "a,no_face,0:03,2026-11-21T10:00:00Z,", "line 2, end"),
        (HEAD + "a,no_face,2026-11-21T10:00:00,2026-11-21T10:00:00,", "line 2, start"),
        (HEAD + "a,,,,x\na,,,,y", "line 3, group"),
    ],
)
def test_a_wrong_line_is_named(table, told) -> None:
    with pytest.raises(WrongLabel, match=told):
        read(table.splitlines())
