"""What every expression operator is written with: types, argument checks, field paths."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

from bson import DBRef, Decimal128

from .errors import CommandError
from .paths import MISSING, fields_of

Variables = Mapping[str, Any]
Expression = Callable[[Any, Variables], Any]

NO_VARIABLES: Variables = MappingProxyType({})
_VARIABLE = re.compile(r"[a-z\u0080-\U0010ffff][A-Za-z0-9_\u0080-\U0010ffff]*\Z")


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
    """Return None for MISSING: what an array element or an accumulator sees."""
    return None if value is MISSING else value


def is_null(value: Any) -> bool:
    """Tell whether a value counts as null in an expression."""
    return value is None or value is MISSING


def arguments(spec: Any, name: str, least: int, most: int | None = None) -> list[Any]:
    """Return an operator's arguments as a list. Raises Location16020 for a wrong number."""
    items = spec if type(spec) is list else [spec]
    most = least if most is None else most
    if not least <= len(items) <= most:
        raise CommandError(
            "Location16020",
            f"Expression {name} takes {least} to {most} arguments. {len(items)} were passed in.",
        )
    return items


def null_passing(name: str, least: int, most: int, function: Callable[..., Any]) -> Builder:
    """Return a builder for an operator that is null when any argument is."""

    def build(spec: Any, compile_: Compile) -> Expression:
        parts = [compile_(item) for item in arguments(spec, name, least, most)]

        def evaluate(doc: Any, scope: Variables) -> Any:
            values = [part(doc, scope) for part in parts]
            return None if any(map(is_null, values)) else function(*values)

        return evaluate

    return build


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


def variable_name(name: str) -> str:
    """Return the name of a user variable. Raises FailedToParse for a bad one."""
    if not _VARIABLE.match(name):
        raise CommandError("FailedToParse", f"'{name}' is not a valid name for a variable")
    return name
