"""Expression operators: literals, comparison, logic, conditions, `$let`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .bsonkeys import encode
from .errors import CommandError
from .expr_core import (
    Builder,
    Compile,
    Expression,
    Variables,
    arguments,
    is_null,
    named_arguments,
    truth,
    variable_name,
)
from .paths import MISSING


def _literal(spec: Any, compile_: Compile) -> Expression:
    return lambda doc, scope: spec


def _comparison(name: str, test: Callable[[bytes, bytes], Any]) -> Builder:
    def build(spec: Any, compile_: Compile) -> Expression:
        left, right = map(compile_, arguments(spec, name, 2))
        # A missing field sorts before null here, unlike in a filter.
        return lambda doc, scope: test(_order(left(doc, scope)), _order(right(doc, scope)))

    return build


def _order(value: Any) -> bytes:
    return b"\x02" if value is MISSING else encode(value)


def _and(spec: Any, compile_: Compile) -> Expression:
    parts = [compile_(item) for item in (spec if type(spec) is list else [spec])]
    return lambda doc, scope: all(truth(part(doc, scope)) for part in parts)


def _or(spec: Any, compile_: Compile) -> Expression:
    parts = [compile_(item) for item in (spec if type(spec) is list else [spec])]
    return lambda doc, scope: any(truth(part(doc, scope)) for part in parts)


def _not(spec: Any, compile_: Compile) -> Expression:
    (part,) = map(compile_, arguments(spec, "$not", 1))
    return lambda doc, scope: not truth(part(doc, scope))


def _cond(spec: Any, compile_: Compile) -> Expression:
    if type(spec) is dict:
        spec = named_arguments(spec, "$cond", ("if", "then", "else"))
        spec = [spec["if"], spec["then"], spec["else"]]
    test, then, otherwise = map(compile_, arguments(spec, "$cond", 3))
    return lambda doc, scope: (then if truth(test(doc, scope)) else otherwise)(doc, scope)


def _if_null(spec: Any, compile_: Compile) -> Expression:
    *choices, default = map(compile_, arguments(spec, "$ifNull", 2, 1000))

    def build(doc: Any, scope: Variables) -> Any:
        for choice in choices:
            value = choice(doc, scope)
            if not is_null(value):
                return value
        return default(doc, scope)

    return build


def _switch(spec: Any, compile_: Compile) -> Expression:
    spec = named_arguments(spec, "$switch", ("branches",), ("default",))
    branches = []
    for branch in spec["branches"]:
        branch = named_arguments(branch, "$switch", ("case", "then"))
        branches.append((compile_(branch["case"]), compile_(branch["then"])))
    default = compile_(spec["default"]) if "default" in spec else None

    def build(doc: Any, scope: Variables) -> Any:
        for case, then in branches:
            if truth(case(doc, scope)):
                return then(doc, scope)
        if default is None:
            raise CommandError(
                "Location40066",
                "$switch could not find a matching branch for an input, and no default was "
                "specified.",
            )
        return default(doc, scope)

    return build


def _let(spec: Any, compile_: Compile) -> Expression:
    spec = named_arguments(spec, "$let", ("vars", "in"))
    values = {variable_name(key): compile_(value) for key, value in spec["vars"].items()}
    inner = compile_(spec["in"], *values)
    return lambda doc, scope: inner(
        doc, {**scope, **{key: value(doc, scope) for key, value in values.items()}}
    )


LOGIC: dict[str, Builder] = {
    "$literal": _literal,
    "$eq": _comparison("$eq", lambda a, b: a == b),
    "$ne": _comparison("$ne", lambda a, b: a != b),
    "$gt": _comparison("$gt", lambda a, b: a > b),
    "$gte": _comparison("$gte", lambda a, b: a >= b),
    "$lt": _comparison("$lt", lambda a, b: a < b),
    "$lte": _comparison("$lte", lambda a, b: a <= b),
    "$cmp": _comparison("$cmp", lambda a, b: (a > b) - (a < b)),
    "$and": _and,
    "$or": _or,
    "$not": _not,
    "$cond": _cond,
    "$ifNull": _if_null,
    "$switch": _switch,
    "$let": _let,
}
