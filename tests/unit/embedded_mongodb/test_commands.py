from __future__ import annotations

from typing import Any

import pytest
from bson import Regex

from .conftest import Run


def documents(reply: dict[str, Any]) -> list[dict[str, Any]]:
    assert reply["ok"] == 1, reply
    return reply["cursor"]["firstBatch"]


@pytest.mark.parametrize(
    ("body", "code", "name"),
    [
        ({"nope": 1}, 59, "CommandNotFound"),
        ({"mapReduce": "c"}, 59, "CommandNotFound"),
        ({"find": "c", "nope": 1}, 40415, "Location40415"),
        ({"find": ""}, 73, "InvalidNamespace"),
        ({"find": 1}, 73, "InvalidNamespace"),
        ({"find": "c", "filter": 1}, 14, "TypeMismatch"),
        ({"find": "c", "sort": {"a": 3}}, 15975, "Location15975"),
        ({"find": "c", "skip": -1}, 51024, "Location51024"),
        ({"find": "c", "collation": {"locale": "en"}}, 238, "NotImplemented"),
        ({"find": "c", "projection": {"a": {"$meta": "textScore"}}}, 238, "NotImplemented"),
        ({"find": "c", "readConcern": {"level": "snapshot"}}, 72, "InvalidOptions"),
        ({"insert": "c", "documents": [], "writeConcern": {"w": 3}}, 2, "BadValue"),
        ({"insert": "c", "documents": [], "txnNumber": 1}, 20, "IllegalOperation"),
        ({"insert": "c", "documents": [], "startTransaction": True}, 20, "IllegalOperation"),
        ({"insert": "a$b", "documents": [{}]}, 73, "InvalidNamespace"),
        ({"create": "c", "capped": True, "size": 9}, 115, "CommandNotSupported"),
        ({"create": "c", "validator": {"a": 1}}, 115, "CommandNotSupported"),
        ({"drop": "nope"}, 26, "NamespaceNotFound"),
        ({"listIndexes": "nope"}, 26, "NamespaceNotFound"),
        ({"dropIndexes": "c", "index": "nope"}, 27, "IndexNotFound"),
        ({"dropIndexes": "c", "index": "_id_"}, 72, "InvalidOptions"),
        ({"getMore": 5, "collection": "c"}, 43, "CursorNotFound"),
        ({"aggregate": "c", "pipeline": []}, 9, "FailedToParse"),
        ({"findAndModify": "c"}, 9, "FailedToParse"),
        ({"explain": {"count": "c"}}, 238, "NotImplemented"),
        ({"find": "c", "projection": {"a.$": 1}}, 238, "NotImplemented"),
        ({"collMod": "c"}, 59, "CommandNotFound"),
    ],
)
def test_refuses_with_mongodbs_code_and_name(
    run: Run, body: dict[str, Any], code: int, name: str
) -> None:
    run({"insert": "c", "documents": [{"_id": 1}]})
    reply = run(body)
    assert (reply["ok"], reply["code"], reply["codeName"]) == (0, code, name)


def test_an_error_changes_nothing(run: Run) -> None:
    run({"createIndexes": "c", "indexes": [{"key": {"e": 1}, "name": "e", "unique": True}]})
    run({"insert": "c", "documents": [{"_id": 1, "e": 1}, {"_id": 2, "e": 2}]})
    update = {"q": {"_id": 2}, "u": {"$set": {"e": 1, "x": 1}}}
    reply = run({"update": "c", "updates": [update]})
    assert [error["code"] for error in reply["writeErrors"]] == [11000]
    assert documents(run({"find": "c", "filter": {"_id": 2}})) == [{"_id": 2, "e": 2}]
    assert documents(run({"find": "c", "filter": {"e": 2}})) == [{"_id": 2, "e": 2}]


@pytest.mark.parametrize("ordered", [True, False])
def test_an_insert_reports_each_failure(run: Run, ordered: bool) -> None:
    reply = run({"insert": "c", "ordered": ordered, "documents": [{"_id": n} for n in (1, 1, 2)]})
    assert reply["n"] == (1 if ordered else 2)
    assert [error["index"] for error in reply["writeErrors"]] == [1]


def test_the_id_cannot_change(run: Run) -> None:
    run({"insert": "c", "documents": [{"_id": 1}]})
    for change in ({"$set": {"_id": 2}}, {"_id": 2}, [{"$set": {"_id": 2}}]):
        reply = run({"findAndModify": "c", "query": {"_id": 1}, "update": change})
        assert reply["code"] == 66


def test_ids_that_mongodb_does_not_take(run: Run) -> None:
    for wrong, code in (([1], 53), ({"$a": 1}, 52)):
        reply = run({"insert": "c", "documents": [{"_id": wrong}]})
        assert reply["writeErrors"][0]["code"] == code


def test_a_document_beyond_the_limit_is_refused(run: Run) -> None:
    run({"insert": "c", "documents": [{"_id": 1, "x": "y" * 9_000_000}]})
    large = {"insert": "c", "documents": [{"x": "y" * (16 * 1024 * 1024)}]}
    assert run(large)["writeErrors"][0]["code"] == 10334
    grow = [{"$set": {"z": "$x"}}]
    reply = run({"update": "c", "updates": [{"q": {"_id": 1}, "u": grow}]})
    assert reply["writeErrors"][0]["code"] == 17419


def test_an_index_with_other_options_is_a_conflict(run: Run) -> None:
    def create(**spec: Any) -> dict[str, Any]:
        return run({"createIndexes": "c", "indexes": [{"key": {"a": 1}, "name": "a_1", **spec}]})

    assert create()["numIndexesAfter"] == 2
    assert create(unique=False)["numIndexesAfter"] == 2
    assert create(unique=True)["codeName"] == "IndexOptionsConflict"
    assert create(key={"b": 1})["codeName"] == "IndexKeySpecsConflict"
    assert create(name="other")["codeName"] == "IndexOptionsConflict"


def test_a_unique_index_over_duplicates_is_refused_whole(run: Run) -> None:
    run({"insert": "c", "documents": [{"a": 1}, {"a": 1}]})
    index = {"key": {"a": 1}, "name": "a", "unique": True}
    assert run({"createIndexes": "c", "indexes": [index]})["code"] == 11000
    assert len(documents(run({"listIndexes": "c"}))) == 1


@pytest.mark.parametrize(
    ("projection", "expected"),
    [
        ({"a": 1}, {"_id": 1, "a": 1}),
        ({"_id": 0, "b.x": 1}, {"b": {"x": 1}}),
        ({"s": 0, "b.x": 0, "l": 0}, {"_id": 1, "a": 1, "b": {"y": 2}}),
        ({"s.k": 1, "_id": 0}, {"s": [{"k": 1}, {"k": 2}]}),
        ({"l": {"$slice": -1}, "s": 0, "b": 0}, {"_id": 1, "a": 1, "l": [3]}),
        ({"s": {"$elemMatch": {"k": 2}}, "_id": 0}, {"s": [{"k": 2, "v": 2}]}),
        ({"n": {"$add": ["$a", 1]}, "_id": 0}, {"n": 2}),
    ],
)
def test_projections(run: Run, projection: dict[str, Any], expected: dict[str, Any]) -> None:
    document = {
        "_id": 1, "a": 1, "b": {"x": 1, "y": 2}, "l": [1, 2, 3],
        "s": [{"k": 1, "v": 1}, {"k": 2, "v": 2}],
    }  # fmt: skip
    run({"insert": "c", "documents": [document]})
    found = documents(run({"find": "c", "filter": {"l": {"$gt": 1}}, "projection": projection}))
    assert found == [expected]


def test_a_time_limit_ends_a_scan(run: Run) -> None:
    run({"insert": "c", "documents": [{"n": n} for n in range(2000)]})
    reply = run({"find": "c", "filter": {"n": Regex("x")}, "maxTimeMS": 0.0001})
    assert reply["codeName"] == "MaxTimeMSExpired"


def test_explain_names_the_index(run: Run) -> None:
    run({"createIndexes": "c", "indexes": [{"key": {"a": 1}, "name": "a_1"}]})
    plan = run({"explain": {"find": "c", "filter": {"a": 1}}})["queryPlanner"]["winningPlan"]
    assert plan == {"stage": "IXSCAN", "indexName": "a_1"}


def test_a_handlers_own_failure_is_an_internal_error(run: Run, capfd: Any) -> None:
    assert run({"killCursors": "c", "cursors": ["x"]})["codeName"] == "InternalError"
    assert "ValueError" in capfd.readouterr().err
