"""Update documents: validated once, then applied to one decoded document at a time."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Sequence
from typing import Any

from . import paths
from .conditions import compile_condition_on_values, is_operator_document, is_regex
from .errors import CommandError, require
from .matcher import compile_element_test, compile_filter, conjuncts
from .modifiers import CHECKS, MODIFIERS, Unset
from .paths import MISSING

Document = dict[str, Any]
ElementTest = Callable[[Any], bool]


class Update:
    """One update document: operators, or a whole replacement.

    `touched` are the top-level fields that it may change, None when it replaces them all.
    """

    touched: frozenset[str] | None = None

    def __init__(self, spec: Document, query: Document, array_filters: Sequence[Document]) -> None:
        self._query = query
        self.is_replacement = not (spec and next(iter(spec)).startswith("$"))
        self._spec = spec
        if self.is_replacement:
            for key in spec:
                plain = not key.startswith("$")
                require(plain, "DollarPrefixedFieldName", f"{key} in a replacement")
            return
        self._filters = _compile_array_filters(array_filters)
        self._changes = sorted(_changes(spec), key=lambda change: _path_order(change[0]))
        targets = [parts for parts, _, _ in self._changes]
        targets += [paths.split(new) for new in spec.get("$rename", {}).values()]
        self._check(targets)
        self.touched = frozenset(parts[0] for parts in targets)

    def _check(self, targets: list[list[str]]) -> None:
        # In order, a path is followed by those below it.
        for above, parts in itertools.pairwise(sorted(targets)):
            if parts[: len(above)] == above:
                message = f"Updating '{'.'.join(parts)}' would create a conflict"
                raise CommandError("ConflictingUpdateOperators", message)
        used = {part[2:-1] for parts in targets for part in parts if part.startswith("$[")}
        for name in self._filters:
            require(name in used, "FailedToParse", f"The array filter '{name}' was not used")
        for name in used - {""}:
            require(name in self._filters, "BadValue", f"No array filter for identifier '{name}'")

    def apply(self, document: Document, inserting: bool = False) -> Document:
        """Return the updated document; `document` itself may be changed on the way."""
        if self.is_replacement:
            kept = {"_id": document["_id"]} if "_id" in document else {}
            return {**kept, **copy.deepcopy(self._spec)}
        for parts, name, argument in self._changes:
            if name == "$rename":
                _rename(document, parts, argument)
            elif name != "$setOnInsert" or inserting:
                for target in self._targets(document, parts):
                    _change(document, target, name, argument)
        return document

    def _targets(self, document: Document, parts: list[str]) -> list[list[str]]:
        """Return the exact paths that a path with `$`, `$[]` or `$[name]` stands for."""
        found: list[list[str]] = [[]]
        for part in parts:
            if part == "$":
                found = [[*path, self._position(document, path)] for path in found]
            elif part.startswith("$["):
                test = self._filters.get(part[2:-1], lambda element: True)
                found = [
                    [*path, str(position)]
                    for path in found
                    for position, element in enumerate(_array_at(document, path))
                    if test(element)
                ]
            else:
                found = [[*path, part] for path in found]
        return found

    def _position(self, document: Document, path: list[str]) -> str:
        """Return which element of the array at `path` made the query match: what `$` means."""
        array = paths.get(document, path)
        tests = _element_tests(".".join(path), self._query)
        if type(array) is list and tests:
            for wanted in (all, any):
                for position, element in enumerate(array):
                    if wanted(test(element) for test in tests):
                        return str(position)
        raise CommandError("BadValue", "The positional operator did not find the match needed.")


def _element_tests(name: str, query: Document) -> list[ElementTest]:
    """Return what a query asks of the elements of one array."""
    tests: list[ElementTest] = []
    for key, value in conjuncts(query):
        if key == name and is_operator_document(value) and "$elemMatch" in value:
            tests.append(compile_element_test(value["$elemMatch"]))
        elif key == name:
            condition = compile_condition_on_values(value)
            tests.append(lambda element, holds=condition: holds([element]))  # type: ignore[misc]
        elif key.startswith(name + "."):
            tests.append(compile_element_test({key[len(name) + 1 :]: value}))
        elif key == "$or":
            either = [test for clause in value for test in _element_tests(name, clause)]
            if either:
                tests.append(lambda element, of=either: any(t(element) for t in of))  # type: ignore[misc]
    return tests


def _changes(spec: Document) -> list[tuple[list[str], str, Any]]:
    changes = []
    for name, fields in spec.items():
        if name != "$rename" and name not in MODIFIERS:
            raise CommandError("FailedToParse", f"Unknown modifier: {name}")
        require(type(fields) is dict, "FailedToParse", "Modifiers operate on fields")
        for path, argument in fields.items():
            if name in CHECKS:
                fits, error, message = CHECKS[name]
                require(fits(argument), error, message)
            plain = name != "$rename" or "$" not in path
            require(plain, "BadValue", "The source field for $rename may not be positional")
            changes.append((paths.split(path), name, argument))
    return changes


def _path_order(parts: list[str]) -> list[tuple[int, int, str]]:
    """New fields appear in this order: by name, array positions by number."""
    return [(0, int(p), "") if paths.is_index(p) else (1, 0, p) for p in parts]


def _compile_array_filters(filters: Sequence[Document]) -> dict[str, ElementTest]:
    compiled: dict[str, ElementTest] = {}
    for spec in filters:
        names = {key.split(".")[0] for key, _ in conjuncts(spec) if not key.startswith("$")}
        require(len(names) == 1, "FailedToParse", "an array filter needs one field name")
        (name,) = names
        require(name not in compiled, "FailedToParse", f"Found two array filters named {name}")
        predicate = compile_filter(spec)
        compiled[name] = lambda element, p=predicate, n=name: p({n: element})  # type: ignore[misc]
    return compiled


def _array_at(document: Document, path: list[str]) -> list[Any]:
    array = paths.get(document, path)
    message = f"The path '{'.'.join(path)}' must exist to apply array updates"
    require(type(array) is list, "BadValue", message)
    return array


def _change(document: Document, target: list[str], name: str, argument: Any) -> None:
    current = paths.get(document, target)
    changed = MODIFIERS[name](current, argument)
    if changed is Unset:
        paths.remove(document, target)
    elif changed is not current:
        paths.put(document, target, changed)


def _rename(document: Document, source: list[str], new_name: str) -> None:
    value = paths.get(document, source)
    if value is not MISSING:
        paths.remove(document, source)
        paths.put(document, paths.split(new_name), value)


def seed_for_upsert(query: Document) -> Document:
    """Return the document that an upsert starts from: the filter's equalities."""
    seed: Document = {}
    for key, value in conjuncts(query):
        if key == "$or" and len(value) == 1:
            seed.update(seed_for_upsert(value[0]))
        for wanted in _equalities(value) if not key.startswith("$") else ():
            paths.put(seed, key.split("."), copy.deepcopy(wanted))
    return seed


def _equalities(value: Any) -> list[Any]:
    """Return the one value that a condition says a field has, if it says so."""
    if is_operator_document(value):
        found = [value["$eq"]] if "$eq" in value else value.get("$in", value.get("$all", []))
        literal = not any(is_operator_document(item) or is_regex(item) for item in found)
        return found if len(found) == 1 and literal else []
    return [] if is_regex(value) else [value]
