"""BSON's types: their numbers, names and what Python types they decode to."""

from __future__ import annotations

from typing import Any

from bson import DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.code import Code

TYPE_ALIASES = {
    "double": 1,
    "string": 2,
    "object": 3,
    "array": 4,
    "binData": 5,
    "undefined": 6,
    "objectId": 7,
    "bool": 8,
    "date": 9,
    "null": 10,
    "regex": 11,
    "dbPointer": 12,
    "javascript": 13,
    "symbol": 14,
    "javascriptWithScope": 15,
    "int": 16,
    "timestamp": 17,
    "long": 18,
    "decimal": 19,
    "minKey": -1,
    "maxKey": 127,
}
_TYPE_NUMBERS: dict[type, int] = {
    float: 1,
    str: 2,
    dict: 3,
    DBRef: 3,
    list: 4,
    bytes: 5,
    ObjectId: 7,
    bool: 8,
    type(None): 10,
    Regex: 11,
    Int64: 18,
    Decimal128: 19,
    Timestamp: 17,
    MinKey: -1,
    MaxKey: 127,
}


def type_number(value: Any) -> int:
    """Return the BSON type number of a decoded value."""
    number = _TYPE_NUMBERS.get(type(value))
    if number is not None:
        return number
    if isinstance(value, int):
        return 16 if -(2**31) <= value < 2**31 else 18
    if isinstance(value, Code):
        return 13 if value.scope is None else 15
    return 5 if isinstance(value, bytes) else 9


def type_name(value: Any) -> str:
    """Return the name that `$type` gives a decoded value."""
    return _NAMES[type_number(value)]


_NAMES = {number: name for name, number in TYPE_ALIASES.items()}
