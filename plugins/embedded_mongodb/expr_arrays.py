"""Expression operators on arrays, sets and objects."""

from __future__ import annotations

from typing import Any

from .accumulators import ACCUMULATORS
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
    null_if_missing,
    null_passing,
    truth,
    variable_name,
)
from .paths import MISSING


def _array(value: Any, name: str, code: str = "Location28689") -> list[Any]:
    if type(value) is not list:
        raise CommandError(code, f"The argument to {name} must be an array, not {value!r}")
    return value


def _size(spec: Any, compile_: Compile) -> Expression:
    (part,) = map(compile_, arguments(spec, "$size", 1))
    return lambda doc, scope: len(_array(part(doc, scope), "$size", "Location17124"))


def _is_array(spec: Any, compile_: Compile) -> Expression:
    (part,) = map(compile_, arguments(spec, "$isArray", 1))
    return lambda doc, scope: type(part(doc, scope)) is list


def _element_at(array: Any, position: Any) -> Any:
    items, at = _array(array, "$arrayElemAt"), int(position)
    return items[at] if -len(items) <= at < len(items) else MISSING


def _slice(array: Any, *limits: Any) -> list[Any]:
    items = _array(array, "$slice")
    if len(limits) == 1:
        count = int(limits[0])
        return items[:count] if count >= 0 else items[count:]
    start, count = int(limits[0]), int(limits[1])
    if count <= 0:
        raise CommandError("Location28729", "Third argument to $slice must be positive")
    start = max(0, len(items) + start) if start < 0 else start
    return items[start : start + count]


def _concat_arrays(*arrays: Any) -> list[Any]:
    return [item for array in arrays for item in _array(array, "$concatArrays")]


def _in(spec: Any, compile_: Compile) -> Expression:
    needle, array = map(compile_, arguments(spec, "$in", 2))

    def evaluate(doc: Any, scope: Variables) -> bool:
        key = encode(needle(doc, scope))
        return any(encode(v) == key for v in _array(array(doc, scope), "$in", "Location40081"))

    return evaluate


def _index_of(array: Any, wanted: Any) -> int:
    keys = [encode(item) for item in _array(array, "$indexOfArray", "Location40090")]
    key = encode(wanted)
    return keys.index(key) if key in keys else -1


def _range(start: Any, end: Any, step: Any = 1) -> list[int]:
    if not step:
        raise CommandError("Location34449", "$range requires a non-zero step value")
    return list(range(int(start), int(end), int(step)))


def _filter(spec: Any, compile_: Compile) -> Expression:
    spec = named_arguments(spec, "$filter", ("input", "cond"), ("as",))
    name = variable_name(spec.get("as", "this"))
    array, test = compile_(spec["input"]), compile_(spec["cond"], name)

    def evaluate(doc: Any, scope: Variables) -> Any:
        items = array(doc, scope)
        if is_null(items):
            return None
        return [v for v in _array(items, "$filter") if truth(test(doc, {**scope, name: v}))]

    return evaluate


def _map(spec: Any, compile_: Compile) -> Expression:
    spec = named_arguments(spec, "$map", ("input", "in"), ("as",))
    name = variable_name(spec.get("as", "this"))
    array, inner = compile_(spec["input"]), compile_(spec["in"], name)

    def evaluate(doc: Any, scope: Variables) -> Any:
        items = array(doc, scope)
        if is_null(items):
            return None
        results = (inner(doc, {**scope, name: item}) for item in _array(items, "$map"))
        return [null_if_missing(result) for result in results]

    return evaluate


def _reduce(spec: Any, compile_: Compile) -> Expression:
    spec = named_arguments(spec, "$reduce", ("input", "initialValue", "in"))
    array, initial = compile_(spec["input"]), compile_(spec["initialValue"])
    step = compile_(spec["in"], "value", "this")

    def evaluate(doc: Any, scope: Variables) -> Any:
        items = array(doc, scope)
        if is_null(items):
            return None
        value = initial(doc, scope)
        for item in _array(items, "$reduce"):
            value = step(doc, {**scope, "value": value, "this": item})
        return value

    return evaluate


def _distinct(items: list[Any]) -> dict[bytes, Any]:
    keyed: dict[bytes, Any] = {}
    for item in items:
        keyed.setdefault(encode(item), item)
    return keyed


def _union(*sets: Any) -> list[Any]:
    merged: dict[bytes, Any] = {}
    for items in sets:
        merged = {**_distinct(_array(items, "$setUnion", "Location17043")), **merged}
    return [merged[key] for key in sorted(merged)]


def _intersection(*sets: Any) -> list[Any]:
    keyed = [_distinct(_array(items, "$setIntersection", "Location17047")) for items in sets]
    common = set(keyed[0]).intersection(*keyed[1:])
    return [keyed[0][key] for key in sorted(common)]


def _difference(left: Any, right: Any) -> list[Any]:
    excluded = _distinct(_array(right, "$setDifference", "Location17049"))
    kept = _distinct(_array(left, "$setDifference", "Location17048"))
    return [item for key, item in kept.items() if key not in excluded]


def _is_subset(left: Any, right: Any) -> bool:
    return set(_distinct(_array(left, "$setIsSubset"))) <= set(
        _distinct(_array(right, "$setIsSubset"))
    )


def _merge_objects(spec: Any, compile_: Compile) -> Expression:
    parts = [compile_(item) for item in (spec if type(spec) is list else [spec])]

    def evaluate(doc: Any, scope: Variables) -> Any:
        merged = ACCUMULATORS["$mergeObjects"]()
        for part in parts:
            merged.add(part(doc, scope))
        return merged.result()

    return evaluate


def _to_pairs(value: Any) -> list[dict[str, Any]]:
    if type(value) is not dict:
        raise CommandError("Location40390", f"$objectToArray requires a document, not {value!r}")
    return [{"k": key, "v": item} for key, item in value.items()]


def _from_pairs(array: Any) -> dict[str, Any]:
    built = {}
    for item in _array(array, "$arrayToObject", "Location40386"):
        pair = (item.get("k"), item.get("v")) if type(item) is dict else item
        if len(pair) != 2 or not isinstance(pair[0], str):
            raise CommandError("Location40392", f"$arrayToObject cannot use {item!r}")
        built[pair[0]] = pair[1]
    return built


def _accumulate(name: str) -> Builder:
    """`$sum` and its kin outside `$group`: over the arguments, or over one array argument."""

    def build(spec: Any, compile_: Compile) -> Expression:
        parts = [compile_(item) for item in (spec if type(spec) is list else [spec])]

        def evaluate(doc: Any, scope: Variables) -> Any:
            values = [part(doc, scope) for part in parts]
            if len(values) == 1 and type(values[0]) is list:
                values = values[0]
            accumulator = ACCUMULATORS[name]()
            for value in values:
                accumulator.add(value)
            return accumulator.result()

        return evaluate

    return build


def _end(name: str, at: int) -> Builder:
    return null_passing(name, 1, 1, lambda array: _element_at(_array(array, name), at))


ARRAYS: dict[str, Builder] = {
    "$size": _size,
    "$isArray": _is_array,
    "$arrayElemAt": null_passing("$arrayElemAt", 2, 2, _element_at),
    "$first": _end("$first", 0),
    "$last": _end("$last", -1),
    "$slice": null_passing("$slice", 2, 3, _slice),
    "$concatArrays": null_passing("$concatArrays", 0, 1000, _concat_arrays),
    "$reverseArray": null_passing(
        "$reverseArray", 1, 1, lambda v: _array(v, "$reverseArray")[::-1]
    ),
    "$in": _in,
    "$indexOfArray": null_passing("$indexOfArray", 2, 2, _index_of),
    "$range": null_passing("$range", 2, 3, _range),
    "$filter": _filter,
    "$map": _map,
    "$reduce": _reduce,
    "$setUnion": null_passing("$setUnion", 0, 1000, _union),
    "$setIntersection": null_passing("$setIntersection", 1, 1000, _intersection),
    "$setDifference": null_passing("$setDifference", 2, 2, _difference),
    "$setIsSubset": null_passing("$setIsSubset", 2, 2, _is_subset),
    "$mergeObjects": _merge_objects,
    "$objectToArray": null_passing("$objectToArray", 1, 1, _to_pairs),
    "$arrayToObject": null_passing("$arrayToObject", 1, 1, _from_pairs),
    "$sum": _accumulate("$sum"),
    "$avg": _accumulate("$avg"),
    "$min": _accumulate("$min"),
    "$max": _accumulate("$max"),
}
