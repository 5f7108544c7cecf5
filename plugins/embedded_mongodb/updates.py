"""Update documents: validated once, then applied to one decoded document at a time."""

from __future__ import annotations

import copy
import datetime as dt
import operator
from collections.abc import Callable, Sequence
from typing import Any

from bson import Int64, Regex, Timestamp

from . import paths
from .bsonkeys import encode
from .errors import CommandError, bad_value
from .matcher import (
    compile_condition_on_values,
    compile_element_test,
    compile_filter,
    conjuncts,
    equals,
    is_operator_document,
)
from .numbers import combine, fits, is_number
from .paths import MISSING
from .sorting import sort_key

Document = dict[str, Any]
Apply = Callable[[Any, Any], Any]
"""Takes the current value (or MISSING) and the operator's argument, returns the new value."""


class _Unset:
    """What an operator returns to remove the field."""


class Update:
    """One update document: operators, or a whole replacement."""

    def __init__(self, spec: Document, query: Document, array_filters: Sequence[Document]) -> None:
        self._query = query
        self.is_replacement = not (spec and next(iter(spec)).startswith("$"))
        self._spec = spec
        if self.is_replacement:
            for key in spec:
                if key.startswith("$"):
                    raise CommandError(
                        "DollarPrefixedFieldName", f"The dollar ($) prefixed field '{key}' "
                        "is not allowed in the context of an update's replacement document"
                    )  # fmt: skip
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
                    "ConflictingUpdateOperators",
                    f"Updating the path '{name}' would create a conflict at '{name}'",
                )
            seen.add(tuple(parts))
        used = {part[2:-1] for parts in targets for part in parts if part.startswith("$[")}
        for name in self._filters:
            if name not in used:
                raise CommandError(
                    "FailedToParse",
                    f"The array filter for identifier '{name}' was not used in the update",
                )
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
        changed = _OPERATORS[name](current, argument)
        if changed is _Unset:
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
        position = matched_position(document, self._query, path)
        if position is None:
            raise bad_value("The positional operator did not find the match needed from the query.")
        return position


def matched_position(document: Document, query: Document, path: list[str]) -> int | None:
    """Return which element of the array at `path` made the query match: what `$` stands for."""
    array = paths.get(document, path)
    if type(array) is not list:
        return None
    name = ".".join(path)
    tests = [test for key, value in conjuncts(query) for test in _element_tests(name, key, value)]
    for position, element in enumerate(array):
        if tests and all(test(element) for test in tests):
            return position
    return next((i for test in tests for i, e in enumerate(array) if test(e)), None)


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
        if name != "$rename" and name not in _OPERATORS:
            raise CommandError(
                "FailedToParse",
                f"Unknown modifier: {name}. Expected a valid update modifier or pipeline-style "
                "update specified as an array",
            )
        if type(fields) is not dict:
            raise CommandError(
                "FailedToParse", f"Modifiers operate on fields but found {fields!r} for {name}"
            )
        check = _CHECKS.get(name)
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
            raise CommandError(
                "FailedToParse", "Expected a single top-level field name in a filter"
            )
        (name,) = names
        if name in compiled:
            raise CommandError(
                "FailedToParse", f"Found multiple array filters with the same top-level name {name}"
            )
        predicate = compile_filter(spec)
        compiled[name] = lambda element, p=predicate, n=name: p({n: element})  # type: ignore[misc]
    return compiled


def _array_at(document: Document, path: list[str]) -> list[Any]:
    array = paths.get(document, path)
    if type(array) is not list:
        raise bad_value(
            f"The path '{'.'.join(path)}' must exist in the document in order to apply array "
            "updates."
        )
    return array


def _rename(document: Document, source: list[str], new_name: str) -> None:
    value = paths.get(document, source)
    if value is not MISSING:
        paths.remove(document, source)
        paths.put(document, paths.split(new_name), value)


def _set(current: Any, argument: Any) -> Any:
    return argument


def _unset(current: Any, argument: Any) -> Any:
    return _Unset


def _arithmetic(name: str, function: Callable[[Any, Any], Any], empty: Any) -> Apply:
    def apply(current: Any, argument: Any) -> Any:
        if current is MISSING:
            return argument if empty is None else combine(argument, empty, function)
        if not is_number(current):
            raise CommandError(
                "TypeMismatch", f"Cannot apply {name} to a value of non-numeric type: {current!r}"
            )
        result = combine(current, argument, function)
        if not fits(result):
            raise bad_value(f"Failed to apply {name} operations to current value {current!r}")
        return result

    return apply


def _extreme(larger: bool) -> Apply:
    def apply(current: Any, argument: Any) -> Any:
        if current is MISSING:
            return argument
        new, old = encode(argument), encode(current)
        return argument if (new > old if larger else new < old) else current

    return apply


def _current_date(current: Any, argument: Any) -> Any:
    now = dt.datetime.now(dt.UTC)
    if type(argument) is dict and argument["$type"] == "timestamp":
        return Timestamp(now, 1)
    return now


def _list(current: Any, name: str) -> list[Any]:
    if current is MISSING:
        return []
    if type(current) is not list:
        raise bad_value(f"The field for {name} must be an array but is {current!r}")
    return list(current)


def _each(argument: Any) -> list[Any]:
    if type(argument) is dict and "$each" in argument:
        return list(argument["$each"])
    return [argument]


def _push(current: Any, argument: Any) -> list[Any]:
    array = _list(current, "$push")
    options = argument if type(argument) is dict and "$each" in argument else {}
    position = options.get("$position", len(array))
    array[position:position] = _each(argument)
    order = options.get("$sort")
    if type(order) is dict:
        key = sort_key(order)
        array.sort(key=lambda item: key(item if type(item) is dict else {}))
    elif order is not None:
        array.sort(key=encode, reverse=order < 0)
    limit = options.get("$slice")
    if limit is None:
        return array
    return array[:limit] if limit >= 0 else array[limit:]


def _add_to_set(current: Any, argument: Any) -> Any:
    array = _list(current, "$addToSet")
    present = {encode(item) for item in array}
    before = len(array)
    for item in _each(argument):
        if encode(item) not in present:
            present.add(encode(item))
            array.append(item)
    return current if len(array) == before and current is not MISSING else array


def _pull(current: Any, argument: Any) -> Any:
    if current is MISSING:
        return current
    if is_operator_document(argument):
        condition = compile_condition_on_values(argument)
    elif type(argument) is dict:
        element_test = compile_element_test(argument)
        return [v for v in _list(current, "$pull") if type(v) is not dict or not element_test(v)]
    elif isinstance(argument, Regex):
        condition = equals(argument)
    else:
        key = encode(argument)
        return [item for item in _list(current, "$pull") if encode(item) != key]
    return [item for item in _list(current, "$pull") if not condition([item])]


def _pull_all(current: Any, argument: Any) -> Any:
    if current is MISSING:
        return current
    unwanted = {encode(item) for item in argument}
    return [item for item in _list(current, "$pullAll") if encode(item) not in unwanted]


def _pop(current: Any, argument: Any) -> Any:
    if current is MISSING:
        return current
    array = _list(current, "$pop")
    return array[:-1] if argument == 1 else array[1:]


_BITS = {"and": operator.and_, "or": operator.or_, "xor": operator.xor}


def _bit(current: Any, argument: Any) -> Any:
    value = 0 if current is MISSING else current
    if isinstance(value, bool) or not isinstance(value, int):
        raise bad_value(f"Cannot apply $bit to a value of non-integral type: {value!r}")
    for name, mask in argument.items():
        value = combine(value, mask, _BITS[name])
    return Int64(value) if isinstance(current, Int64) else value


def _check_number(path: str, argument: Any) -> None:
    if not is_number(argument):
        raise CommandError(
            "TypeMismatch", f"Cannot increment with non-numeric argument: {{{path}: {argument!r}}}"
        )


def _check_push(path: str, argument: Any) -> None:
    if type(argument) is not dict or "$each" not in argument:
        return
    for key, value in argument.items():
        if key not in ("$each", "$slice", "$sort", "$position"):
            raise bad_value(f"Unrecognized clause in $push: {key}")
        if key == "$each" and type(value) is not list:
            raise bad_value("The argument to $each in $push must be an array")
        if key in ("$slice", "$position") and not isinstance(value, int):
            raise bad_value(f"The value for {key} must be an integer value")
        if key == "$sort" and value not in (1, -1) and type(value) is not dict:
            raise bad_value("The $sort is invalid: use 1/-1 to sort the whole element")


def _check_each(path: str, argument: Any) -> None:
    if type(argument) is dict and "$each" in argument and type(argument["$each"]) is not list:
        raise CommandError("TypeMismatch", "The argument to $each in $addToSet must be an array")


def _check_pull_all(path: str, argument: Any) -> None:
    if type(argument) is not list:
        raise bad_value("$pullAll requires an array argument")


def _check_pop(path: str, argument: Any) -> None:
    if argument not in (1, -1) or isinstance(argument, bool):
        raise CommandError("FailedToParse", f"$pop expects 1 or -1, found: {argument!r}")


def _check_current_date(path: str, argument: Any) -> None:
    if isinstance(argument, bool):
        return
    if type(argument) is not dict or argument.get("$type") not in ("date", "timestamp"):
        raise bad_value("$currentDate takes true or {$type: 'date'} or {$type: 'timestamp'}")


def _check_bit(path: str, argument: Any) -> None:
    if type(argument) is not dict or not argument or set(argument) - set(_BITS):
        raise bad_value("The $bit modifier takes and, or and xor with integers")
    if any(isinstance(mask, bool) or not isinstance(mask, int) for mask in argument.values()):
        raise bad_value("The $bit modifier field must be an Integer(32/64 bit)")


def _check_rename(path: str, argument: Any) -> None:
    if not isinstance(argument, str):
        raise bad_value(f"The 'to' field for $rename must be a string: {path}: {argument!r}")
    if "$" in path or "$" in argument:
        raise bad_value("The source and target field for $rename may not be positional")


_OPERATORS: dict[str, Apply] = {
    "$set": _set,
    "$setOnInsert": _set,
    "$unset": _unset,
    "$inc": _arithmetic("$inc", operator.add, None),
    "$mul": _arithmetic("$mul", operator.mul, 0),
    "$min": _extreme(larger=False),
    "$max": _extreme(larger=True),
    "$currentDate": _current_date,
    "$push": _push,
    "$addToSet": _add_to_set,
    "$pull": _pull,
    "$pullAll": _pull_all,
    "$pop": _pop,
    "$bit": _bit,
}
_CHECKS: dict[str, Callable[[str, Any], None]] = {
    "$inc": _check_number,
    "$mul": _check_number,
    "$push": _check_push,
    "$addToSet": _check_each,
    "$pullAll": _check_pull_all,
    "$pop": _check_pop,
    "$currentDate": _check_current_date,
    "$bit": _check_bit,
    "$rename": _check_rename,
}


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
