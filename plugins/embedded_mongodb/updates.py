"""Update documents: validated once, then applied to one decoded document at a time."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from bson import Regex

from . import paths
from .conditions import compile_condition_on_values, is_operator_document
from .errors import CommandError, bad_value
from .matcher import compile_element_test, compile_filter, conjuncts
from .modifiers import CHECKS, MODIFIERS, Unset
from .paths import MISSING

Document = dict[str, Any]


class Update:
    """One update document: operators, or a whole replacement."""

    def __init__(self, spec: Document, query: Document, array_filters: Sequence[Document]) -> None:
        self._query = query
        self.is_replacement = not (spec and next(iter(spec)).startswith("$"))
        self._spec = spec
        if self.is_replacement:
            for key in spec:
                if key.startswith("$"):
                    raise CommandError("DollarPrefixedFieldName", f"{key} in a replacement")
            return
        self._filters = _compile_array_filters(array_filters)
        self._changes = sorted(_changes(spec), key=lambda change: _path_order(change[0]))
        self._check_paths()

    def _check_paths(self) -> None:
        targets = [parts for parts, _, _ in self._changes]
        targets += [paths.split(new) for new in self._spec.get("$rename", {}).values()]
        seen: set[tuple[str, ...]] = set()
        for parts in sorted(targets, key=len):
            if any(tuple(parts[:length]) in seen for length in range(1, len(parts) + 1)):
                name = ".".join(parts)
                raise CommandError(
                    "ConflictingUpdateOperators", f"Updating '{name}' would create a conflict"
                )
            seen.add(tuple(parts))
        used = {part[2:-1] for parts in targets for part in parts if part.startswith("$[")}
        for name in self._filters:
            if name not in used:
                raise CommandError("FailedToParse", f"The array filter '{name}' was not used")
        for name in used - {""}:
            if name not in self._filters:
                raise bad_value(f"No array filter found for identifier '{name}'")

    @property
    def touched(self) -> frozenset[str] | None:
        """The top-level fields that the update may change, None when it replaces them all."""
        if self.is_replacement:
            return None
        renamed = self._spec.get("$rename", {}).values()
        return frozenset(parts[0] for parts, _, _ in self._changes) | frozenset(
            name.split(".")[0] for name in renamed
        )

    def apply(self, document: Document, inserting: bool = False) -> Document:
        """Return the updated document; `document` itself may be changed on the way."""
        if self.is_replacement:
            kept = {"_id": document["_id"]} if "_id" in document else {}
            return {**kept, **copy.deepcopy(self._spec)}
        for parts, name, argument in self._changes:
            if name == "$setOnInsert" and not inserting:
                continue
            for target in self._targets(document, parts):
                if name == "$rename":
                    _rename(document, target, argument)
                else:
                    self._change(document, target, name, argument)
        return document

    def _change(self, document: Document, target: list[str], name: str, argument: Any) -> None:
        current = paths.get(document, target)
        changed = MODIFIERS[name](current, argument)
        if changed is Unset:
            paths.remove(document, target)
        elif changed is not current:
            paths.put(document, target, changed)

    def _targets(self, document: Document, parts: list[str]) -> list[list[str]]:
        """Return the exact paths that a path with `$`, `$[]` or `$[name]` stands for."""
        found: list[list[str]] = [[]]
        for part in parts:
            if part == "$":
                found = [[*path, str(self._position(document, path))] for path in found]
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

    def _position(self, document: Document, path: list[str]) -> int:
        """Return which element of the array at `path` made the query match: what `$` means."""
        array = paths.get(document, path)
        name = ".".join(path)
        tests = [
            t for key, value in conjuncts(self._query) for t in _element_tests(name, key, value)
        ]
        if type(array) is list:
            for wanted in (all, any):
                for position, element in enumerate(array):
                    if tests and wanted(test(element) for test in tests):
                        return position
        raise bad_value("The positional operator did not find the match needed from the query.")


def _element_tests(name: str, key: str, value: Any) -> list[Callable[[Any], bool]]:
    if key == name:
        if is_operator_document(value) and "$elemMatch" in value:
            return [compile_element_test(value["$elemMatch"])]
        condition = compile_condition_on_values(value)
        return [lambda element: condition([element])]
    if key.startswith(name + "."):
        return [compile_element_test({key[len(name) + 1 :]: value})]
    if key == "$or":
        clauses = [_element_tests(name, k, v) for clause in value for k, v in conjuncts(clause)]
        flat = [test for tests in clauses for test in tests]
        return [lambda element: any(test(element) for test in flat)] if flat else []
    return []


def _changes(spec: Document) -> list[tuple[list[str], str, Any]]:
    changes = []
    for name, fields in spec.items():
        if name != "$rename" and name not in MODIFIERS:
            raise CommandError("FailedToParse", f"Unknown modifier: {name}")
        if type(fields) is not dict:
            raise CommandError("FailedToParse", f"{name} needs fields, not {fields!r}")
        check = CHECKS.get(name)
        for path, argument in fields.items():
            if check is not None:
                check(path, argument)
            changes.append((paths.split(path), name, argument))
    return changes


def _path_order(parts: list[str]) -> list[tuple[int, int, str]]:
    """New fields appear in this order: by name, array positions by number."""
    return [(0, int(p), "") if paths.is_index(p) else (1, 0, p) for p in parts]


def _compile_array_filters(filters: Sequence[Document]) -> dict[str, Callable[[Any], bool]]:
    compiled: dict[str, Callable[[Any], bool]] = {}
    for spec in filters:
        names = {key.split(".")[0] for key, _ in conjuncts(spec) if not key.startswith("$")}
        if len(names) != 1:
            raise CommandError("FailedToParse", "an array filter needs one field name")
        (name,) = names
        if name in compiled:
            raise CommandError("FailedToParse", f"Found two array filters named {name}")
        predicate = compile_filter(spec)
        compiled[name] = lambda element, p=predicate, n=name: p({n: element})  # type: ignore[misc]
    return compiled


def _array_at(document: Document, path: list[str]) -> list[Any]:
    array = paths.get(document, path)
    if type(array) is not list:
        raise bad_value(f"The path '{'.'.join(path)}' must exist to apply array updates")
    return array


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
        if key.startswith("$") or isinstance(value, Regex):
            continue
        if is_operator_document(value):
            if "$eq" in value:
                value = value["$eq"]
            elif len(value.get("$in", value.get("$all", ()))) == 1:
                value = value.get("$in", value.get("$all"))[0]
                if is_operator_document(value) or isinstance(value, Regex):
                    continue
            else:
                continue
        paths.put(seed, key.split("."), copy.deepcopy(value))
    return seed
