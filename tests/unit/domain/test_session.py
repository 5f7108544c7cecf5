"""The table of states, told the other way round: what each side may do in each state."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctorhub.domain import identity
from proctorhub.domain.session import (
    ACCESS,
    Action,
    ActionRefused,
    Side,
    State,
    Tier,
    admits_alone,
    after,
    allowed,
)

ALLOWED = {
    "planned": ("check-in cancel", "cancel", "cancel miss check-in"),
    "checked_in": ("ready", "interrupt", "waive interrupt stop"),
    "waiting": ("", "identify interrupt", "admit interrupt stop"),
    "identifying": ("", "approve reject interrupt", "interrupt stop"),
    "admitted": ("start", "interrupt", "interrupt stop"),
    "running": ("finish", "pause extend finish interrupt", "finish interrupt stop"),
    "paused": ("finish", "resume extend finish interrupt", "finish interrupt stop"),
    "finished": ("", "conclude", ""),
    "interrupted": ("", "conclude", ""),
    "rejected": ("", "conclude", ""),
    "concluded": ("", "", ""),
    "cancelled": ("", "", ""),
    "no_show": ("", "", ""),
}


@pytest.mark.parametrize("state", list(State))
def test_what_each_side_may_do(state: State) -> None:
    sides = (Side.CANDIDATE, Side.PROCTOR, Side.PLATFORM)
    found = [set(allowed(state, side)) for side in sides]
    assert found == [set(column.split()) for column in ALLOWED[state.value]]


@given(st.lists(st.tuples(st.sampled_from(Action), st.sampled_from(Side)), max_size=30))
def test_nothing_reaches_the_exam_but_through_approval(steps: list[tuple[Action, Side]]) -> None:
    state, approved = State.PLANNED, False
    for action, side in steps:
        try:
            state = after(state, action, side)  # nobody was recognised by software
        except ActionRefused as refused:
            assert refused.state is state
            continue
        approved = approved or action in (Action.APPROVE, Action.WAIVE)
        if state in ACCESS:
            assert approved


checks = st.sampled_from(["none", *identity.State])
happenings = st.one_of(checks, st.tuples(st.sampled_from(Action), st.sampled_from(Side)))


@given(st.sampled_from(Tier), st.booleans(), st.lists(happenings, max_size=30))
def test_the_platform_admits_alone_only_whom_the_newest_check_recognised(
    tier: Tier, software: bool, happened: list[str | tuple[Action, Side]]
) -> None:
    state, newest, person = State.PLANNED, "none", False
    for one in happened:
        if isinstance(one, str):
            newest = one
            continue
        action, side = one
        recognised = newest == identity.State.VERIFIED and admits_alone(tier, software=software)
        try:
            state = after(state, action, side, verified=recognised)
        except ActionRefused:
            continue
        if action is Action.ADMIT:
            assert (tier, software, side) == (Tier.AI, True, Side.PLATFORM)
            assert newest == identity.State.VERIFIED
            person = True
        person = person or action in (Action.APPROVE, Action.WAIVE)
        if state in ACCESS:
            assert person


@given(st.sampled_from(Action), st.sampled_from(Side))
def test_a_concluded_session_never_changes(action: Action, side: Side) -> None:
    with pytest.raises(ActionRefused):
        after(State.CONCLUDED, action, side)
