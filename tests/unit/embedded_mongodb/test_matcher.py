from __future__ import annotations

import re
from typing import Any

import pytest
from bson import DBRef, Int64, MinKey, ObjectId, Regex
from hypothesis import given, settings
from proctorhub_plugins.embedded_mongodb.errors import CommandError
from proctorhub_plugins.embedded_mongodb.matcher import compile_filter

from . import naive, strategies


@settings(max_examples=1500)
@given(strategies.documents, strategies.filters)
def test_agrees_with_the_naive_evaluator(document: dict[str, Any], query: dict[str, Any]) -> None:
    assert compile_filter(query)(document) == naive.matches(document, query)


OID = ObjectId()


@pytest.mark.parametrize(
    ("query", "document", "expected"),
    [
        ({"a": Regex("^h", "i")}, {"a": "Hello"}, True),
        ({"a": re.compile("^h")}, {"a": "Hello"}, False),
        ({"a": {"$regex": "l+o$", "$options": "i"}}, {"a": ["x", "HELLO"]}, True),
        ({"a": {"$eq": Regex("h")}}, {"a": "h"}, False),
        ({"a": {"$in": [Regex("^h"), 3]}}, {"a": "hey"}, True),
        ({"a": {"$not": Regex("^h")}}, {"a": "hey"}, False),
        ({"a": {"$mod": [4, 1]}}, {"a": 9.7}, True),
        ({"a": {"$mod": [4, -1]}}, {"a": -5}, True),
        ({"a": {"$mod": [4, 3]}}, {"a": -5}, False),
        ({"r.$id": OID}, {"r": DBRef("c", OID)}, True),
        ({"r": DBRef("c", OID)}, {"r": DBRef("c", OID)}, True),
        ({"r": {"$elemMatch": {"$id": OID}}}, {"r": [DBRef("c", OID)]}, True),
        ({"$expr": {"$gt": ["$a", "$b"]}}, {"a": 2, "b": 1}, True),
        ({"$comment": "why", "a": 1}, {"a": 1}, True),
        ({"a": {"$type": "long"}}, {"a": Int64(1)}, True),
        ({"a": {"$type": "int"}}, {"a": Int64(1)}, False),
        ({"a": {"$all": [{"$elemMatch": {"b": 1}}, {"$elemMatch": {"b": 2}}]}},
         {"a": [{"b": 1}, {"b": 2}]}, True),
    ],
)  # fmt: skip
def test_conditions(query: dict[str, Any], document: dict[str, Any], expected: bool) -> None:
    assert compile_filter(query)(document) is expected


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"a": {"$nope": 1}}, 2),
        ({"$nope": 1}, 2),
        ({"a": {"$gt": 1, "b": 2}}, 2),
        ({"$or": []}, 2),
        ({"$and": [1]}, 2),
        ({"a": {"$in": 1}}, 2),
        ({"a": {"$in": [{"$gt": 1}]}}, 2),
        ({"a": {"$size": -1}}, 2),
        ({"a": {"$size": 1.5}}, 2),
        ({"a": {"$type": "nope"}}, 2),
        ({"a": {"$mod": [0, 1]}}, 2),
        ({"a": {"$ne": Regex("a")}}, 2),
        ({"a": {"$not": 1}}, 2),
        ({"a": {"$options": "i"}}, 2),
        ({"a": {"$regex": "("}}, 51091),
        ({"a": {"$regex": "a", "$options": "q"}}, 51108),
        ({"a": {"$gt": MinKey()}}, 238),
        ({"$where": "true"}, 238),
        ({"$jsonSchema": {}}, 238),
        ({"a": {"$near": [0, 0]}}, 238),
        ({"a": {"$bitsAllSet": 1}}, 238),
        ({"$text": {"$search": "x"}}, 27),
        ({"$expr": {"$nope": 1}}, 168),
        ({"$expr": {"$eq": ["$$missing", 1]}}, 17276),
    ],
)
def test_refuses_what_it_cannot_do(query: dict[str, Any], code: int) -> None:
    with pytest.raises(CommandError) as refused:
        compile_filter(query)
    assert refused.value.code == code
