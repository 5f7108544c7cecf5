"""Dotted paths into documents, with BSON's rules for arrays on the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import Any

from bson import DBRef

from .errors import CommandError


class _Missing(Enum):
    """The absence of a field, which is not the same as null."""

    MISSING = "missing"


MISSING = _Missing.MISSING


def fields_of(reference: DBRef) -> dict[str, Any]:
    """Return a decoded DBRef as the sub-document that it is in BSON."""
    return dict(reference.as_doc())


def split(path: str) -> list[str]:
    """Return the parts of a dotted path. Raises EmptyFieldName as MongoDB does."""
    parts = path.split(".")
    if "" in parts:
        raise CommandError("EmptyFieldName", f"'{path}' contains an empty field name")
    return parts


def is_index(part: str) -> bool:
    """Tell whether a path part can be a position in an array."""
    return part.isascii() and part.isdigit() and (part == "0" or part[0] != "0")


def values_at(value: Any, parts: Sequence[str], at: int = 0) -> list[Any]:
    """Return every value that a query path reaches, MISSING where a branch ends early.

    Arrays on the way are entered implicitly (their sub-documents only) and by position; an
    array with nothing to enter yields no value at all.
    """
    if at == len(parts):
        return [value]
    if type(value) is list:
        found: list[Any] = []
        if is_index(parts[at]) and int(parts[at]) < len(value):
            found += values_at(value[int(parts[at])], parts, at + 1)
        for item in value:
            if type(item) is dict or type(item) is DBRef:
                found += values_at(item, parts, at)
        return found
    if type(value) is DBRef:
        value = fields_of(value)
    if type(value) is dict and parts[at] in value:
        return values_at(value[parts[at]], parts, at + 1)
    return [MISSING]


def with_elements(values: Iterable[Any]) -> Iterator[Any]:
    """Yield each value and, after an array, its elements: what a query condition looks at."""
    for value in values:
        yield value
        if type(value) is list:
            yield from value


def get(value: Any, parts: Sequence[str]) -> Any:
    """Return the one value at an exact path (positions count, no implicit arrays)."""
    for part in parts:
        if type(value) is DBRef:
            value = fields_of(value)
        if type(value) is dict and part in value:
            value = value[part]
        elif type(value) is list and is_index(part) and int(part) < len(value):
            value = value[int(part)]
        else:
            return MISSING
    return value


def put(document: dict[str, Any], parts: Sequence[str], value: Any) -> None:
    """Set the value at an exact path, making sub-documents on the way. Raises PathNotViable."""
    target: Any = document
    for at, part in enumerate(parts):
        last = at == len(parts) - 1
        if type(target) is list:
            if not is_index(part):
                raise _not_viable(part, parts[at - 1], target)
            position = int(part)
            if position > len(target) + 1_500_000:
                raise CommandError("BadValue", "cannot set an array element so far off the end")
            target.extend([None] * (position + 1 - len(target)))
            if last:
                target[position] = value
            elif target[position] is None:
                target[position] = {}
            target = target[position]
        elif type(target) is dict:
            if last:
                target[part] = value
            else:
                child = target.setdefault(part, {})
                if type(child) is DBRef:
                    child = target[part] = fields_of(child)
                target = child
        else:
            raise _not_viable(part, parts[at - 1], target)


def remove(document: dict[str, Any], parts: Sequence[str]) -> None:
    """Unset an exact path: a field goes, an array element becomes null."""
    owner = get(document, parts[:-1])
    if type(owner) is dict:
        owner.pop(parts[-1], None)
    elif type(owner) is list and is_index(parts[-1]) and int(parts[-1]) < len(owner):
        owner[int(parts[-1])] = None


def _not_viable(part: str, parent: str, owner: Any) -> CommandError:
    return CommandError("PathNotViable", f"Cannot create '{part}' in {{{parent}: {owner!r}}}")
