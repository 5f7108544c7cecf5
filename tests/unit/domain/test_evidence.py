"""The hash chain: any change, anywhere, shows."""

from __future__ import annotations

import copy
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctorhub.domain import evidence

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


def chain(datas: list[object]) -> list[dict]:
    links, previous = [], evidence.GENESIS
    for seq, data in enumerate(datas):
        link = {
            "session_id": "s", "seq": seq, "id": f"e{seq}", "kind": "note", "at": 1000 + seq,
            "actor": None, "data": {"d": data}, "previous": previous,
        }  # fmt: skip
        link["hash"] = previous = evidence.entry_hash(link)
        links.append(link)
    return links


def test_the_hash_is_that_of_canonical_json() -> None:
    (link,) = chain(["ü"])
    text = (
        '{"actor":null,"at":1000,"data":{"d":"ü"},"id":"e0","kind":"note",'
        f'"previous":"{"0" * 64}","seq":0,"session_id":"s"}}'
    )
    assert link["hash"] == hashlib.sha256(text.encode()).hexdigest()


@given(st.lists(VALUES, max_size=5))
def test_an_untouched_chain_is_intact(datas) -> None:
    links = chain(datas)
    check = evidence.verify(json.loads(json.dumps(links)))
    assert check.intact and check.entries == len(datas)
    assert check.head == (links[-1]["hash"] if links else evidence.GENESIS)


FIELDS = ("seq", "id", "kind", "at", "actor", "data", "previous", "hash", "session_id")


@given(st.lists(VALUES, min_size=1, max_size=5), st.data())
def test_any_change_breaks_the_chain_at_its_place(datas, data) -> None:
    links = chain(datas)
    place = data.draw(st.integers(0, len(links) - 1))
    field = data.draw(st.sampled_from(FIELDS))
    links[place] = {**links[place], field: "tampered"}
    check = evidence.verify(links)
    assert not check.intact and check.broken_at == place


@given(st.lists(VALUES, min_size=2, max_size=6), st.data())
def test_dropping_or_swapping_entries_breaks_the_chain(datas, data) -> None:
    links = chain(datas)
    place = data.draw(st.integers(0, len(links) - 2))
    dropped = links[:place] + links[place + 1 :]
    assert not evidence.verify(dropped).intact
    swapped = copy.copy(links)
    swapped[place], swapped[place + 1] = swapped[place + 1], swapped[place]
    assert not evidence.verify(swapped).intact


@pytest.mark.parametrize("value", [1.5, {"a": [0.1]}, {1: "x"}])
def test_what_has_no_one_spelling_is_refused(value) -> None:
    with pytest.raises(ValueError, match="log entry"):
        evidence.canonical(value)
