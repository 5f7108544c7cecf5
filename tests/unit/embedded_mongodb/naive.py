"""A second evaluator, written from MongoDB's manual and as plainly as can be.

It shares no code with the plugin: it compares values directly, type by type, and walks paths by
recursion. Slow and small; only as good as it is obvious.
"""

from __future__ import annotations

import datetime as dt
import functools
import math
from decimal import Decimal
from typing import Any

from bson import Decimal128, ObjectId, Regex, Timestamp

ABSENT = object()
_FLAG_LETTERS = {2: "i", 8: "m", 16: "s", 64: "x"}


def type_rank(value: Any) -> int:
    if value is None:
        return 1
    if isinstance(value, bool):
        return 8
    if isinstance(value, (int, float, Decimal128)):
        return 2
    if isinstance(value, str):
        return 3
    if isinstance(value, dict):
        return 4
    if isinstance(value, list):
        return 5
    if isinstance(value, bytes):
        return 6
    if isinstance(value, ObjectId):
        return 7
    if isinstance(value, dt.datetime):
        return 9
    if isinstance(value, Timestamp):
        return 10
    return {Regex: 11}[type(value)]


def compare(a: Any, b: Any) -> int:
    """Return -1, 0 or 1: BSON's comparison order."""
    ranks = type_rank(a), type_rank(b)
    if ranks[0] != ranks[1]:
        return -1 if ranks[0] < ranks[1] else 1
    if ranks[0] == 1:
        return 0
    if ranks[0] == 2:
        return compare_numbers(a, b)
    if ranks[0] == 4:
        return compare_objects(list(a.items()), list(b.items()))
    if ranks[0] == 5:
        return compare_objects([("", v) for v in a], [("", v) for v in b])
    return sign(plain(a), plain(b))


def sign(a: Any, b: Any) -> int:
    return (a > b) - (a < b)


def plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes):
        return len(value), getattr(value, "subtype", 0), bytes(value)
    if isinstance(value, ObjectId):
        return value.binary
    if isinstance(value, Timestamp):
        return value.time, value.inc
    if isinstance(value, Regex):
        letters = sorted(letter for bit, letter in _FLAG_LETTERS.items() if value.flags & bit)
        return value.pattern, "".join(letters)
    return value


def compare_numbers(a: Any, b: Any) -> int:
    a = a.to_decimal() if isinstance(a, Decimal128) else a
    b = b.to_decimal() if isinstance(b, Decimal128) else b
    nans = math.isnan(a), math.isnan(b)
    if any(nans):
        return nans[1] - nans[0]
    return sign(Decimal(a), Decimal(b))


def compare_objects(a: list[tuple[str, Any]], b: list[tuple[str, Any]]) -> int:
    for (name_a, value_a), (name_b, value_b) in zip(a, b, strict=False):
        by_type = sign(type_rank(value_a), type_rank(value_b))
        result = by_type or sign(name_a.encode(), name_b.encode()) or compare(value_a, value_b)
        if result:
            return result
    return sign(len(a), len(b))


sort_by_bson = functools.cmp_to_key(compare)


def reached(value: Any, path: list[str]) -> list[Any]:
    """Return the values at a path, ABSENT where a document lacks the field."""
    if not path:
        return [value]
    if isinstance(value, dict):
        return reached(value[path[0]], path[1:]) if path[0] in value else [ABSENT]
    if isinstance(value, list):
        found = []
        if path[0].isdigit() and int(path[0]) < len(value):
            found += reached(value[int(path[0])], path[1:])
        for item in value:
            if isinstance(item, dict):
                found += reached(item, path)
        return found
    return [ABSENT]


def seen(values: list[Any]) -> list[Any]:
    """Return what a condition looks at: the values and the elements of arrays."""
    return [x for v in values for x in ([v, *v] if isinstance(v, list) else [v])]


def matches(document: dict[str, Any], query: dict[str, Any]) -> bool:
    for name, wanted in query.items():
        if name == "$and":
            holds = all(matches(document, clause) for clause in wanted)
        elif name == "$or":
            holds = any(matches(document, clause) for clause in wanted)
        elif name == "$nor":
            holds = not any(matches(document, clause) for clause in wanted)
        else:
            holds = condition(reached(document, name.split(".")), wanted)
        if not holds:
            return False
    return True


def condition(values: list[Any], wanted: Any) -> bool:
    if isinstance(wanted, dict) and wanted and next(iter(wanted)).startswith("$"):
        return all(operator(values, name, argument) for name, argument in wanted.items())
    return equal(values, wanted)


def equal(values: list[Any], wanted: Any) -> bool:
    if wanted is None:
        return any(v is ABSENT or v is None for v in seen(values))
    return any(v is not ABSENT and compare(v, wanted) == 0 for v in seen(values))


def operator(values: list[Any], name: str, argument: Any) -> bool:
    if name in ("$gt", "$gte", "$lt", "$lte"):
        return any(ordered(v, name, argument) for v in seen(values))
    return {
        "$eq": lambda: equal(values, argument),
        "$ne": lambda: not equal(values, argument),
        "$in": lambda: any(equal(values, choice) for choice in argument),
        "$nin": lambda: not any(equal(values, choice) for choice in argument),
        "$all": lambda: bool(argument) and all(equal(values, each) for each in argument),
        "$exists": lambda: any(v is not ABSENT for v in values) == argument,
        "$size": lambda: any(isinstance(v, list) and len(v) == argument for v in values),
        "$type": lambda: any(has_type(v, argument) for v in seen(values)),
        "$not": lambda: not condition(values, argument),
        "$elemMatch": lambda: any(
            element(item, argument) for v in values if isinstance(v, list) for item in v
        ),
    }[name]()


def ordered(value: Any, name: str, bound: Any) -> bool:
    if value is ABSENT:
        return bound is None and name in ("$gte", "$lte")
    if type_rank(value) != type_rank(bound):
        return False
    result = compare(value, bound)
    return {"$gt": result > 0, "$gte": result >= 0, "$lt": result < 0, "$lte": result <= 0}[name]


def has_type(value: Any, name: str) -> bool:
    if value is ABSENT:
        return False
    kinds = {
        "string": str, "array": list, "object": dict, "null": type(None), "bool": bool,
        "double": float,
    }  # fmt: skip
    if name in kinds:
        return type(value) is kinds[name]
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole if name == "int" else whole or isinstance(value, float)


def element(item: Any, wanted: dict[str, Any]) -> bool:
    if next(iter(wanted)).startswith("$"):
        return condition([item], wanted)
    if isinstance(item, list):
        item = {str(position): inner for position, inner in enumerate(item)}
    return isinstance(item, dict) and matches(item, wanted)
