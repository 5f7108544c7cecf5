"""Conditions: what may stand beside a field name in a filter, as tests of the values reached.

A condition holds when any value reached (or any element of an array reached) satisfies it, and
comparisons bracket by type. What is not in the table here is refused.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from typing import Any

from bson import Decimal128, MaxKey, MinKey, ObjectId, Regex

from .bsonkeys import bracket, encode
from .bsontypes import TYPE_ALIASES, type_number
from .errors import CommandError, not_supported, require
from .paths import MISSING, with_elements
from .regexes import compile_regex

Document = dict[str, Any]
Test = Callable[[Any], bool]
Condition = Callable[[list[Any]], bool]

DBREF_FIELDS = ("$ref", "$id", "$db")
REFUSED = {
    "$where", "$text", "$jsonSchema", "$near", "$nearSphere", "$geoWithin", "$geoIntersects",
    "$within", "$geoNear", "$maxDistance", "$minDistance", "$uniqueDocs", "$bitsAllSet",
    "$bitsAnySet", "$bitsAllClear", "$bitsAnyClear", "$sampleRate",
}  # fmt: skip
_COMPARISONS = {"$gt": operator.gt, "$gte": operator.ge, "$lt": operator.lt, "$lte": operator.le}


def is_operator_document(value: Any) -> bool:
    """Tell whether a filter value is a set of conditions (`{$gt: 1}`), not a literal."""
    if type(value) is not dict or not value:
        return False
    first = next(iter(value))
    return first.startswith("$") and first not in DBREF_FIELDS


def is_regex(value: Any) -> bool:
    """Tell whether a filter value is a regular expression."""
    return isinstance(value, (Regex, re.Pattern))


def refusal(name: str) -> CommandError:
    """Return MongoDB's error for a query operator that this server does not carry out."""
    if name == "$text":
        return CommandError("IndexNotFound", "text index required for $text query")
    return not_supported(name)


def compile_condition_on_values(value: Any) -> Condition:
    """Return the test for what stands beside a field name in a filter."""
    if not is_operator_document(value):
        return equals(value)
    require("$options" not in value or "$regex" in value, "BadValue", "$options needs a $regex")
    conditions = [
        _operator(name, argument, value) for name, argument in value.items() if name != "$options"
    ]
    if len(conditions) == 1:
        return conditions[0]
    return lambda values: all(condition(values) for condition in conditions)


def _operator(name: str, argument: Any, siblings: Document) -> Condition:
    if name in _COMPARISONS:
        return _comparison(name, argument)
    if name == "$regex":
        options = siblings.get("$options", "")
        require(type(options) is str, "BadValue", "$options has to be a string")
        return _any(_regex(compile_regex(argument, options)))
    if name in CONDITIONS:
        return CONDITIONS[name](argument)
    if name in REFUSED:
        raise refusal(name)
    raise CommandError("BadValue", f"unknown operator: {name}")


def _any(test: Test) -> Condition:
    return lambda values: any(map(test, with_elements(values)))


def _negated(condition: Condition) -> Condition:
    return lambda values: not condition(values)


def equals(wanted: Any) -> Condition:
    """Return the test for equality with a literal; a regular expression also matches text."""
    return _any(_equal(wanted))


def _equal(wanted: Any, *, as_pattern: bool = True) -> Test:
    if wanted is None:
        return lambda value: value is None or value is MISSING
    kind = type(wanted)
    if kind is str or kind is ObjectId:
        return lambda value: type(value) is kind and value == wanted
    key = encode(wanted)
    if is_regex(wanted) and as_pattern:
        matches = _regex(compile_regex(wanted))
        return lambda value: matches(value) or (type(value) is Regex and encode(value) == key)
    return lambda value: value is not MISSING and encode(value) == key


def _regex(pattern: re.Pattern[str]) -> Test:
    search = pattern.search
    return lambda value: type(value) is str and search(value) is not None


def _comparison(name: str, bound: Any) -> Condition:
    require(not is_regex(bound), "BadValue", f"Can't have RegEx as arg to {name}")
    if isinstance(bound, (MinKey, MaxKey)):
        raise not_supported(f"{name} with MinKey or MaxKey")
    compare, key = _COMPARISONS[name], encode(bound)
    kind = bracket(key)
    missing_matches = bound is None and name.endswith("e")

    def test(value: Any) -> bool:
        if value is MISSING:
            return missing_matches
        other = encode(value)
        return bracket(other) == kind and compare(other, key)

    return _any(test)


def _in(choices: Any) -> Condition:
    require(type(choices) is list, "BadValue", "$in needs an array")
    require(not any(map(is_operator_document, choices)), "BadValue", "cannot nest $ under $in")
    keys = {encode(choice) for choice in choices}
    patterns = [_regex(compile_regex(choice)) for choice in choices if is_regex(choice)]
    null = None in choices

    def test(value: Any) -> bool:
        if value is MISSING:
            return null
        return encode(value) in keys or any(matches(value) for matches in patterns)

    return _any(test)


def _ne(value: Any) -> Condition:
    require(not is_regex(value), "BadValue", "Can't have regex as arg to $ne.")
    return _negated(equals(value))


def _not(argument: Any) -> Condition:
    fits = is_regex(argument) or is_operator_document(argument)
    require(fits, "BadValue", "$not needs a regex or a document")
    return _negated(compile_condition_on_values(argument))


def _exists(wanted: Any) -> Condition:
    def exists(values: list[Any]) -> bool:
        return any(value is not MISSING for value in values)

    return exists if wanted else _negated(exists)


def _type(argument: Any) -> Condition:
    numbers: set[int] = set()
    for name in argument if type(argument) is list else [argument]:
        if name == "number":
            numbers |= {1, 16, 18, 19}
        else:
            number: Any = TYPE_ALIASES.get(name) if isinstance(name, str) else name
            known = number in TYPE_ALIASES.values() and not isinstance(number, bool)
            require(known, "BadValue", f"Unknown type: {name}")
            numbers.add(number)
    return _any(lambda value: value is not MISSING and type_number(value) in numbers)


def _size(wanted: Any) -> Condition:
    whole = isinstance(wanted, (int, float)) and wanted % 1 == 0
    fits = whole and wanted >= 0 and not isinstance(wanted, bool)
    require(fits, "BadValue", f"Failed to parse $size. Expected a whole number: {wanted!r}")
    return lambda values: any(type(v) is list and len(v) == wanted for v in values)


def _all(wanted: Any) -> Condition:
    require(type(wanted) is list, "BadValue", "$all needs an array")
    for item in wanted:
        plain = not is_operator_document(item) or "$elemMatch" in item
        require(plain, "BadValue", "no $ expressions in $all")
    conditions = [compile_condition_on_values(item) for item in wanted]
    return lambda values: bool(conditions) and all(test(values) for test in conditions)


def _mod(argument: Any) -> Condition:
    pair: list[Any] = argument if type(argument) is list and len(argument) == 2 else [None]
    numbers = all(isinstance(n, (int, float)) and math.isfinite(n) for n in pair)
    require(numbers, "BadValue", "malformed mod, needs to be an array of two numbers")
    divisor, remainder = int(pair[0]), int(pair[1])
    require(divisor, "BadValue", "divisor cannot be 0")

    def test(value: Any) -> bool:
        if isinstance(value, Decimal128):
            value = value.to_decimal()
        elif isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        if not math.isfinite(value):
            return False
        whole = int(value)
        # C's remainder: it takes the sign of the dividend.
        return (abs(whole) % abs(divisor)) * (-1 if whole < 0 else 1) == remainder

    return _any(test)


CONDITIONS: dict[str, Callable[[Any], Condition]] = {
    "$eq": lambda value: _any(_equal(value, as_pattern=False)),
    "$ne": _ne,
    "$in": _in,
    "$nin": lambda choices: _negated(_in(choices)),
    "$not": _not,
    "$exists": _exists,
    "$type": _type,
    "$size": _size,
    "$all": _all,
    "$mod": _mod,
}
