"""`$group`, `$bucket` and `$sortByCount`, and the accumulators that work in them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .aggregation import STAGES, Context, Document, Stage
from .bsonkeys import encode
from .errors import require
from .numbers import average, total
from .operators import null_if_missing
from .paths import MISSING

Accumulator = Callable[[list[Any]], Any]
"""Makes one value of those that a group's documents gave, MISSING where one had none."""


def _present(values: list[Any]) -> Iterable[Any]:
    return (value for value in values if value is not MISSING)


def _comparable(values: list[Any]) -> Iterable[Any]:
    return (value for value in values if value is not MISSING and value is not None)


ACCUMULATORS: dict[str, Accumulator] = {
    "$sum": total,
    "$avg": average,
    "$min": lambda values: min(_comparable(values), key=encode, default=None),
    "$max": lambda values: max(_comparable(values), key=encode, default=None),
    "$first": lambda values: null_if_missing(values[0]),
    "$last": lambda values: null_if_missing(values[-1]),
    "$push": lambda values: list(_present(values)),
    "$addToSet": lambda values: list({encode(value): value for value in _present(values)}.values()),
    "$count": len,
}


def _accumulations(
    context: Context, spec: Document
) -> list[tuple[str, Accumulator, Callable[[Document], Any]]]:
    fields = []
    for name, accumulation in spec.items():
        fits = type(accumulation) is dict and len(accumulation) == 1
        require(fits, "Location40234", f"The field '{name}' must be an accumulator object")
        ((operator, argument),) = accumulation.items()
        known = operator in ACCUMULATORS
        require(known, "Location15952", f"unknown group operator '{operator}'")
        plain = "." not in name and not name.startswith("$")
        require(plain, "Location40235", f"The field name '{name}' cannot contain '.'")
        expression = context.expression(None if operator == "$count" else argument)
        fields.append((name, ACCUMULATORS[operator], expression))
    return fields


def _grouping(
    context: Context, identity: Callable[[Document], Any], spec: Document
) -> Callable[[Iterator[Document]], dict[bytes, Document]]:
    """Return the function that groups: results by the key of their `_id`, in the order met."""
    fields = _accumulations(context, spec)
    expressions = [expression for _, _, expression in fields]

    def grouped(documents: Iterator[Document]) -> dict[bytes, Document]:
        groups: dict[bytes, tuple[Any, list[list[Any]]]] = {}
        for document in documents:
            value = identity(document)
            key = encode(value)
            group = groups.get(key)
            if group is None:
                group = groups[key] = (null_if_missing(value), [[] for _ in fields])
            for values, expression in zip(group[1], expressions, strict=True):
                values.append(expression(document))
        return {key: result(*group) for key, group in groups.items()}

    def result(identity: Any, columns: list[list[Any]]) -> Document:
        accumulated = zip(fields, columns, strict=True)
        return {"_id": identity, **{name: make(values) for (name, make, _), values in accumulated}}

    return grouped


def _group(context: Context, spec: Any) -> Stage:
    fits = type(spec) is dict and "_id" in spec
    require(fits, "Location15955", "a group specification must include an _id")
    identity = context.expression(spec["_id"])
    grouped = _grouping(context, identity, {k: v for k, v in spec.items() if k != "_id"})
    return lambda documents: iter(grouped(documents).values())


def _sort_by_count(context: Context, spec: Any) -> Stage:
    group = _group(context, {"_id": spec, "count": {"$sum": 1}})
    sort = STAGES["$sort"](context, {"count": -1})
    return lambda documents: sort(group(documents))


def _bucket(context: Context, spec: Any) -> Stage:
    boundaries = [encode(bound) for bound in spec.get("boundaries", ())]
    fits = len(boundaries) > 1 and boundaries == sorted(set(boundaries))
    require(fits, "Location40194", "$bucket boundaries must be ascending, at least two")
    group_by = context.expression(spec.get("groupBy"))

    def bucket_of(document: Document) -> Any:
        at = bisect_right(boundaries, encode(group_by(document)))
        if 0 < at < len(boundaries):
            return spec["boundaries"][at - 1]
        require("default" in spec, "Location40066", "$bucket found no boundary and has no default")
        return spec["default"]

    grouped = _grouping(context, bucket_of, spec.get("output", {"count": {"$sum": 1}}))

    def run(documents: Iterator[Document]) -> Iterator[Document]:
        buckets = grouped(documents)
        yield from (buckets[key] for key in sorted(buckets))

    return run


STAGES.update({"$group": _group, "$sortByCount": _sort_by_count, "$bucket": _bucket})
