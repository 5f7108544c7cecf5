"""Conditions: what may stand beside a field name in a filter, as tests of the values reached.

A condition holds when any value reached (or any element of an array reached) satisfies it, and
comparisons bracket by type. What is not in the table here is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from typing import Any

from bson import Decimal128, MaxKey, MinKey, ObjectId, Regex

from .bsonkeys import bracket, encode
from .bsontypes import TYPE_ALIASES, type_number
from .errors import CommandError, bad_value, not_supported
from .paths import MISSING, with_elements
from .regexes import compile_regex

Document = dict[str, Any]
Condition = Callable[[list[Any]], bool]

DBREF_FIELDS = ("$ref", "$id", "$db")
REFUSED = {
    "$where", "$text", "$jsonSchema", "$near", "$nearSphere", "$geoWithin", "$geoIntersects",
    "$within", "$geoNear", "$maxDistance", "$minDistance", "$uniqueDocs", "$bitsAllSet",
    "$bitsAnySet", "$bitsAllClear", "$bitsAnyClear", "$sampleRate",
}  # fmt: skip


def is_operator_document(value: Any) -> bool:
    """Tell whether a filter value is a set of conditions (`{$gt: 1}`), not a literal."""
    if type(value) is not dict or not value:
        return False
    first = next(iter(value))
    return first.startswith("$") and first not in DBREF_FIELDS


def refusal(operator: str) -> CommandError:
    """Return MongoDB's error for a query operator that this server does not carry out."""
    if operator == "$text":
        return CommandError("IndexNotFound", "text index required for $text query")
    return not_supported(operator)


def compile_condition_on_values(value: Any) -> Condition:
    """Return the test for what stands beside a field name in a filter."""
    if not is_operator_document(value):
        return equals(value)
    conditions = [
        _operator(name, argument, value) for name, argument in value.items() if name != "$options"
    ]
    if "$options" in value and "$regex" not in value:
        raise bad_value("$options needs a $regex")
    if len(conditions) == 1:
        return conditions[0]
    return lambda values: all(condition(values) for condition in conditions)


def _operator(name: str, argument: Any, siblings: Document) -> Condition:
    if name in ("$gt", "$gte", "$lt", "$lte"):
        return _comparison(name, argument)
    if name == "$regex":
        options = siblings.get("$options", "")
        if type(options) is not str:
            raise bad_value("$options has to be a string")
        return _regex(compile_regex(argument, options))
    build = CONDITIONS.get(name)
    if build is not None:
        return build(argument)
    if name in REFUSED:
        raise refusal(name)
    raise bad_value(f"unknown operator: {name}")


def equals(wanted: Any) -> Condition:
    """Return the test for equality with a literal; a regular expression also matches text."""
    if isinstance(wanted, (Regex, re.Pattern)):
        return _regex(compile_regex(wanted), encode(wanted))
    if wanted is None:
        return lambda values: any(v is None or v is MISSING for v in with_elements(values))
    kind = type(wanted)
    if kind is str or kind is ObjectId:
        return lambda values: any(type(v) is kind and v == wanted for v in with_elements(values))
    key = encode(wanted)
    return lambda values: any(v is not MISSING and encode(v) == key for v in with_elements(values))


def _regex(pattern: re.Pattern[str], own_key: bytes | None = None) -> Condition:
    search = pattern.search

    def test(values: list[Any]) -> bool:
        for value in with_elements(values):
            if type(value) is str:
                if search(value):
                    return True
            elif own_key is not None and type(value) is Regex and encode(value) == own_key:
                return True
        return False

    return test


def _comparison(name: str, bound: Any) -> Condition:
    if isinstance(bound, (Regex, re.Pattern)):
        raise bad_value(f"Can't have RegEx as arg to predicate over field with {name}")
    if isinstance(bound, (MinKey, MaxKey)):
        raise not_supported(f"{name} with MinKey or MaxKey")
    key = encode(bound)
    kind = bracket(key)
    above, or_equal = name.startswith("$gt"), name.endswith("e")
    missing_matches = bound is None and or_equal

    def test(values: list[Any]) -> bool:
        for value in with_elements(values):
            if value is MISSING:
                if missing_matches:
                    return True
                continue
            other = encode(value)
            if bracket(other) == kind and (
                (other > key if above else other < key) or (or_equal and other == key)
            ):
                return True
        return False

    return test


def _negated(build: Callable[[Any], Condition]) -> Callable[[Any], Condition]:
    def negation(argument: Any) -> Condition:
        condition = build(argument)
        return lambda values: not condition(values)

    return negation


def _in(choices: Any) -> Condition:
    if type(choices) is not list:
        raise bad_value("$in needs an array")
    if any(is_operator_document(choice) for choice in choices):
        raise bad_value("cannot nest $ under $in")
    keys = {encode(choice) for choice in choices}
    patterns = [compile_regex(c) for c in choices if isinstance(c, (Regex, re.Pattern))]
    null = None in choices

    def test(values: list[Any]) -> bool:
        for value in with_elements(values):
            if value is MISSING:
                if null:
                    return True
            elif encode(value) in keys or (
                patterns and type(value) is str and any(p.search(value) for p in patterns)
            ):
                return True
        return False

    return test


def _eq(value: Any) -> Condition:
    if isinstance(value, (Regex, re.Pattern)):
        key = encode(value)
        return lambda values: any(
            type(v) is Regex and encode(v) == key for v in with_elements(values)
        )
    return equals(value)


def _ne(value: Any) -> Condition:
    if isinstance(value, (Regex, re.Pattern)):
        raise bad_value("Can't have regex as arg to $ne.")
    condition = equals(value)
    return lambda values: not condition(values)


def _not(argument: Any) -> Condition:
    if isinstance(argument, (Regex, re.Pattern)):
        condition = equals(argument)
    elif is_operator_document(argument):
        condition = compile_condition_on_values(argument)
    else:
        raise bad_value("$not needs a regex or a document")
    return lambda values: not condition(values)


def _exists(wanted: Any) -> Condition:
    if wanted:
        return lambda values: any(value is not MISSING for value in values)
    return lambda values: all(value is MISSING for value in values)


def _type(argument: Any) -> Condition:
    numbers: set[int] = set()
    for name in argument if type(argument) is list else [argument]:
        if name == "number":
            numbers |= {1, 16, 18, 19}
        elif isinstance(name, str):
            if name not in TYPE_ALIASES:
                raise bad_value(f"Unknown type name alias: {name}")
            numbers.add(TYPE_ALIASES[name])
        elif name in TYPE_ALIASES.values() and not isinstance(name, bool):
            numbers.add(int(name))
        else:
            raise bad_value(f"Invalid numerical type code: {name}")
    return lambda values: any(
        value is not MISSING and type_number(value) in numbers for value in with_elements(values)
    )


def _size(wanted: Any) -> Condition:
    if isinstance(wanted, bool) or not isinstance(wanted, (int, float)) or wanted != int(wanted):
        raise bad_value(f"Failed to parse $size. Expected an integer: {wanted!r}")
    if wanted < 0:
        raise bad_value(f"Failed to parse $size. Expected a non-negative number in: {wanted!r}")
    return lambda values: any(type(v) is list and len(v) == wanted for v in values)


def _all(wanted: Any) -> Condition:
    if type(wanted) is not list:
        raise bad_value("$all needs an array")
    for item in wanted:
        if is_operator_document(item) and "$elemMatch" not in item:
            raise bad_value("no $ expressions in $all")
    conditions = [compile_condition_on_values(item) for item in wanted]
    return lambda values: bool(conditions) and all(test(values) for test in conditions)


def _mod(argument: Any) -> Condition:
    if type(argument) is not list or len(argument) != 2:
        raise bad_value("malformed mod, needs to be an array of two numbers")
    if not all(isinstance(n, (int, float)) and math.isfinite(n) for n in argument):
        raise bad_value("malformed mod, divisor and remainder have to be numbers")
    divisor, remainder = int(argument[0]), int(argument[1])
    if divisor == 0:
        raise bad_value("divisor cannot be 0")

    def test(values: Iterable[Any]) -> bool:
        for value in with_elements(values):
            if isinstance(value, Decimal128):
                value = value.to_decimal()
            elif isinstance(value, bool) or not isinstance(value, (int, float)):
                continue
            if math.isfinite(value):
                whole = int(value)
                # C's remainder: it takes the sign of the dividend.
                if (abs(whole) % abs(divisor)) * (-1 if whole < 0 else 1) == remainder:
                    return True
        return False

    return test


CONDITIONS: dict[str, Callable[[Any], Condition]] = {
    "$eq": _eq,
    "$ne": _ne,
    "$in": _in,
    "$nin": _negated(_in),
    "$not": _not,
    "$exists": _exists,
    "$type": _type,
    "$size": _size,
    "$all": _all,
    "$mod": _mod,
}
