"""Aggregation expressions: compiled once into a function of a document and its variables.

What the tables of `operators` and `dates` do not name is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bson import DBRef

from .dates import DATES
from .errors import CommandError
from .operators import NO_VARIABLES, OPERATORS, Expression, Variables, null_if_missing, truth
from .paths import MISSING, fields_of


def compile_expression(expression: Any, names: frozenset[str] = frozenset()) -> Expression:
    """Return the function of an expression; `names` are the variables it may use.

    The function returns MISSING where MongoDB leaves a field out. Raises
    InvalidPipelineOperator for an operator that is not supported.
    """
    if isinstance(expression, str) and expression.startswith("$"):
        return _reference(expression, names)
    if type(expression) is list:
        items = [compile_expression(item, names) for item in expression]
        return lambda doc, scope: [null_if_missing(item(doc, scope)) for item in items]
    if type(expression) is dict:
        first = next(iter(expression), "")
        if first.startswith("$"):
            if len(expression) != 1:
                raise CommandError(
                    "Location15983", f"an expression must have exactly one field: {expression!r}"
                )
            return _operator(first, expression[first], names)
        return _object(expression, names)
    return lambda doc, scope: expression


def compile_condition(
    expression: Any, variables: Variables = NO_VARIABLES
) -> Callable[[dict[str, Any]], bool]:
    """Return an expression as a predicate (`$expr`), with `variables` read at run time."""
    evaluate = compile_expression(expression, frozenset(variables))
    return lambda document: truth(evaluate(document, variables))


def _reference(text: str, names: frozenset[str]) -> Expression:
    if not text.startswith("$$"):
        field = text[1:]
        if not field or field.startswith(".") or field.endswith(".") or ".." in field:
            raise CommandError("Location40353", f"FieldPath '{field}' is not a field path.")
        if "." not in field:
            return lambda doc, scope: doc.get(field, MISSING)
        parts = field.split(".")
        return lambda doc, scope: walk(doc, parts)
    name, *rest = text[2:].split(".")
    if name in ("ROOT", "CURRENT"):
        return lambda doc, scope: walk(doc, rest)
    if name == "REMOVE":
        return lambda doc, scope: MISSING
    if name not in names:
        raise CommandError("Location17276", f"Use of undefined variable: {name}")
    if not rest:
        return lambda doc, scope: scope[name]
    return lambda doc, scope: walk(scope[name], rest)


def _object(spec: dict[str, Any], names: frozenset[str]) -> Expression:
    fields = {key: compile_expression(value, names) for key, value in spec.items()}

    def build(doc: Any, scope: Variables) -> dict[str, Any]:
        values = ((key, value(doc, scope)) for key, value in fields.items())
        return {key: value for key, value in values if value is not MISSING}

    return build


def _operator(name: str, spec: Any, names: frozenset[str]) -> Expression:
    builder = OPERATORS.get(name) or DATES.get(name)
    if builder is None:
        raise CommandError("InvalidPipelineOperator", f"Unrecognized expression '{name}'")

    def compile_(operand: Any, /, *new_names: str) -> Expression:
        return compile_expression(operand, names.union(new_names))

    return builder(spec, compile_)


def walk(value: Any, parts: list[str], at: int = 0) -> Any:
    """Return what a field path means in an expression: arrays are mapped over."""
    while at < len(parts):
        if type(value) is DBRef:
            value = fields_of(value)
        if type(value) is list:
            found = [walk(item, parts, at) for item in value if type(item) in (dict, DBRef)]
            return [item for item in found if item is not MISSING]
        if type(value) is not dict or parts[at] not in value:
            return MISSING
        value = value[parts[at]]
        at += 1
    return value
