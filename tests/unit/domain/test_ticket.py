"""Tickets are good for exactly one thing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctorhub.domain import ticket

PRIVATE, PUBLIC = ticket.new_keys()
NOW = 1_800_000_000.0


def signed(private: str = PRIVATE, **changes: object) -> str:
    wanted = {"session_id": "s1", "source": "camera", "direction": "send", "now": NOW, "ttl_s": 60}
    return ticket.sign(private, **{**wanted, **changes})  # type: ignore[arg-type]


def test_a_ticket_says_what_it_was_signed_for() -> None:
    found = ticket.verify(PUBLIC, signed(), now=NOW)
    assert (found.session_id, found.source, found.direction) == ("s1", "camera", "send")
    assert found.expires_at == NOW + 60


def test_a_ticket_ends() -> None:
    ticket.verify(PUBLIC, signed(), now=NOW + 60 + ticket.CLOCK_SKEW_S)
    with pytest.raises(ticket.TicketError) as refused:
        ticket.verify(PUBLIC, signed(), now=NOW + 61 + ticket.CLOCK_SKEW_S)
    assert refused.value.code == "ticket_expired"


def test_another_house_cannot_sign() -> None:
    other, _ = ticket.new_keys()
    with pytest.raises(ticket.TicketError) as refused:
        ticket.verify(PUBLIC, signed(other), now=NOW)
    assert refused.value.code == "ticket_invalid"


@given(st.text(max_size=80) | st.binary(max_size=80).map(lambda b: b.decode("latin-1")))
def test_garbage_is_refused_not_crashed_on(text) -> None:
    with pytest.raises(ticket.TicketError):
        ticket.verify(PUBLIC, text, now=NOW)


@given(st.integers(0, 400), st.characters(codec="ascii"))
def test_a_changed_letter_is_refused(place, letter) -> None:
    token = signed()
    place %= len(token) - 1
    changed = token[:place] + letter + token[place + 1 :]
    if changed != token:
        with pytest.raises(ticket.TicketError):
            ticket.verify(PUBLIC, changed, now=NOW)


@pytest.mark.parametrize(
    "use",
    [("s2", "camera", "send"), ("s1", "screen", "send"), ("s1", "camera", "watch")],
)
def test_a_ticket_for_something_else(use) -> None:
    found = ticket.verify(PUBLIC, signed(), now=NOW)
    ticket.require(found, session_id="s1", source="camera", direction="send")
    with pytest.raises(ticket.TicketError) as refused:
        ticket.require(found, session_id=use[0], source=use[1], direction=use[2])
    assert refused.value.code == "ticket_forbidden"
