"""Expression operators: logic, arithmetic, text and arrays (dates: `dates`).

An operator is a builder: it takes what stands beside its name, compiles the operands, and returns
a function of a document and its variables.
"""

from __future__ import annotations

import datetime as dt
import operator
import string
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

from bson import Decimal128, Int64

from .bsonkeys import encode, milliseconds
from .errors import CommandError, require
from .numbers import as_stored, combine, is_number, total
from .paths import MISSING

Variables = Mapping[str, Any]
Expression = Callable[[Any, Variables], Any]

NO_VARIABLES: Variables = MappingProxyType({})
_MS = dt.timedelta(milliseconds=1)


class Compile(Protocol):
    """Compiles an operand, which may use `new_names` beside the variables already known."""

    def __call__(self, operand: Any, /, *new_names: str) -> Expression:
        """Return the compiled operand."""


Builder = Callable[[Any, Compile], Expression]


def is_null(value: Any) -> bool:
    """Tell whether a value is null or missing."""
    return value is None or value is MISSING


def truth(value: Any) -> bool:
    """Return a value as a condition: false, null, missing and zero are false."""
    if is_null(value) or value is False:
        return False
    if isinstance(value, Decimal128):
        value = value.to_decimal()
        return bool(value)
    return value != 0 if isinstance(value, (int, float)) else True


def null_if_missing(value: Any) -> Any:
    """Return None for MISSING: what an array element or a group sees."""
    return None if value is MISSING else value


def _arguments(spec: Any, name: str, least: int, most: int) -> list[Any]:
    items = spec if type(spec) is list else [spec]
    fits = least <= len(items) <= most
    require(fits, "Location16020", f"Expression {name} takes {least} to {most} arguments")
    return items


def named_arguments(
    spec: Any, name: str, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return an operator's argument object. Raises FailedToParse for wrong names."""
    fits = type(spec) is dict and set(required) <= set(spec) <= {*required, *optional}
    known = ", ".join((*required, *optional))
    require(fits, "FailedToParse", f"{name} takes an object with the fields {known}")
    return spec


def _plain(name: str, least: int, most: int, function: Callable[..., Any]) -> Builder:
    """Return a builder for an operator that looks at the values of its arguments."""

    def build(spec: Any, compile_: Compile) -> Expression:
        parts = [compile_(item) for item in _arguments(spec, name, least, most)]
        return lambda doc, scope: function(*[part(doc, scope) for part in parts])

    return build


def null_passing(name: str, least: int, most: int, function: Callable[..., Any]) -> Builder:
    """Return a builder for an operator that is null when any argument is."""

    def unless_null(*values: Any) -> Any:
        return None if any(map(is_null, values)) else function(*values)

    return _plain(name, least, most, unless_null)


# Logic


def _comparison(name: str, test: Callable[[bytes, bytes], bool]) -> Builder:
    return _plain(name, 2, 2, lambda left, right: test(_order(left), _order(right)))


def _order(value: Any) -> bytes:
    # A missing field sorts before null here, unlike in a filter.
    return b"\x02" if value is MISSING else encode(value)


def _cond(spec: Any, compile_: Compile) -> Expression:
    if type(spec) is dict:
        spec = named_arguments(spec, "$cond", ("if", "then", "else"))
        spec = [spec["if"], spec["then"], spec["else"]]
    test, then, otherwise = map(compile_, _arguments(spec, "$cond", 3, 3))
    return lambda doc, scope: (then if truth(test(doc, scope)) else otherwise)(doc, scope)


def _if_null(*values: Any) -> Any:
    return next((value for value in values[:-1] if not is_null(value)), values[-1])


def _switch(spec: Any, compile_: Compile) -> Expression:
    spec = named_arguments(spec, "$switch", ("branches",), ("default",))
    branches = []
    for branch in spec["branches"]:
        branch = named_arguments(branch, "$switch", ("case", "then"))
        branches.append((compile_(branch["case"]), compile_(branch["then"])))
    default = compile_(spec["default"]) if "default" in spec else _no_branch

    def evaluate(doc: Any, scope: Variables) -> Any:
        chosen = (then for case, then in branches if truth(case(doc, scope)))
        return next(chosen, default)(doc, scope)

    return evaluate


def _no_branch(doc: Any, scope: Variables) -> Any:
    raise CommandError("Location40066", "$switch found no branch and has no default")


# Numbers and text


def _numeric(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def calculate(*values: Any) -> Any:
        numbers = all(map(is_number, values))
        require(numbers, "TypeMismatch", f"{name} only supports numeric types")
        return function(*values)

    return calculate


def _add(*values: Any) -> Any:
    dates = [value for value in values if isinstance(value, dt.datetime)]
    require(len(dates) < 2, "Location16612", "only one date allowed in an $add expression")
    sum_ = _sum(*[value for value in values if not isinstance(value, dt.datetime)])
    return dates[0] + round(sum_) * _MS if dates else sum_


_sum = _numeric("$add", lambda *values: total(values))
_difference = _numeric("$subtract", lambda a, b: as_stored(combine(a, b, operator.sub)))


def _subtract(left: Any, right: Any) -> Any:
    if not isinstance(left, dt.datetime):
        return _difference(left, right)
    if isinstance(right, dt.datetime):
        return Int64(milliseconds(left) - milliseconds(right))
    return left - round(_sum(right)) * _MS


def _multiply(*values: Any) -> Any:
    product: Any = 1
    for value in values:
        product = combine(product, value, operator.mul)
    return as_stored(product)


def _divide(left: Any, right: Any) -> Any:
    require(right != 0, "BadValue", "can't $divide by zero")
    return combine(left, right, operator.truediv)


def _concat(*values: Any) -> str:
    require(all(isinstance(v, str) for v in values), "Location16702", "$concat takes strings")
    return "".join(values)


def _case(name: str, letters: str, turned: str) -> Builder:
    # Only the letters of ASCII, as in MongoDB.
    table = str.maketrans(letters, turned)

    def turn(value: Any) -> str:
        if is_null(value):
            return ""
        require(isinstance(value, str), "Location16702", f"{name} takes a string")
        return str(value.translate(table))

    return _plain(name, 1, 1, turn)


# Arrays


def _array(value: Any, name: str, code: str) -> list[Any]:
    require(type(value) is list, code, f"The argument to {name} must be an array")
    return value


def _in(needle: Any, array: Any) -> bool:
    key = encode(needle)
    return any(encode(item) == key for item in _array(array, "$in", "Location40081"))


def _element_at(array: Any, position: Any) -> Any:
    items, at = _array(array, "$arrayElemAt", "Location28689"), int(position)
    return items[at] if -len(items) <= at < len(items) else MISSING


def _each(name: str, inner: str, apply: Callable[[list[Any], list[Any]], list[Any]]) -> Builder:
    """Return the builder of `$map` and `$filter`, which evaluate `inner` for each element."""

    def build(spec: Any, compile_: Compile) -> Expression:
        spec = named_arguments(spec, name, ("input", inner), ("as",))
        variable = variable_name(spec.get("as", "this"))
        array, body = compile_(spec["input"]), compile_(spec[inner], variable)

        def evaluate(doc: Any, scope: Variables) -> Any:
            items = array(doc, scope)
            if is_null(items):
                return None
            items = _array(items, name, "Location28651")
            return apply(items, [body(doc, {**scope, variable: item}) for item in items])

        return evaluate

    return build


def _kept(items: list[Any], tests: list[Any]) -> list[Any]:
    return [item for item, test in zip(items, tests, strict=True) if truth(test)]


def variable_name(name: str) -> str:
    """Return the name of a user variable. Raises FailedToParse for a bad one."""
    fits = name.isidentifier() and name[0] != "_" and not name[0].isupper()
    require(fits, "FailedToParse", f"'{name}' is not a valid name for a variable")
    return name


_MANY = 1000
OPERATORS: dict[str, Builder] = {
    "$literal": lambda spec, compile_: lambda doc, scope: spec,
    "$eq": _comparison("$eq", operator.eq),
    "$ne": _comparison("$ne", operator.ne),
    "$gt": _comparison("$gt", operator.gt),
    "$gte": _comparison("$gte", operator.ge),
    "$lt": _comparison("$lt", operator.lt),
    "$lte": _comparison("$lte", operator.le),
    "$and": _plain("$and", 0, _MANY, lambda *values: all(map(truth, values))),
    "$or": _plain("$or", 0, _MANY, lambda *values: any(map(truth, values))),
    "$not": _plain("$not", 1, 1, lambda value: not truth(value)),
    "$cond": _cond,
    "$ifNull": _plain("$ifNull", 2, _MANY, _if_null),
    "$switch": _switch,
    "$add": null_passing("$add", 0, _MANY, _add),
    "$subtract": null_passing("$subtract", 2, 2, _subtract),
    "$multiply": null_passing("$multiply", 0, _MANY, _numeric("$multiply", _multiply)),
    "$divide": null_passing("$divide", 2, 2, _numeric("$divide", _divide)),
    "$concat": null_passing("$concat", 0, _MANY, _concat),
    "$toLower": _case("$toLower", string.ascii_uppercase, string.ascii_lowercase),
    "$toUpper": _case("$toUpper", string.ascii_lowercase, string.ascii_uppercase),
    "$size": _plain("$size", 1, 1, lambda value: len(_array(value, "$size", "Location17124"))),
    "$in": _plain("$in", 2, 2, _in),
    "$arrayElemAt": null_passing("$arrayElemAt", 2, 2, _element_at),
    "$filter": _each("$filter", "cond", _kept),
    "$map": _each("$map", "in", lambda items, results: list(map(null_if_missing, results))),
}
