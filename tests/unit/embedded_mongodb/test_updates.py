from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from bson import Decimal128, Int64, Timestamp
from proctorhub_plugins.embedded_mongodb.errors import CommandError
from proctorhub_plugins.embedded_mongodb.updates import Update, seed_for_upsert


def updated(
    document: dict[str, Any],
    spec: dict[str, Any],
    query: dict[str, Any] | None = None,
    filters: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    return Update(spec, query or {}, filters or []).apply(document)


@pytest.mark.parametrize(
    ("before", "spec", "after"),
    [
        ({}, {"$set": {"a.b": 1}}, {"a": {"b": 1}}),
        ({"a": [1]}, {"$set": {"a.2": 3}}, {"a": [1, None, 3]}),
        ({}, {"$set": {"b": 1, "a": 2}}, {"a": 2, "b": 1}),
        ({}, {"$set": {"10": 1, "2": 2}}, {"2": 2, "10": 1}),
        ({"a": 1}, {"$unset": {"a": ""}}, {}),
        ({"a": [1, 2]}, {"$unset": {"a.0": ""}}, {"a": [None, 2]}),
        ({"a": 1}, {"$inc": {"a": 2, "b": 3}}, {"a": 3, "b": 3}),
        ({"a": Int64(1)}, {"$inc": {"a": 1}}, {"a": Int64(2)}),
        ({"a": 2}, {"$mul": {"a": 1.5, "b": 2}}, {"a": 3.0, "b": 0}),
        ({"a": 5}, {"$min": {"a": 3, "b": 1}, "$max": {"c": 9}}, {"a": 3, "b": 1, "c": 9}),
        ({"a": 5}, {"$max": {"a": "text"}}, {"a": "text"}),
        ({"a": 1}, {"$rename": {"a": "b.c"}}, {"b": {"c": 1}}),
        ({}, {"$push": {"a": 1}}, {"a": [1]}),
        ({"a": [3, 1]}, {"$push": {"a": {"$each": [2], "$sort": 1}}}, {"a": [1, 2, 3]}),
        ({"a": [1, 2]}, {"$push": {"a": {"$each": [9], "$position": 0, "$slice": -2}}},
         {"a": [1, 2]}),
        ({"a": [{"n": 2}]}, {"$push": {"a": {"$each": [{"n": 1}], "$sort": {"n": 1}}}},
         {"a": [{"n": 1}, {"n": 2}]}),
        ({"a": [1]}, {"$addToSet": {"a": {"$each": [1.0, 2]}}}, {"a": [1, 2]}),
        ({"a": [1, 5, 7]}, {"$pull": {"a": {"$gte": 5}}}, {"a": [1]}),
        ({"a": [{"k": 1, "v": 2}, {"k": 2}]}, {"$pull": {"a": {"k": 1}}}, {"a": [{"k": 2}]}),
        ({"a": [1, [1], 2]}, {"$pull": {"a": 1}}, {"a": [[1], 2]}),
        ({"a": [1, 2, 1]}, {"$pullAll": {"a": [1]}}, {"a": [2]}),
        ({"a": [1, 2]}, {"$pop": {"a": -1}}, {"a": [2]}),
        ({"_id": 1, "a": 1}, {"b": 2}, {"_id": 1, "b": 2}),
        ({}, {"$setOnInsert": {"a": 1}}, {}),
    ],
)  # fmt: skip
def test_operators(before: dict[str, Any], spec: dict[str, Any], after: dict[str, Any]) -> None:
    result = updated(before, spec)
    assert result == after
    assert list(result) == list(after)


def test_the_clock_gives_current_date() -> None:
    result = updated({}, {"$currentDate": {"a": True, "b": {"$type": "timestamp"}}})
    assert abs(result["a"] - dt.datetime.now(dt.UTC)) < dt.timedelta(seconds=5)
    assert type(result["b"]) is Timestamp


@pytest.mark.parametrize(
    ("path", "query", "filters", "after"),
    [
        ("s.$.v", {"s.k": 2}, [], [0, 9, 0]),
        ("s.$.v", {"s": {"$elemMatch": {"k": 3, "v": 0}}}, [], [0, 0, 9]),
        ("s.$.v", {"$and": [{"s.k": 3}]}, [], [0, 0, 9]),
        ("s.$[].v", {}, [], [9, 9, 9]),
        ("s.$[e].v", {}, [{"e.k": {"$gte": 2}}], [0, 9, 9]),
    ],
)
def test_positions(
    path: str, query: dict[str, Any], filters: list[dict[str, Any]], after: list[int]
) -> None:
    document = {"s": [{"k": k, "v": 0} for k in (1, 2, 3)]}
    result = updated(document, {"$set": {path: 9}}, query, filters)
    assert [item["v"] for item in result["s"]] == after


@pytest.mark.parametrize(
    ("document", "spec", "code"),
    [
        ({}, {"$nope": {"a": 1}}, 9),
        ({}, {"$set": 1}, 9),
        ({}, {"$set": {"a": 1}, "$inc": {"a": 1}}, 40),
        ({}, {"$set": {"a": 1, "a.b": 1}}, 40),
        ({}, {"$rename": {"a": "b"}, "$set": {"b": 1}}, 40),
        ({}, {"$set": {"a..b": 1}}, 56),
        ({"a": 1}, {"$set": {"a.b": 1}}, 28),
        ({"a": [1]}, {"$set": {"a.b": 1}}, 28),
        ({"a": "x"}, {"$inc": {"a": 1}}, 14),
        ({}, {"$inc": {"a": "x"}}, 14),
        ({"a": 1}, {"$inc": {"a": Decimal128("0.5")}}, 238),
        ({"a": Int64(2**63 - 1)}, {"$inc": {"a": 1}}, 2),
        ({"a": 1}, {"$push": {"a": 1}}, 2),
        ({}, {"$push": {"a": {"$each": [1], "$nope": 1}}}, 2),
        ({}, {"$push": {"a": {"$each": 1}}}, 2),
        ({}, {"$addToSet": {"a": {"$each": 1}}}, 14),
        ({}, {"$pullAll": {"a": 1}}, 2),
        ({}, {"$pop": {"a": 2}}, 9),
        ({}, {"$bit": {"a": {"and": 1}}}, 9),
        ({}, {"$currentDate": {"a": {"$type": "nope"}}}, 2),
        ({}, {"$set": {"s.$.v": 1}}, 2),
        ({}, {"$set": {"s.$[].v": 1}}, 2),
        ({}, {"$set": {"s.$[e].v": 1}}, 2),
        ({}, {"a": 1, "$set": {"b": 1}}, 52),
    ],
)
def test_refuses_what_it_cannot_do(
    document: dict[str, Any], spec: dict[str, Any], code: int
) -> None:
    with pytest.raises(CommandError) as refused:
        updated(document, spec)
    assert refused.value.code == code


def test_an_array_filter_must_be_used() -> None:
    with pytest.raises(CommandError) as refused:
        Update({"$set": {"a": 1}}, {}, [{"e": 1}])
    assert refused.value.code == 9


def test_an_upsert_starts_from_the_equalities() -> None:
    query = {
        "a": 1, "b.c": {"$eq": 2}, "$and": [{"d": 3}], "e": {"$gt": 4}, "f": {"$in": [5]},
        "g": {"$in": [6, 7]}, "$or": [{"h": 8}],
    }  # fmt: skip
    assert seed_for_upsert(query) == {"a": 1, "b": {"c": 2}, "d": 3, "f": 5, "h": 8}
