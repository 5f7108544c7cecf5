"""What ProctorHub relies on, through the real driver: the same for MongoDB and the embedded one."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import pytest
from bson import DBRef, Decimal128, Int64, ObjectId, Regex
from bson.binary import Binary
from pymongo import DeleteOne, InsertOne, ReplaceOne, ReturnDocument, UpdateMany, UpdateOne
from pymongo.database import Database
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure

Db = Database[dict[str, Any]]
THREADS, ROUNDS = 50, 40


def at_once(action: Callable[[int], Any], threads: int = THREADS) -> list[Any]:
    """Run an action in many threads that start together; returns what each returned or raised."""
    barrier = threading.Barrier(threads)
    results: list[Any] = [None] * threads

    def work(number: int) -> None:
        barrier.wait()
        try:
            results[number] = action(number)
        except Exception as error:
            results[number] = error

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return results


def test_one_slot_has_one_winner_in_every_round(db: Db) -> None:
    for number in range(ROUNDS):
        db.slots.insert_one({"_id": number, "owner": None})
    for number in range(ROUNDS):
        won = at_once(
            lambda who, n=number: db.slots.find_one_and_update(
                {"_id": n, "owner": None}, {"$set": {"owner": who}}
            )
        )
        assert not [result for result in won if isinstance(result, Exception)]
        assert len([result for result in won if result]) == 1


def test_places_are_never_overbooked(db: Db) -> None:
    db.c.insert_one({"_id": 1, "taken": 0})
    claim = {"_id": 1, "taken": {"$lt": 5}}
    results = at_once(lambda _: db.c.update_one(claim, {"$inc": {"taken": 1}}).modified_count)
    assert sum(results) == 5
    assert db.c.find_one() == {"_id": 1, "taken": 5}


def test_a_unique_index_lets_one_insert_through(db: Db) -> None:
    db.c.create_index("key", unique=True)
    results = at_once(lambda n: db.c.insert_one({"key": "same", "n": n}))
    assert sum(isinstance(result, DuplicateKeyError) for result in results) == THREADS - 1
    assert db.c.count_documents({}) == 1


def test_counters_lose_nothing(db: Db) -> None:
    def count(_: int) -> None:
        for _ in range(10):
            db.c.update_one({"_id": "n"}, {"$inc": {"v": 1}}, upsert=True)

    assert set(at_once(count)) == {None}
    assert db.c.find_one() == {"_id": "n", "v": THREADS * 10}


def test_every_type_comes_back_as_it_was(db: Db) -> None:
    document = {
        "_id": ObjectId(),
        "int": 1, "long": Int64(2**53 + 1), "double": 1.0, "bool": True, "null": None,
        "text": "żółć 😀 \0 ' \" $", "bytes": b"\0\xff", "binary": Binary(b"x" * 16, 4),
        "date": dt.datetime(1960, 5, 6, 7, 8, 9, 123000), "decimal": Decimal128("1.10"),
        "regex": Regex("a.b", "i"), "ref": DBRef("c", ObjectId()), "list": [1, [2, {"z": []}]],
        "object": {"z": 1, "a": {}},
    }  # fmt: skip
    db.c.insert_one(document)
    found = db.c.find_one()
    assert found == document
    assert {k: type(v) for k, v in found.items()} == {k: type(v) for k, v in document.items()}
    assert list(found["object"]) == ["z", "a"]


def test_order_of_types_is_bsons(db: Db) -> None:
    values = [None, -1, 2.5, 3, "B", "a", {"x": 1}, [9], b"x", ObjectId(), False, True,
              dt.datetime(2024, 1, 1)]  # fmt: skip
    # An array sorts by its smallest element, so it is left out here.
    stored = [{"_id": n, "v": v} for n, v in enumerate(values) if not isinstance(v, list)]
    db.c.insert_many(list(reversed(stored)))
    assert [d["_id"] for d in db.c.find().sort("v", 1)] == [d["_id"] for d in stored]
    db.c.create_index("v")
    assert [d["_id"] for d in db.c.find().sort("v", -1)] == [d["_id"] for d in stored][::-1]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"n": {"$gt": 1, "$lte": 3}}, [2, 3]),
        ({"n": {"$in": [0, 4, 9]}}, [0, 4]),
        ({"tag": None}, [3, 4]),
        ({"tag": {"$exists": False}}, [4]),
        ({"tag": {"$ne": "a"}}, [2, 3, 4]),
        ({"tag": Regex("^A", "i")}, [0, 1]),
        ({"list.k": 2}, [1, 2]),
        ({"list": {"$elemMatch": {"k": 2, "v": {"$gt": 1}}}}, [2]),
        ({"list": {"$size": 0}}, [4]),
        ({"$or": [{"n": 0}, {"tag": "c"}]}, [0, 2]),
        ({"$nor": [{"n": {"$lt": 4}}]}, [4]),
        ({"$expr": {"$eq": ["$n", {"$size": "$list"}]}}, [1, 2]),
    ],
)
def test_filters(db: Db, query: dict[str, Any], expected: list[int]) -> None:
    db.c.insert_many(
        [
            {"_id": 0, "n": 0, "tag": "a", "list": [{"k": 1}]},
            {"_id": 1, "n": 1, "tag": "a", "list": [{"k": 2, "v": 1}]},
            {"_id": 2, "n": 2, "tag": "c", "list": [{"k": 1}, {"k": 2, "v": 2}]},
            {"_id": 3, "n": 3, "tag": None, "list": ["x"]},
            {"_id": 4, "n": 4, "list": []},
        ]
    )
    for index in (None, "n", "tag", "list.k"):
        if index:
            db.c.create_index(index)
        assert [d["_id"] for d in db.c.find(query).sort("_id", 1)] == expected
        assert db.c.count_documents(query) == len(expected)


def test_updates_say_what_they_did(db: Db) -> None:
    result = db.c.update_one({"k": "a"}, {"$set": {"v": 1}, "$setOnInsert": {"c": 1}}, upsert=True)
    assert isinstance(result.upserted_id, ObjectId)
    again = db.c.update_one({"k": "a"}, {"$set": {"v": 1}}, upsert=True)
    assert (again.matched_count, again.modified_count, again.upserted_id) == (1, 0, None)
    after = db.c.find_one_and_update(
        {"k": "a"}, {"$push": {"log": {"$each": [1, 2], "$slice": -1}}},
        projection={"_id": 0}, return_document=ReturnDocument.AFTER,
    )  # fmt: skip
    assert after == {"k": "a", "v": 1, "c": 1, "log": [2]}
    assert db.c.find_one_and_update({"k": "nobody"}, {"$set": {"v": 2}}) is None
    assert db.c.find_one_and_delete({"k": "a"})["v"] == 1
    assert db.c.count_documents({}) == 0


def test_a_bulk_write_stops_where_it_fails(db: Db) -> None:
    with pytest.raises(BulkWriteError) as failed:
        db.c.bulk_write([InsertOne({"_id": 1}), InsertOne({"_id": 1}), InsertOne({"_id": 2})])
    assert failed.value.details["writeErrors"][0]["index"] == 1
    result = db.c.bulk_write(
        [
            UpdateOne({"_id": 9}, {"$set": {"q": 1}}, upsert=True),
            UpdateMany({}, {"$set": {"z": 1}}),
            ReplaceOne({"_id": 1}, {"r": 1}),
            DeleteOne({"_id": 9}),
        ]
    )
    assert (result.upserted_ids, result.deleted_count) == ({0: 9}, 1)
    assert list(db.c.find()) == [{"_id": 1, "r": 1}]


@pytest.mark.parametrize(
    ("options", "documents", "refused"),
    [
        ({"unique": True}, [{}], {}),
        ({"unique": True, "sparse": True}, [{}, {}, {"x": 1}], {"x": 1.0}),
        ({"unique": True}, [{"x": [1, 2]}], {"x": [2, 3]}),
        ({"unique": True, "partialFilterExpression": {"on": True}},
         [{"x": 1}, {"x": 1}, {"x": 1, "on": True}], {"x": 1, "on": True}),
    ],
)  # fmt: skip
def test_unique_indexes(
    db: Db, options: dict[str, Any], documents: list[dict[str, Any]], refused: dict[str, Any]
) -> None:
    db.c.create_index("x", **options)
    db.c.insert_many(documents)
    with pytest.raises(DuplicateKeyError) as duplicate:
        db.c.insert_one(refused)
    assert duplicate.value.details["keyPattern"] == {"x": 1}
    assert db.c.count_documents({}) == len(documents)


def test_a_cursor_brings_everything_in_batches(db: Db) -> None:
    db.c.insert_many([{"_id": n} for n in range(2500)])
    assert [d["_id"] for d in db.c.find().batch_size(100)] == list(range(2500))
    assert [d["_id"] for d in db.c.find().sort("_id", -1).skip(1).limit(2)] == [2498, 2497]


def test_an_unknown_operator_is_an_error_and_not_an_empty_answer(db: Db) -> None:
    db.c.insert_one({"a": 1})
    for ask in (
        lambda: list(db.c.find({"a": {"$nope": 1}})),
        lambda: db.c.update_one({}, {"$nope": {"a": 1}}),
        lambda: list(db.c.aggregate([{"$nope": {}}])),
        lambda: list(db.c.aggregate([{"$project": {"x": {"$nope": 1}}}])),
        lambda: db.command("nope"),
    ):
        with pytest.raises(OperationFailure):
            ask()
    assert db.c.find_one({}, {"_id": 0}) == {"a": 1}


def test_collections_and_databases(db: Db) -> None:
    db["logs.audit"].insert_one({"_id": 1})
    db["żółw"].insert_one({"_id": 1})
    assert set(db.list_collection_names()) == {"logs.audit", "żółw"}
    db["logs.audit"].rename("logs.old")
    assert db["logs.old"].find_one() == {"_id": 1}
    assert db.name in db.client.list_database_names()
    assert list(db.nothing.find()) == []
    assert db.nothing.count_documents({}) == 0


def test_an_aggregation_of_a_report(db: Db) -> None:
    day = dt.datetime(2024, 3, 4)
    db.exams.insert_one({"_id": 1, "title": "Physics"})
    db.sittings.insert_many(
        [{"exam": 1, "ok": n % 2 == 0, "at": day + dt.timedelta(hours=n)} for n in range(30)]
    )
    report = db.sittings.aggregate(
        [
            {"$match": {"at": {"$lt": day + dt.timedelta(hours=25)}}},
            {"$group": {
                "_id": {"exam": "$exam", "day": {"$dateToString": {"date": "$at", "format": "%d"}}},
                "n": {"$sum": 1}, "ok": {"$sum": {"$cond": ["$ok", 1, 0]}},
            }},
            {"$lookup": {"from": "exams", "localField": "_id.exam", "foreignField": "_id",
                         "as": "exam"}},
            {"$unwind": "$exam"},
            {"$project": {"_id": 0, "day": "$_id.day", "n": 1, "ok": 1, "title": "$exam.title"}},
            {"$sort": {"day": 1}},
        ]
    )  # fmt: skip
    assert list(report) == [
        {"n": 24, "ok": 12, "day": "04", "title": "Physics"},
        {"n": 1, "ok": 1, "day": "05", "title": "Physics"},
    ]
