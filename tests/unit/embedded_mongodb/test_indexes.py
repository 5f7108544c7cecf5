from __future__ import annotations

from typing import Any

import pytest
from bson import DBRef, ObjectId
from hypothesis import given
from proctorhub_plugins.embedded_mongodb.bsonkeys import encode
from proctorhub_plugins.embedded_mongodb.errors import CommandError
from proctorhub_plugins.embedded_mongodb.indexes import Index, check_spec

from . import strategies


def index(key: dict[str, int], **options: Any) -> Index:
    return Index(1, check_spec({"key": key, "name": "i", **options}))


@pytest.mark.parametrize(
    ("key", "document", "entries", "multikey"),
    [
        ({"a": 1}, {"a": 1}, [[1]], False),
        ({"a": 1}, {}, [[None]], False),
        ({"a": 1, "b": -1}, {"a": 1, "b": "x"}, [[1, "x"]], False),
        ({"a": 1}, {"a": [1, 2, 1]}, [[1], [2]], True),
        ({"a": 1}, {"a": []}, [[[]]], True),
        ({"a.b": 1}, {"a": [{"b": 1}, {"b": 2}, {}]}, [[1], [2], [None]], True),
        ({"a.b": 1, "a.c": 1}, {"a": [{"b": 1, "c": 2}, {"b": 3, "c": 4}]},
         [[1, 2], [3, 4]], True),
        ({"s": 1, "a": 1}, {"s": 0, "a": [1, 2]}, [[0, 1], [0, 2]], True),
        ({"a.b": 1}, {"a": [1, 2]}, [[None]], True),
        ({"a": 1, "a.b": 1}, {"a": [0]}, [[0, None]], True),
        ({"a.b.x": 1, "a.b.y": 1}, {"a": {"b": [{"x": 1, "y": 2}, {"x": 3, "y": 4}]}},
         [[1, 2], [3, 4]], True),
        ({"a.b.x": 1, "a.b.y": 1}, {"a": [{"b": [{"x": 1, "y": 2}, {"x": 3}]}, {"b": []}]},
         [[1, 2], [3, None], [None, None]], True),
        ({"a": 1, "a.b": 1}, {"a": [{"b": [1, 2]}]}, [[{"b": [1, 2]}, 1], [{"b": [1, 2]}, 2]],
         True),
        ({"a.b": 1}, {"a": [[{"b": 1}]]}, [[None]], True),
    ],
)  # fmt: skip
def test_keys_of_a_document(
    key: dict[str, int], document: dict[str, Any], entries: list[list[Any]], multikey: bool
) -> None:
    made = index(key)
    keys, is_multikey = made.keys(document)
    assert {tuple(encode(v) for v in made.values_of(k).values()) for k in keys} == {
        tuple(encode(v) for v in entry) for entry in entries
    }
    assert is_multikey is multikey


def test_fields_below_different_arrays_cannot_be_indexed_together() -> None:
    for document in ({"a": [1], "b": [2]}, {"a": {"x": [1], "y": [2]}}):
        with pytest.raises(CommandError) as refused:
            index({"a.x": 1, "a.y": 1} if "b" not in document else {"a": 1, "b": 1}).keys(document)
        assert refused.value.name == "CannotIndexParallelArrays"


@given(strategies.documents)
def test_every_value_that_a_filter_can_find_has_a_key(document: dict[str, Any]) -> None:
    made = index({"a.b": 1})
    keys, _ = made.keys(document)
    outer = document.get("a")
    inner = [outer] if isinstance(outer, dict) else outer if isinstance(outer, list) else []
    for item in inner:
        if isinstance(item, dict) and "b" in item and not isinstance(item["b"], list):
            assert encode(item["b"]) in keys


def test_a_sparse_index_leaves_out_what_has_none_of_the_fields() -> None:
    made = index({"a": 1, "b": 1}, sparse=True)
    assert made.keys({"c": 1})[0] == set()
    assert len(made.keys({"b": None})[0]) == 1


def test_a_partial_index_holds_what_its_filter_matches() -> None:
    made = index({"a": 1}, partialFilterExpression={"active": True})
    assert made.keys({"a": 1})[0] == set()
    assert len(made.keys({"a": 1, "active": True})[0]) == 1


def test_references_in_arrays_are_indexed() -> None:
    number = ObjectId()
    keys, _ = index({"r": 1}).keys({"r": [DBRef("c", number)]})
    assert keys == {encode(DBRef("c", number))}


def test_two_arrays_cannot_be_indexed_together() -> None:
    with pytest.raises(CommandError) as refused:
        index({"a": 1, "b": 1}).keys({"a": [1], "b": [2]})
    assert refused.value.code == 171


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({"key": {}}, 67),
        ({"key": {"a": "text"}}, 67),
        ({"key": {"a": "2dsphere"}}, 67),
        ({"key": {"a": "hashed"}}, 67),
        ({"key": {"$**": 1}}, 67),
        ({"key": {"a": 0}}, 67),
        ({"key": {"a": 1}, "expireAfterSeconds": -1}, 67),
        ({"key": {"a": 1, "b": 1}, "expireAfterSeconds": 1}, 67),
        ({"key": {"a": 1}, "sparse": True, "partialFilterExpression": {"a": 1}}, 67),
        ({"key": {"a": 1}, "partialFilterExpression": {"a": {"$ne": 1}}}, 67),
        ({"key": {"a": 1}, "nope": 1}, 197),
        ({"key": {"_id": 1}, "unique": True}, 197),
        ({"key": {"a": 1}, "collation": {"locale": "en"}}, 238),
    ],
)
def test_refuses_what_it_cannot_index(spec: dict[str, Any], code: int) -> None:
    with pytest.raises(CommandError) as refused:
        check_spec({"name": "i", **spec})
    assert refused.value.code == code
