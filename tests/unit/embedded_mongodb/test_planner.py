"""An index may only make a query faster, never change its answer."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from bson import encode
from hypothesis import given, settings
from hypothesis import strategies as st
from proctorhub_plugins.embedded_mongodb.errors import CommandError
from proctorhub_plugins.embedded_mongodb.indexes import check_spec
from proctorhub_plugins.embedded_mongodb.planner import Plan, make_plan
from proctorhub_plugins.embedded_mongodb.search import Query, count, search
from proctorhub_plugins.embedded_mongodb.storage import Storage

from . import naive, strategies
from .conftest import Run

keys = st.lists(
    st.tuples(st.sampled_from(["a", "b", "a.b", "a.c", "c"]), st.sampled_from([1, -1])),
    min_size=1,
    max_size=3,
    unique_by=lambda field: field[0],
).map(dict)
options = st.sampled_from(
    [{}, {}, {"sparse": True}, {"partialFilterExpression": {"c": {"$exists": True}}},
     {"partialFilterExpression": {"b": 1}}]
)  # fmt: skip
sorts = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", "a.b"]), st.sampled_from([1, -1])),
    max_size=2,
    unique_by=lambda field: field[0],
).map(dict)


@settings(max_examples=300)
@given(
    st.lists(strategies.documents, max_size=8),
    st.lists(st.tuples(keys, options), min_size=1, max_size=3),
    st.lists(st.tuples(strategies.filters, sorts), min_size=1, max_size=6),
)
def test_an_index_scan_and_a_full_scan_give_the_same_answer(
    documents: list[dict[str, Any]],
    specs: list[tuple[dict[str, int], dict[str, Any]]],
    queries: list[tuple[dict[str, Any], dict[str, int]]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        storage = Storage(Path(folder) / "t.db", sync="OFF")
        try:
            stored = fill(storage, documents, specs)
            for query, sort in queries:
                check(storage, stored, query, sort)
        finally:
            storage.close()


def fill(
    storage: Storage,
    documents: list[dict[str, Any]],
    specs: list[tuple[dict[str, int], dict[str, Any]]],
) -> list[dict[str, Any]]:
    """Half of the documents are there before the indexes, half come after; one changes."""
    stored = []
    with storage.write():
        collection = storage.collection("db", "c")
        for number, document in enumerate(documents):
            if number == len(documents) // 2:
                for at, (key, extra) in enumerate(specs):
                    spec = check_spec({"key": key, "name": f"i{at}", **extra})
                    try:
                        with storage.undo_on_error():
                            collection = storage.create_index(collection, spec)
                    except CommandError as refused:  # parallel arrays cannot be indexed
                        assert refused.code == 171
            try:
                storage.insert(storage.collection("db", "c"), {"_id": number, **document})
                stored.append({"_id": number, **document})
            except CommandError as refused:
                assert refused.code == 171
        if len(stored) > 1:
            change_first(storage, stored)
    return stored


def change_first(storage: Storage, stored: list[dict[str, Any]]) -> None:
    collection = storage.collection("db", "c")
    changed = {**stored[1], "_id": stored[0]["_id"]}
    row = next(search(storage, collection, Query({"_id": changed["_id"]}))).row
    try:
        storage.replace(collection, row, encode(stored[0]), changed, encode(changed))
        stored[0] = changed
    except CommandError as refused:
        assert refused.code == 171


def check(
    storage: Storage, stored: list[dict[str, Any]], query: dict[str, Any], sort: dict[str, int]
) -> None:
    expected = [document["_id"] for document in stored if naive.matches(document, query)]
    with storage.read() as catalog:
        collection = catalog.find("db", "c")
        if collection is None:
            return
        for hint in [None, {"$natural": 1}, *(index.name for index in collection.indexes)]:
            asked = Query(query, sort={**sort, "_id": 1}, hint=hint)
            found = [match.decoded()["_id"] for match in search(storage, collection, asked)]
            assert sorted(found) == expected, hint
            assert count(storage, collection, Query(query, hint=hint)) == len(expected), hint
            if hint is None:
                natural = Query(query, sort={**sort, "_id": 1}, hint={"$natural": 1})
                in_order = [m.decoded()["_id"] for m in search(storage, collection, natural)]
                assert found == in_order


def plan_for(run: Run, storage: Storage, query: dict[str, Any], sort: Any = ()) -> Plan:
    collection = storage.catalog.find("test", "c")
    assert collection is not None
    return make_plan(collection, query, list(sort))


@pytest.fixture
def indexed(run: Run, storage: Storage) -> Storage:
    specs = [
        {"key": {"s": 1, "t": -1}, "name": "s_t"},
        {"key": {"u": 1}, "name": "u", "sparse": True},
        {"key": {"p": 1}, "name": "p", "partialFilterExpression": {"active": True}},
        {"key": {"m": 1}, "name": "m"},
    ]
    assert run({"createIndexes": "c", "indexes": specs})["ok"] == 1
    run({"insert": "c", "documents": [{"m": [1, 2]}]})
    return storage


@pytest.mark.parametrize(
    ("query", "sort", "index", "exact", "in_order"),
    [
        ({"s": 1}, [], "s_t", True, True),
        ({"s": 1, "t": {"$gt": 5}}, [], "s_t", True, True),
        ({"s": 1}, [("t", -1)], "s_t", True, True),
        ({"s": 1}, [("t", 1)], "s_t", True, True),
        ({"s": {"$in": [1, 2]}}, [("t", 1)], "s_t", True, False),
        ({"s": 1, "z": 1}, [], "s_t", False, True),
        ({"s": None}, [], "s_t", False, True),
        ({}, [("s", 1), ("t", -1)], "s_t", False, True),
        ({}, [("s", 1), ("t", 1)], None, False, False),
        ({"u": 1}, [], "u", True, True),
        ({"u": None}, [], None, False, False),
        ({"p": 1}, [], None, False, False),
        ({"p": 1, "active": True}, [], "p", False, True),
        ({"m": {"$gt": 1, "$lt": 2}}, [], "m", False, True),
        ({"m": 1}, [("m", 1)], "m", False, False),
        ({"z": 1}, [], None, False, False),
        ({"$or": [{"s": 1}, {"z": 1}]}, [], None, False, False),
    ],
)
def test_chooses_an_index_where_it_may(
    run: Run,
    indexed: Storage,
    query: dict[str, Any],
    sort: list[tuple[str, int]],
    index: str | None,
    exact: bool,
    in_order: bool,
) -> None:
    plan = plan_for(run, indexed, query, sort)
    assert (plan.index.name if plan.index else None) == index
    if index:
        assert (plan.exact, plan.sorted) == (exact, in_order)


@pytest.mark.parametrize(
    "command",
    [
        {"find": "c", "filter": {"_id": 7}},
        {"find": "c", "filter": {"_id": {"$gt": 7}}},
        {"find": "c", "filter": {"s": 1}},
        {"find": "c", "filter": {"s": 1, "t": {"$gte": 3}}, "sort": {"t": -1}},
        {"find": "c", "filter": {"s": 1}, "sort": {"t": 1}, "limit": 50},
        {"count": "c", "query": {"s": {"$in": [1, 2]}}},
        {"find": "c", "filter": {"u": 5}},
    ],
)
def test_sqlite_searches_by_key_and_neither_scans_nor_sorts(
    run: Run, indexed: Storage, monkeypatch: pytest.MonkeyPatch, command: dict[str, Any]
) -> None:
    run({"insert": "c", "documents": [{"_id": n, "s": n % 3, "t": n, "u": n} for n in range(300)]})
    execute, done = indexed.execute, []

    def noting(sql: str, parameters: tuple[Any, ...] = ()) -> Any:
        done.append((sql, parameters))
        return execute(sql, parameters)

    monkeypatch.setattr(indexed, "execute", noting)
    assert run(command)["ok"] == 1
    with indexed.read():
        plans = [execute(f"EXPLAIN QUERY PLAN {sql}", given).fetchall() for sql, given in done]
    steps = [step for plan in plans for *_, step in plan]
    assert steps
    assert all(step.startswith("SEARCH") for step in steps), steps


def test_an_or_uses_an_index_for_each_of_its_clauses(run: Run, indexed: Storage) -> None:
    run({"insert": "c", "documents": [{"_id": n, "s": n % 5, "u": n % 7} for n in range(70)]})
    query: dict[str, Any] = {"z": None, "$or": [{"s": 1}, {"$or": [{"u": 2}, {"_id": 3}]}]}
    plan = plan_for(run, indexed, query)
    assert [branch.name for branch in plan.branches] == ["IXSCAN", "OR"]
    wanted = [n for n in range(70) if n % 5 == 1 or n % 7 == 2 or n == 3]
    found = run({"find": "c", "filter": query, "sort": {"_id": 1}})["cursor"]["firstBatch"]
    assert [document["_id"] for document in found] == wanted
    assert run({"count": "c", "query": query})["n"] == len(wanted)


@pytest.mark.parametrize(
    ("key", "document", "query"),
    [
        ({"m": 1}, {"m": [1, 9]}, {"m": {"$gt": 3, "$lt": 5}}),
        ({"m": -1}, {"m": [1, 9]}, {"m": {"$lt": 5, "$gt": 3}}),
        ({"a.b": 1, "a.c": 1}, {"a": [{"b": 1, "c": 2}, {"b": 3, "c": 4}]}, {"a.b": 1, "a.c": 4}),
    ],
)
def test_different_elements_may_meet_the_conditions_on_an_array(
    run: Run, storage: Storage, key: dict[str, int], document: Any, query: dict[str, Any]
) -> None:
    run({"createIndexes": "c", "indexes": [{"key": key, "name": "i"}]})
    run({"insert": "c", "documents": [document]})
    assert plan_for(run, storage, query).index is not None
    assert run({"count": "c", "query": query})["n"] == 1


def test_a_hint_to_no_index_is_refused(run: Run, indexed: Storage) -> None:
    assert run({"find": "c", "filter": {}, "hint": "nope"})["code"] == 2
    assert run({"count": "c", "query": {}, "hint": {"nope": 1}})["code"] == 2
    counting = [{"$group": {"_id": 1, "n": {"$sum": 1}}}]
    assert run({"aggregate": "c", "pipeline": counting, "cursor": {}, "hint": "nope"})["code"] == 2
