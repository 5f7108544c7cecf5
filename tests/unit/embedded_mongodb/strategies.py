"""Random BSON values, documents and filters, small enough to collide often."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from bson import Decimal128, Int64, ObjectId, Regex, Timestamp
from bson.binary import Binary
from hypothesis import strategies as st

NAMES = ["a", "b", "c"]
OBJECT_IDS = [ObjectId("65a0000000000000000000" + suffix) for suffix in ("01", "02", "ff")]

integers = st.one_of(
    st.integers(-3, 3), st.integers(-(2**63), 2**63 - 1), st.sampled_from([2**53, 2**53 + 1])
)
doubles = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0.0, -0.0, 0.1, 1.0, 2.0**53, 5e-324, 1.7976931348623157e308]),
)
decimals = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-9, max_value=9),
    st.sampled_from(
        [Decimal("0.1"), Decimal("1E-400"), Decimal("-1E+400"), Decimal("9007199254740993")]
    ),
    st.integers(-(2**70), 2**70).map(Decimal),
).map(lambda number: Decimal128(number))
dates = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)).map(
    lambda date: date.replace(microsecond=date.microsecond // 1000 * 1000)
)
texts = st.one_of(
    st.sampled_from(["", "a", "ab", "b", "\0", "a\0b", "é"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=3),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    integers,
    integers.filter(lambda n: -(2**63) <= n < 2**63).map(Int64),
    doubles,
    decimals,
    texts,
    dates,
    st.sampled_from(OBJECT_IDS),
    st.binary(max_size=2),
    st.binary(max_size=2).map(lambda data: Binary(data, 5)),
    st.builds(Timestamp, st.integers(0, 2**32 - 1), st.integers(0, 3)),
    st.sampled_from([Regex("a"), Regex("a", "i"), Regex("b", "m")]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    ),
    max_leaves=5,
)

# For queries: few values, so that conditions hold about as often as not.
small_scalars = st.one_of(
    st.none(), st.integers(0, 3), st.sampled_from([1.0, 1.5, "a", "ab", "b", True, False])
)
small_values = st.recursive(
    small_scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=2)
    ),
    max_leaves=4,
)
paths = st.sampled_from(["a", "b", "c", "a.b", "a.c", "b.a", "a.b.c", "a.0", "a.0.b"])
documents = st.dictionaries(st.sampled_from(NAMES), small_values, max_size=3)

comparisons = st.builds(
    lambda operator, value: {operator: value},
    st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"]),
    small_values,
)
conditions = st.one_of(
    small_values,
    comparisons,
    st.builds(lambda low, high: {"$gte": low, "$lte": high}, st.integers(0, 3), st.integers(0, 3)),
    st.builds(
        lambda operator, choices: {operator: choices},
        st.sampled_from(["$in", "$nin", "$all"]),
        st.lists(small_values, max_size=3),
    ),
    st.builds(lambda wanted: {"$exists": wanted}, st.booleans()),
    st.builds(lambda size: {"$size": size}, st.integers(0, 3)),
    st.builds(
        lambda name: {"$type": name},
        st.sampled_from(["int", "double", "string", "array", "object", "null", "bool", "number"]),
    ),
    st.builds(lambda inner: {"$not": inner}, comparisons),
    st.builds(lambda inner: {"$elemMatch": inner}, comparisons),
    st.builds(
        lambda name, inner: {"$elemMatch": {name: inner}}, st.sampled_from(NAMES), comparisons
    ),
)
simple_filters = st.dictionaries(paths, conditions, max_size=2)
filters = st.one_of(
    simple_filters,
    st.builds(
        lambda operator, clauses: {operator: clauses},
        st.sampled_from(["$and", "$or", "$nor"]),
        st.lists(simple_filters, min_size=1, max_size=3),
    ),
)
