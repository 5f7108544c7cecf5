"""BSON's types: their numbers and names, and what Python types they decode to."""

from __future__ import annotations

from typing import Any

from bson import DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.code import Code

_INT32 = 2**31
_TYPES: tuple[tuple[int, str, tuple[type, ...]], ...] = (
    (1, "double", (float,)),
    (2, "string", (str,)),
    (3, "object", (dict, DBRef)),
    (4, "array", (list,)),
    (5, "binData", (bytes,)),
    (6, "undefined", ()),
    (7, "objectId", (ObjectId,)),
    (8, "bool", (bool,)),
    (9, "date", ()),
    (10, "null", (type(None),)),
    (11, "regex", (Regex,)),
    (12, "dbPointer", ()),
    (13, "javascript", ()),
    (14, "symbol", ()),
    (15, "javascriptWithScope", ()),
    (16, "int", ()),
    (17, "timestamp", (Timestamp,)),
    (18, "long", (Int64,)),
    (19, "decimal", (Decimal128,)),
    (-1, "minKey", (MinKey,)),
    (127, "maxKey", (MaxKey,)),
)
TYPE_ALIASES = {name: number for number, name, _ in _TYPES}
_NUMBERS = {python: number for number, _, types in _TYPES for python in types}


def type_number(value: Any) -> int:
    """Return the BSON type number of a decoded value."""
    number = _NUMBERS.get(type(value))
    if number is not None:
        return number
    if isinstance(value, int):
        return 16 if -_INT32 <= value < _INT32 else 18
    if isinstance(value, Code):
        return 13 if value.scope is None else 15
    return 5 if isinstance(value, bytes) else 9
