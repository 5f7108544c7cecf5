"""Aggregation pipelines: each stage is compiled into a function from documents to documents."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from bson import Int64

from . import paths
from .catalog import Catalog
from .errors import CommandError, not_supported
from .expressions import compile_expression
from .matcher import compile_filter
from .paths import MISSING
from .projection import compile_projection, put_computed
from .search import Query, count, search
from .sorting import sort_key
from .storage import Storage

Document = dict[str, Any]
Stage = Callable[[Iterator[Document]], Iterator[Document]]
_KNOWN_BUT_REFUSED = {
    "$bucketAuto", "$collStats", "$densify", "$documents", "$fill", "$geoNear", "$graphLookup",
    "$indexStats", "$planCacheStats", "$redact", "$search", "$setWindowFields", "$currentOp",
    "$listSessions", "$listLocalSessions", "$changeStreamSplitLargeEvent", "$unionWith",
}  # fmt: skip


@dataclass
class Context:
    """What a pipeline runs in; `variables` may change between runs of a sub-pipeline."""

    storage: Storage
    catalog: Catalog
    db: str
    variables: MutableMapping[str, Any] = field(default_factory=dict)
    deadline: float | None = None

    def expression(self, spec: Any) -> Callable[[Document], Any]:
        """Return an expression with this context's variables bound."""
        evaluate = compile_expression(spec, frozenset(self.variables))
        return lambda document: evaluate(document, self.variables)


def run_pipeline(
    context: Context, collection: str | None, pipeline: Any, hint: Any = None
) -> Iterator[Document]:
    """Return the results of a pipeline over a collection (None: over no documents).

    A leading `$match`, `$sort` and `$limit` go to the planner, and counting to the index.
    """
    stages = [split_stage(stage) for stage in pipeline]
    compiled = [compile_stage(context, *stage) for stage in stages]
    query, used = _leading_query(context, stages)
    query.hint = hint
    found = context.catalog.find(context.db, collection) if collection else None
    if stages[used:] == [("$group", {"_id": 1, "n": {"$sum": 1}})]:
        total = count(context.storage, found, query)
        return iter([{"_id": 1, "n": total}] if total else [])
    matches = search(context.storage, found, query)
    documents: Iterator[Document] = (match.decoded() for match in matches)
    for stage in compiled[used:]:
        documents = stage(documents)
    return documents


def split_stage(stage: Any) -> tuple[str, Any]:
    """Return the name and the argument of a stage. Raises Location40323."""
    if type(stage) is not dict or len(stage) != 1:
        raise CommandError("Location40323", "A pipeline stage must have exactly one field.")
    return next(iter(stage.items()))


def compile_stage(context: Context, name: str, spec: Any) -> Stage:
    """Return the function of one stage. Raises Location40324 for an unknown stage."""
    builder = STAGES.get(name)
    if builder is not None:
        return builder(context, spec)
    if name == "$changeStream":
        raise CommandError("Location40573", "$changeStream is only supported on replica sets")
    if name in _KNOWN_BUT_REFUSED:
        raise not_supported(f"the aggregation stage {name}")
    raise CommandError("Location40324", f"Unrecognized pipeline stage name: '{name}'")


def _leading_query(context: Context, stages: list[tuple[str, Any]]) -> tuple[Query, int]:
    query, used = Query(variables=context.variables, deadline=context.deadline), 0
    names = [name for name, _ in stages]
    if names[:1] == ["$match"]:
        query.filter, used = stages[0][1], 1
    if names[used : used + 1] == ["$sort"]:
        query.sort, used = stages[used][1], used + 1
        if names[used : used + 1] == ["$limit"]:
            query.limit, used = stages[used][1], used + 1
    return query, used


def _match(context: Context, spec: Any) -> Stage:
    predicate = compile_filter(spec, context.variables)
    return lambda documents: filter(predicate, documents)


def _sort(context: Context, spec: Any) -> Stage:
    key = sort_key(spec)
    return lambda documents: iter(sorted(documents, key=key))


def _whole(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value):
        raise CommandError("Location15957", f"the argument to {name} must be a whole number")
    if value < least:
        code = "Location15958" if name == "$limit" else "Location15956"
        raise CommandError(code, f"the argument to {name} must be at least {least}")
    return int(value)


def _limit(context: Context, spec: Any) -> Stage:
    limit = _whole("$limit", spec, 1)
    return lambda documents: itertools.islice(documents, limit)


def _skip(context: Context, spec: Any) -> Stage:
    skip = _whole("$skip", spec, 0)
    return lambda documents: itertools.islice(documents, skip, None)


def _count(context: Context, spec: Any) -> Stage:
    if not isinstance(spec, str) or not spec or spec.startswith("$") or "." in spec:
        raise CommandError("Location40156", "the count field must be a non-empty string")

    def run(documents: Iterator[Document]) -> Iterator[Document]:
        total = sum(1 for _ in documents)
        if total:
            yield {spec: total}

    return run


def _sample(context: Context, spec: Any) -> Stage:
    size = _whole("$sample", spec.get("size") if type(spec) is dict else spec, 1)

    def run(documents: Iterator[Document]) -> Iterator[Document]:
        everything = list(documents)
        return iter(random.sample(everything, min(size, len(everything))))

    return run


def _project(context: Context, spec: Any) -> Stage:
    if type(spec) is not dict or not spec:
        raise CommandError("Location51272", "$project specification must have at least one field")
    project = compile_projection(spec, context.variables)
    return lambda documents: map(project, documents)


def _unset(context: Context, spec: Any) -> Stage:
    names = spec if type(spec) is list else [spec]
    if not names or not all(isinstance(name, str) for name in names):
        raise CommandError("Location31002", "$unset specification must be a string or an array")
    project = compile_projection(dict.fromkeys(names, 0))
    return lambda documents: map(project, documents)


def _add_fields(context: Context, spec: Any) -> Stage:
    if type(spec) is not dict:
        raise CommandError("Location40272", "$addFields specification stage must be an object")
    assign = _assignments(context, spec)
    return lambda documents: map(assign, documents)


def _assignments(context: Context, spec: Document) -> Callable[[Document], Document]:
    fields = [
        (parts, context.expression(value))
        for name, deeper in spec.items()
        for parts, value in _flatten(name.split("."), deeper)
    ]

    def assign(document: Document) -> Document:
        out = dict(document)
        for parts, expression in fields:
            value = expression(document)
            if value is MISSING:
                _take_out(out, parts)
            else:
                put_computed(out, parts, value)
        return out

    return assign


def _flatten(parts: list[str], value: Any) -> Iterator[tuple[list[str], Any]]:
    if type(value) is dict and value and not next(iter(value)).startswith("$"):
        for name, deeper in value.items():
            yield from _flatten([*parts, *name.split(".")], deeper)
    else:
        yield parts, value


def _take_out(out: Document, parts: list[str]) -> None:
    for part in parts[:-1]:
        child = out.get(part)
        if type(child) is not dict:
            return
        out[part] = out = dict(child)
    out.pop(parts[-1], None)


def _replace_root(context: Context, spec: Any) -> Stage:
    new_root = spec.get("newRoot") if type(spec) is dict else spec
    return _replace_with(context, new_root)


def _replace_with(context: Context, spec: Any) -> Stage:
    evaluate = context.expression(spec)

    def replace(document: Document) -> Document:
        value = evaluate(document)
        if type(value) is not dict:
            raise CommandError("Location40228", f"'newRoot' must be an object, not {value!r}")
        return value

    return lambda documents: map(replace, documents)


def _unwind(context: Context, spec: Any) -> Stage:
    options = {"path": spec} if isinstance(spec, str) else spec
    if type(options) is not dict or not str(options.get("path", "")).startswith("$"):
        raise CommandError("Location28818", "path option to $unwind stage should begin with '$'")
    for name in options:
        if name not in ("path", "preserveNullAndEmptyArrays", "includeArrayIndex"):
            raise CommandError("Location28811", f"unrecognized option to $unwind stage: {name}")
    parts = options["path"][1:].split(".")
    keep = options.get("preserveNullAndEmptyArrays", False)
    position_field = options.get("includeArrayIndex")

    def with_value(document: Document, value: Any, position: Any) -> Document:
        out = _copy_along(document, parts)
        if value is MISSING:
            paths.remove(out, parts)
        else:
            paths.put(out, parts, value)
        if position_field:
            paths.put(out, position_field.split("."), position)
        return out

    def run(documents: Iterator[Document]) -> Iterator[Document]:
        for document in documents:
            value = _plain_get(document, parts)
            if type(value) is list and value:
                for position, item in enumerate(value):
                    yield with_value(document, item, Int64(position))
            elif type(value) is list or value is None or value is MISSING:
                if keep:
                    yield with_value(document, MISSING if value == [] else value, None)
            else:
                yield with_value(document, value, None)

    return run


def _plain_get(value: Any, parts: list[str]) -> Any:
    for part in parts:
        if type(value) is not dict or part not in value:
            return MISSING
        value = value[part]
    return value


def _copy_along(document: Document, parts: list[str]) -> Document:
    out = dict(document)
    inner = out
    for part in parts[:-1]:
        if type(inner.get(part)) is not dict:
            break
        inner[part] = dict(inner[part])
        inner = inner[part]
    return out


STAGES: dict[str, Callable[[Context, Any], Stage]] = {
    "$match": _match,
    "$sort": _sort,
    "$limit": _limit,
    "$skip": _skip,
    "$count": _count,
    "$sample": _sample,
    "$project": _project,
    "$unset": _unset,
    "$addFields": _add_fields,
    "$set": _add_fields,
    "$replaceRoot": _replace_root,
    "$replaceWith": _replace_with,
    "$unwind": _unwind,
}
