"""Expression operators: logic, arithmetic, text and arrays (dates: `dates`).

An operator is a builder: it takes what stands beside its name, compiles the operands, and returns
a function of a document and its variables.
"""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

from bson import Decimal128, Int64

from .bsonkeys import encode, milliseconds
from .errors import CommandError
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


def truth(value: Any) -> bool:
    """Return a value as a condition: false, null, missing and zero are false."""
    if value is None or value is MISSING or value is False:
        return False
    if isinstance(value, (int, float)):
        return value != 0
    return value.to_decimal() != 0 if isinstance(value, Decimal128) else True


def null_if_missing(value: Any) -> Any:
    """Return None for MISSING: what an array element or a group sees."""
    return None if value is MISSING else value


def _arguments(spec: Any, name: str, least: int, most: int) -> list[Any]:
    items = spec if type(spec) is list else [spec]
    if not least <= len(items) <= most:
        raise CommandError("Location16020", f"Expression {name} takes {least} to {most} arguments")
    return items


def named_arguments(
    spec: Any, name: str, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return an operator's argument object. Raises FailedToParse for wrong names."""
    if type(spec) is not dict:
        raise CommandError("FailedToParse", f"{name} only supports an object as its argument")
    for key in spec:
        if key not in required and key not in optional:
            raise CommandError("FailedToParse", f"Unrecognized argument to {name}: {key}")
    for key in required:
        if key not in spec:
            raise CommandError("FailedToParse", f"Missing '{key}' parameter to {name}")
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
        missing = any(value is None or value is MISSING for value in values)
        return None if missing else function(*values)

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
    return next((v for v in values[:-1] if v is not None and v is not MISSING), values[-1])


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


def _number(value: Any, name: str) -> Any:
    if not is_number(value):
        raise CommandError("TypeMismatch", f"{name} only supports numeric types, not {value!r}")
    return value


def _add(*values: Any) -> Any:
    dates = [value for value in values if isinstance(value, dt.datetime)]
    if len(dates) > 1:
        raise CommandError("Location16612", "only one date allowed in an $add expression")
    sum_ = total(_number(value, "$add") for value in values if not isinstance(value, dt.datetime))
    return dates[0] + round(float(sum_)) * _MS if dates else sum_


def _subtract(left: Any, right: Any) -> Any:
    if isinstance(left, dt.datetime):
        if isinstance(right, dt.datetime):
            return Int64(milliseconds(left) - milliseconds(right))
        return left - round(float(_number(right, "$subtract"))) * _MS
    return as_stored(combine(_number(left, "$subtract"), _number(right, "$subtract"), operator.sub))


def _multiply(*values: Any) -> Any:
    product: Any = 1
    for value in values:
        product = combine(product, _number(value, "$multiply"), operator.mul)
    return as_stored(product)


def _divide(left: Any, right: Any) -> Any:
    if _number(right, "$divide") in (0, Decimal128("0")):
        raise CommandError("BadValue", "can't $divide by zero")
    if isinstance(left, Decimal128) or isinstance(right, Decimal128):
        return combine(_number(left, "$divide"), right, operator.truediv)
    return _number(left, "$divide") / right


def _concat(*values: Any) -> str:
    for value in values:
        if not isinstance(value, str):
            raise CommandError("Location16702", f"$concat only supports strings, not {value!r}")
    return "".join(values)


def _case(name: str, letters: str, turned: str) -> Builder:
    # Only the letters of ASCII, as in MongoDB.
    table = str.maketrans(letters, turned)

    def turn(value: Any) -> str:
        if value is None or value is MISSING:
            return ""
        if not isinstance(value, str):
            raise CommandError("Location16702", f"{name} only supports strings, not {value!r}")
        return value.translate(table)

    return _plain(name, 1, 1, turn)


_LOWER, _UPPER = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


# Arrays


def _array(value: Any, name: str, code: str) -> list[Any]:
    if type(value) is not list:
        raise CommandError(code, f"The argument to {name} must be an array, not {value!r}")
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
            if items is None or items is MISSING:
                return None
            items = _array(items, name, "Location28651")
            return apply(items, [body(doc, {**scope, variable: item}) for item in items])

        return evaluate

    return build


def _kept(items: list[Any], tests: list[Any]) -> list[Any]:
    return [item for item, test in zip(items, tests, strict=True) if truth(test)]


def variable_name(name: str) -> str:
    """Return the name of a user variable. Raises FailedToParse for a bad one."""
    if not name.isidentifier() or name[0] == "_" or name[0].isupper():
        raise CommandError("FailedToParse", f"'{name}' is not a valid name for a variable")
    return name


OPERATORS: dict[str, Builder] = {
    "$literal": lambda spec, compile_: lambda doc, scope: spec,
    "$eq": _comparison("$eq", operator.eq),
    "$ne": _comparison("$ne", operator.ne),
    "$gt": _comparison("$gt", operator.gt),
    "$gte": _comparison("$gte", operator.ge),
    "$lt": _comparison("$lt", operator.lt),
    "$lte": _comparison("$lte", operator.le),
    "$and": _plain("$and", 0, 1000, lambda *values: all(map(truth, values))),
    "$or": _plain("$or", 0, 1000, lambda *values: any(map(truth, values))),
    "$not": _plain("$not", 1, 1, lambda value: not truth(value)),
    "$cond": _cond,
    "$ifNull": _plain("$ifNull", 2, 1000, _if_null),
    "$switch": _switch,
    "$add": null_passing("$add", 0, 1000, _add),
    "$subtract": null_passing("$subtract", 2, 2, _subtract),
    "$multiply": null_passing("$multiply", 0, 1000, _multiply),
    "$divide": null_passing("$divide", 2, 2, _divide),
    "$concat": null_passing("$concat", 0, 1000, _concat),
    "$toLower": _case("$toLower", _UPPER, _LOWER),
    "$toUpper": _case("$toUpper", _LOWER, _UPPER),
    "$size": _plain("$size", 1, 1, lambda value: len(_array(value, "$size", "Location17124"))),
    "$in": _plain("$in", 2, 2, _in),
    "$arrayElemAt": null_passing("$arrayElemAt", 2, 2, _element_at),
    "$filter": _each("$filter", "cond", _kept),
    "$map": _each("$map", "in", lambda items, results: list(map(null_if_missing, results))),
}
