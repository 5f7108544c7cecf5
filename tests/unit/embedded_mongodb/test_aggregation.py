from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from bson import Decimal128, Int64

from .conftest import Run

DATE = dt.datetime(2024, 3, 4, 5, 6, 7, 89000)


def aggregate(run: Run, pipeline: list[Any], name: str = "c") -> list[dict[str, Any]]:
    reply = run({"aggregate": name, "pipeline": pipeline, "cursor": {"batchSize": 1000}})
    assert reply["ok"] == 1, reply
    return reply["cursor"]["firstBatch"]


def evaluated(run: Run, expression: Any, document: dict[str, Any] | None = None) -> Any:
    run({"drop": "one"})
    run({"insert": "one", "documents": [{"_id": 1, **(document or {})}]})
    (result,) = aggregate(run, [{"$project": {"_id": 0, "x": expression}}], "one")
    return result.get("x", "MISSING")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"$add": [1, 2.5]}, 3.5),
        ({"$add": [DATE, 1000]}, DATE + dt.timedelta(seconds=1)),
        ({"$add": ["$nope", 1]}, None),
        ({"$subtract": [DATE, DATE - dt.timedelta(seconds=2)]}, Int64(2000)),
        ({"$multiply": [Int64(2**62), 4]}, float(2**64)),
        ({"$divide": [7, 2]}, 3.5),
        ({"$gt": [None, "$nope"]}, True),
        ({"$and": [1, "$n"]}, True),
        ({"$or": [0, None, "$nope"]}, False),
        ({"$not": ["$nope"]}, True),
        ({"$concat": ["a", "b"]}, "ab"),
        ({"$toUpper": "aż"}, "Aż"),
        ({"$cond": [{"$gt": ["$n", 3]}, "more", "less"]}, "more"),
        ({"$ifNull": ["$nope", None, "d"]}, "d"),
        ({"$switch": {"branches": [{"case": False, "then": 1}], "default": 2}}, 2),
        ({"$filter": {"input": "$l", "as": "x", "cond": {"$gt": ["$$x", 1]}}}, [2, 3]),
        ({"$map": {"input": "$l", "in": {"$multiply": ["$$this", 2]}}}, [2, 4, 6]),
        ({"$arrayElemAt": ["$l", -1]}, 3),
        ({"$arrayElemAt": ["$l", 9]}, "MISSING"),
        ({"$in": [2.0, "$l"]}, True),
        ({"$dateToString": {"date": DATE, "format": "%Y-%m-%d %H:%M:%S.%L"}},
         "2024-03-04 05:06:07.089"),
        ({"$hour": DATE}, 5),
        ({"$year": "$nope"}, None),
        ({"$dateTrunc": {"date": DATE, "unit": "week"}}, dt.datetime(2024, 3, 3)),
        ({"$dateTrunc": {"date": DATE, "unit": "year"}}, dt.datetime(2024, 1, 1)),
        ({"$dateTrunc": {"date": DATE, "unit": "month"}}, dt.datetime(2024, 3, 1)),
        ({"$literal": "$n"}, "$n"),
        ("$o.p", 1),
        ("$$ROOT.n", 5),
        ("$d.k", [1, 2]),
    ],
)  # fmt: skip
def test_expressions(run: Run, expression: Any, expected: Any) -> None:
    document = {"n": 5, "l": [1, 2, 3], "o": {"p": 1}, "d": [{"k": 1}, {}, {"k": 2}]}
    value = evaluated(run, expression, document)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ({"$nope": 1}, 168),
        ({"$add": [1], "$sum": 1}, 15983),
        ({"$add": ["x", 1]}, 14),
        ({"$divide": [1, 0]}, 2),
        ({"$divide": [Decimal128("1"), 4]}, 238),
        ({"$subtract": [1]}, 16020),
        ("$$nope", 17276),
        ("$", 40353),
        ({"$size": "$nope"}, 17124),
        ({"$concat": [1]}, 16702),
        ({"$let": {"vars": {}, "in": 1}}, 168),
        ({"$and": "$nope", "$or": 1}, 15983),
        ({"$switch": {"branches": [{"case": False, "then": 1}]}}, 40066),
        ({"$dateToString": {"date": DATE, "timezone": "Europe/Warsaw"}}, 9),
        ({"$map": {"input": [], "as": "ROOT", "in": 1}}, 9),
    ],
)
def test_refused_expressions(run: Run, expression: Any, code: int) -> None:
    run({"insert": "c", "documents": [{"_id": 1}]})
    stage = {"$project": {"x": expression}}
    reply = run({"aggregate": "c", "pipeline": [stage], "cursor": {}})
    assert (reply["ok"], reply["code"]) == (0, code)


@pytest.fixture
def sittings(run: Run) -> Run:
    documents = [
        {"_id": n, "g": "ab"[n % 2], "n": n, "t": ["x", "y"][: n % 3], "d": Decimal128(str(n))}
        for n in range(6)
    ]
    run({"insert": "c", "documents": documents})
    run({"insert": "names", "documents": [{"_id": "a", "name": "A"}, {"_id": "b", "name": "B"}]})
    return run


@pytest.mark.parametrize(
    ("pipeline", "expected"),
    [
        ([{"$match": {"n": {"$gte": 4}}}, {"$project": {"n": 1, "_id": 0}}], [{"n": 4}, {"n": 5}]),
        ([{"$group": {"_id": "$g", "s": {"$sum": "$n"}, "m": {"$avg": "$n"}}},
          {"$sort": {"_id": 1}}], [{"_id": "a", "s": 6, "m": 2.0}, {"_id": "b", "s": 9, "m": 3.0}]),
        ([{"$group": {"_id": None, "f": {"$first": "$n"}, "l": {"$last": "$n"},
                      "k": {"$addToSet": "$g"}, "p": {"$push": "$nope"}}}],
         [{"_id": None, "f": 0, "l": 5, "k": ["a", "b"], "p": []}]),
        ([{"$match": {"g": "a"}}, {"$count": "total"}], [{"total": 3}]),
        ([{"$sort": {"n": -1}}, {"$limit": 2}, {"$project": {"n": 1}}],
         [{"_id": 5, "n": 5}, {"_id": 4, "n": 4}]),
        ([{"$skip": 5}, {"$unset": ["t", "d", "g"]}], [{"_id": 5, "n": 5}]),
        ([{"$unwind": "$t"}, {"$sortByCount": "$t"}], [{"_id": "x", "count": 4},
                                                       {"_id": "y", "count": 2}]),
        ([{"$match": {"_id": 1}}, {"$lookup": {"from": "names", "localField": "g",
          "foreignField": "_id", "as": "j"}}, {"$replaceWith": {"j": "$j.name"}}], [{"j": ["B"]}]),
        ([{"$match": {"_id": 0}}, {"$lookup": {"from": "names", "let": {"x": "$g"}, "as": "j",
          "pipeline": [{"$match": {"$expr": {"$eq": ["$_id", "$$x"]}}}]}},
          {"$project": {"_id": 0, "j": 1}}], [{"j": [{"_id": "a", "name": "A"}]}]),
        ([{"$group": {"_id": None, "x": {"$max": "$t"}, "n": {"$min": "$d"}, "c": {"$count": {}}}}],
         [{"_id": None, "x": ["x", "y"], "n": Decimal128("0"), "c": 6}]),
        ([{"$facet": {"a": [{"$count": "n"}], "b": [{"$match": {"n": 9}}]}}],
         [{"a": [{"n": 6}], "b": []}]),
        ([{"$bucket": {"groupBy": "$n", "boundaries": [0, 3], "default": "rest"}}],
         [{"_id": 0, "count": 3}, {"_id": "rest", "count": 3}]),
        ([{"$match": {"_id": 0}}, {"$set": {"a.b": "$n", "t": "$$REMOVE"}},
          {"$project": {"a": 1, "t": 1}}], [{"_id": 0, "a": {"b": 0}}]),
        ([{"$match": {"_id": 0}}, {"$unwind": {"path": "$t", "includeArrayIndex": "i",
          "preserveNullAndEmptyArrays": True}}, {"$project": {"t": 1, "i": 1}}],
         [{"_id": 0, "i": None}]),
        ([{"$match": {}}, {"$group": {"_id": 1, "n": {"$sum": 1}}}], [{"_id": 1, "n": 6}]),
    ],
)  # fmt: skip
def test_stages(sittings: Run, pipeline: list[Any], expected: list[Any]) -> None:
    assert aggregate(sittings, pipeline) == expected


@pytest.mark.parametrize(
    ("stage", "code"),
    [
        ({"$nope": 1}, 40324),
        ({}, 40323),
        ({"$graphLookup": {}}, 238),
        ({"$unionWith": "names"}, 238),
        ({"$merge": {"into": "x", "whenMatched": "replace"}}, 238),
        ({"$changeStream": {}}, 40573),
        ({"$group": {"n": {"$sum": 1}}}, 15955),
        ({"$group": {"_id": 1, "n": {"$nope": 1}}}, 15952),
        ({"$group": {"_id": 1, "n": {"$sum": "$d"}}}, 238),
        ({"$limit": 0}, 15958),
        ({"$project": {}}, 51272),
        ({"$project": {"a": 1, "b": 0}}, 31254),
        ({"$project": {"a": 1, "a.b": 1}}, 31249),
        ({"$unwind": "t"}, 28818),
        ({"$facet": {"a": [{"$out": "x"}]}}, 51047),
        ({"$sort": {"a": 2}}, 15975),
    ],
)
def test_refused_stages(sittings: Run, stage: dict[str, Any], code: int) -> None:
    reply = sittings({"aggregate": "c", "pipeline": [stage], "cursor": {}})
    assert (reply["ok"], reply["code"]) == (0, code)


def test_out_and_merge_write(sittings: Run) -> None:
    aggregate(sittings, [{"$match": {"g": "a"}}, {"$project": {"n": 1}}, {"$out": "copy"}])
    assert [d["n"] for d in aggregate(sittings, [], "copy")] == [0, 2, 4]
    aggregate(sittings, [{"$match": {"_id": {"$in": [0, 1]}}}, {"$merge": {"into": "copy"}}])
    merged = aggregate(sittings, [{"$sort": {"_id": 1}}], "copy")
    assert [d["_id"] for d in merged] == [0, 1, 2, 4]
    assert merged[0]["g"] == "a"


def test_sums_of_doubles_do_not_drift(run: Run) -> None:
    run({"insert": "c", "documents": [{"v": 0.1} for _ in range(10)]})
    group = {"$group": {"_id": None, "s": {"$sum": "$v"}}}
    assert aggregate(run, [group])[0]["s"] == 1.0
