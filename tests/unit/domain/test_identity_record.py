"""Signed records are believed only as they were signed, by the key that is asked for."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctorhub.domain import identity_record, ticket
from proctorhub.domain.identity_record import RecordError, plain, sign, verify

PRIVATE, PUBLIC = ticket.new_keys()
PAYLOAD = {"type": "identity", "outcome": "verified", "candidate": {"id": "1", "name": "Ада"}}


def test_a_record_is_believed() -> None:
    assert verify(PUBLIC, sign(PRIVATE, PAYLOAD)) == PAYLOAD


def test_a_changed_record_is_not() -> None:
    record = copy.deepcopy(sign(PRIVATE, PAYLOAD))
    record["payload"]["outcome"] = "rejected"
    with pytest.raises(RecordError):
        verify(PUBLIC, record)


def test_another_key_is_not() -> None:
    with pytest.raises(RecordError):
        verify(ticket.new_keys()[1], sign(PRIVATE, PAYLOAD))


def test_another_signature_of_the_same_key_is_no_record() -> None:
    token = ticket.sign(PRIVATE, session_id="1", source="camera", direction="send", now=0, ttl_s=1)
    head, _, mark = token.split(".")
    with pytest.raises(RecordError):
        verify(PUBLIC, {"payload": PAYLOAD, "signature": f"{head}..{mark}"})


letters = st.text("ab.é\u20ac", max_size=5)
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | letters,
    lambda inner: st.lists(inner) | st.dictionaries(letters, inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["payload", "signature", "key", "more"]), junk))
def test_whatever_else_comes_is_refused(record: dict) -> None:
    with pytest.raises(RecordError):
        verify(PUBLIC, record)


@given(junk)
def test_what_is_signed_holds_no_floats(value: object) -> None:
    identity_record.sign(PRIVATE, {"value": plain(value)})


def test_decimals_are_spelled_out() -> None:
    assert plain({"a": [0.35, 1.0], "b": (2, None, True)}) == {
        "a": ["0.35", "1"],
        "b": [2, None, True],
    }
