"""Query filters: compiled once into a predicate over decoded documents.

What stands beside a field name is a condition (`conditions`); here is what combines them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bson import DBRef

from .conditions import (
    CONDITIONS,
    DBREF_FIELDS,
    REFUSED,
    Condition,
    compile_condition_on_values,
    is_operator_document,
    refusal,
)
from .errors import CommandError, require
from .expressions import compile_condition
from .operators import NO_VARIABLES
from .paths import MISSING, fields_of, values_at

Document = dict[str, Any]
Predicate = Callable[[Document], bool]
_LOGICAL = ("$and", "$or", "$nor")


def conjuncts(query: Document) -> Iterator[tuple[str, Any]]:
    """Yield the conditions that must all hold, with `$and` taken apart."""
    for key, value in query.items():
        if key == "$and" and type(value) is list:
            for clause in value:
                yield from conjuncts(clause)
        else:
            yield key, value


def compile_filter(query: Any, variables: Mapping[str, Any] = NO_VARIABLES) -> Predicate:
    """Return the predicate of a filter document. Raises CommandError for what it cannot do.

    `variables` are those that `$expr` may name; their values are read when the predicate runs.
    """
    require(isinstance(query, dict), "BadValue", "Expected a document for a filter")
    tests = [_clause(key, value, variables) for key, value in query.items() if key != "$comment"]
    if len(tests) == 1:
        return tests[0]
    return lambda document: all(test(document) for test in tests)


def _clause(key: str, value: Any, variables: Mapping[str, Any]) -> Predicate:
    if key in _LOGICAL:
        return _logical(key, value, variables)
    if key == "$expr":
        return compile_condition(value, variables)
    if key in REFUSED:
        raise refusal(key)
    if key.startswith("$") and key not in DBREF_FIELDS:
        raise CommandError("BadValue", f"unknown top level operator: {key}")
    condition = compile_condition_on_values(value)
    if "." not in key:
        return lambda document: condition([document.get(key, MISSING)])
    parts = key.split(".")
    return lambda document: condition(values_at(document, parts))


def _logical(name: str, clauses: Any, variables: Mapping[str, Any]) -> Predicate:
    require(type(clauses) is list and clauses, "BadValue", f"{name} must be a nonempty array")
    tests = [compile_filter(clause, variables) for clause in clauses]
    if name == "$and":
        return lambda document: all(test(document) for test in tests)
    if name == "$or":
        return lambda document: any(test(document) for test in tests)
    return lambda document: not any(test(document) for test in tests)


def _elem_match(argument: Any) -> Condition:
    test = compile_element_test(argument)
    return lambda values: any(type(v) is list and any(map(test, v)) for v in values)


def compile_element_test(argument: Any) -> Callable[[Any], bool]:
    """Return the test of one array element under `$elemMatch`."""
    require(isinstance(argument, dict), "BadValue", "$elemMatch needs an Object")
    if is_operator_document(argument) and next(iter(argument)) not in _LOGICAL:
        condition = compile_condition_on_values(argument)
        return lambda element: condition([element])
    predicate = compile_filter(argument)

    def test(element: Any) -> bool:
        if type(element) is list:
            element = {str(position): item for position, item in enumerate(element)}
        elif type(element) is DBRef:
            element = fields_of(element)
        return type(element) is dict and predicate(element)

    return test


CONDITIONS["$elemMatch"] = _elem_match
