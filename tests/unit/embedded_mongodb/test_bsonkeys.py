from __future__ import annotations

import math
from typing import Any

import pytest
from bson import Decimal128, Int64, MaxKey, MinKey
from bson.code import Code
from hypothesis import given
from hypothesis import strategies as st
from proctorhub_plugins.embedded_mongodb.bsonkeys import (
    after,
    complement,
    decode,
    encode,
    reversed_range,
    type_range,
)

from . import naive, strategies


@given(strategies.values, strategies.values)
def test_keys_order_as_bson_does(a: Any, b: Any) -> None:
    expected = naive.compare(a, b)
    assert naive.sign(encode(a), encode(b)) == expected
    assert naive.sign(complement(encode(a)), complement(encode(b))) == -expected


@given(strategies.values)
def test_decoding_gives_back_an_equal_value(value: Any) -> None:
    assert encode(decode(encode(value))) == encode(value)
    assert naive.compare(decode(encode(value)), value) == 0


@given(
    st.lists(strategies.scalars, min_size=2, max_size=2),
    st.lists(strategies.scalars, min_size=2, max_size=2),
)
def test_joined_keys_order_field_by_field(a: list[Any], b: list[Any]) -> None:
    expected = naive.compare(a[0], b[0]) or -naive.compare(a[1], b[1])
    keys = [encode(x[0]) + complement(encode(x[1])) for x in (a, b)]
    assert naive.sign(keys[0], keys[1]) == expected


@given(strategies.scalars)
def test_the_range_of_a_type_holds_its_keys(value: Any) -> None:
    if isinstance(value, float) and math.isnan(value):
        return
    key = encode(value)
    low, high = type_range(key[0])
    assert low <= key < high
    low, high = reversed_range(type_range(key[0]))
    assert low <= complement(key) < high


@given(strategies.values, strategies.values, strategies.values)
def test_a_range_reversed_holds_the_complements(low: Any, high: Any, value: Any) -> None:
    keys = after(encode(low)), after(encode(high))
    inside = keys[0] <= encode(value) < keys[1]
    first, last = reversed_range(keys)
    assert (first <= complement(encode(value)) < last) == inside
    assert (encode(value) < after(encode(low))) == (naive.compare(value, low) <= 0)


@pytest.mark.parametrize(
    "group",
    [
        [1, 1.0, Int64(1), Decimal128("1"), Decimal128("1.000")],
        [0, 0.0, -0.0, Decimal128("0E-10")],
        [math.inf, Decimal128("Infinity")],
        [math.nan, Decimal128("NaN")],
        [2**53 + 1, Decimal128("9007199254740993")],
    ],
)
def test_equal_numbers_share_a_key_whatever_their_type(group: list[Any]) -> None:
    assert len({encode(number) for number in group}) == 1


def test_numbers_that_a_double_cannot_tell_apart_have_their_own_keys() -> None:
    numbers = [
        -math.inf, Decimal128("-1E+4000"), -1.7976931348623157e308, -(2**53) - 1, -float(2**53),
        Decimal128("-1E-4000"), 0, Decimal128("1E-4000"), 5e-324, Decimal128("0.1"), 0.1,
        2**62, 2**62 + 1, 1.7976931348623157e308, Decimal128("1E+4000"), math.inf,
    ]  # fmt: skip
    keys = [encode(number) for number in numbers]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


def test_min_and_max_key_stand_at_the_ends() -> None:
    everything = [MinKey(), None, 1, "a", {}, [], b"", True, Code("f"), MaxKey()]
    keys = [encode(value) for value in everything]
    assert keys == sorted(keys)
    assert type(decode(keys[0])) is MinKey
    assert type(decode(keys[-1])) is MaxKey
    assert decode(encode(Code("f", {"a": 1}))) == Code("f", {"a": 1})


def test_what_is_not_bson_has_no_key() -> None:
    with pytest.raises(TypeError, match="object"):
        encode(object())
