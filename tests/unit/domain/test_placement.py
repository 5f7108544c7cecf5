"""Who takes a session, as tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctorhub.domain.placement import (
    ALWAYS,
    NodeLoad,
    come_back_in,
    likeliest,
    measured_limit,
    ranked,
)


def node(text: str) -> NodeLoad:
    """`a 3/10 dead late draining newcomer 20%` in any part."""
    name, places, *words = text.split()
    placed, limit = places.split("/")
    cpu = next((float(word[:-1]) / 100 for word in words if word.endswith("%")), 0.0)
    return NodeLoad(
        name,
        "dead" not in words,
        "draining" in words,
        int(placed),
        int(limit),
        cpu,
        "newcomer" in words,
        "late" in words,
    )


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ([], []),
        (["a 0/10"], ["a"]),
        (["a 10/10"], []),
        (["a 11/10"], []),
        (["a 0/10 dead"], []),
        (["a 0/10 draining"], []),
        (["a 5/10", "b 1/10"], ["b", "a"]),
        (["a 5/100", "b 1/10"], ["a", "b"]),
        (["a 5/10 30%", "b 5/10 10%"], ["b", "a"]),
        (["b 5/10", "a 5/10"], ["a", "b"]),
        (["a 10/10", "b 9/10", "c 1/10 dead"], ["b"]),
        (["a 9/10", "b 0/10 newcomer"], ["a", "b"]),
        (["a 9/10", "b 0/10 dead late"], ["a", "b"]),
        (["a 10/10", "b 10/10 dead late"], []),
        (["a 10/10", "b 0/10 newcomer"], ["b"]),
    ],
)
def test_a_new_session_goes_where_most_room_is(nodes, expected) -> None:
    assert ranked(map(node, nodes)) == expected


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        (["a 5/10", "b 1/10"], ["a", "b"]),
        (["a 10/10", "b 1/10"], ["b"]),
        (["a 1/10 dead", "b 1/10"], ["b"]),
    ],
)
def test_the_preferred_node_comes_first_while_it_has_room(nodes, expected) -> None:
    assert ranked(map(node, nodes), preferred="a") == expected


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        (["a 10/10", "b 9/10"], ["b", "a"]),
        (["a 20/10", "b 10/10"], ["b", "a"]),
        (["a 0/10 draining", "b 20/10"], ["b", "a"]),
        (["a 0/10 draining", "b 20/10", "c 0/10 newcomer"], ["b", "a", "c"]),
        (["a 0/10 dead"], []),
        (["a 0/10 dead late", "b 20/10"], ["b"]),
        (["a 0/10 dead late", "b 0/10 dead late"], []),
    ],
)
def test_a_displaced_session_is_taken_above_the_limit_by_who_lives(nodes, expected) -> None:
    assert ranked(map(node, nodes), displaced=True) == expected


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ([], None),
        (["a 0/10 dead"], None),
        (["a 5/10", "b 1/10"], "b"),
        (["a 10/10"], "a"),
        (["a 10/10", "b 9/10"], "b"),
        (["a 0/10 draining"], "a"),
        (["a 0/10 dead late"], "a"),
        (["a 0/10 dead late", "b 20/10"], "b"),
        (["a 9/10", "b 0/10 newcomer"], "a"),
    ],
)
def test_who_has_no_place_is_told_of_the_likeliest_node(nodes, expected) -> None:
    assert likeliest(map(node, nodes)) == expected


@pytest.mark.parametrize(
    ("cpu", "lag_ms", "spool_used", "sessions", "expected"),
    [
        (0.0, 0, 0.0, 0, 35),  # nothing measured: what a session is assumed to cost
        (0.10, 0, 0.0, 20, 95),  # half a percent each
        (0.40, 0, 0.0, 20, 35),
        (0.70, 0, 0.0, 35, 35),  # at the ceiling
        (0.95, 0, 0.0, 35, 35),  # above: those that are there stay, nobody comes
        (0.10, 400, 0.0, 20, 20),  # packets wait
        (0.10, 0, 0.95, 20, 20),  # the spool is nearly full
        (0.90, 400, 0.0, 0, ALWAYS),  # somebody else's load is no reason to refuse everybody
    ],
)
def test_the_limit_follows_what_sessions_cost(cpu, lag_ms, spool_used, sessions, expected) -> None:
    found = measured_limit(cpu=cpu, lag_ms=lag_ms, spool_used=spool_used, sessions=sessions)
    assert found == expected


@given(
    st.floats(0, 3), st.floats(0, 5000), st.floats(0, 1), st.integers(0, 1000), st.floats(0, 0.5)
)
def test_more_load_never_makes_more_room(cpu, lag_ms, spool_used, sessions, extra) -> None:
    told = {"lag_ms": lag_ms, "spool_used": spool_used, "sessions": sessions}
    less, more = measured_limit(cpu=cpu, **told), measured_limit(cpu=cpu + extra, **told)
    assert sessions <= more <= less or less == more == ALWAYS


@pytest.mark.parametrize(
    ("ends_in_s", "expected"),
    [
        ([], 60),
        ([-5.0], 60),
        ([400.2, 100.5], 101),
        ([3.0], 30),
        ([7200.0], 900),
    ],
)
def test_when_to_come_back(ends_in_s, expected) -> None:
    assert come_back_in(ends_in_s) == expected
