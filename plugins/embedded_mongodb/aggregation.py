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
from .errors import CommandError, not_supported, require
from .expressions import compile_expression
from .matcher import compile_filter
from .paths import MISSING
from .projection import compile_projection, fields_below, put_computed, remove_computed
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
    fits = type(stage) is dict and len(stage) == 1
    require(fits, "Location40323", "A pipeline stage must have exactly one field.")
    return next(iter(stage.items()))


def compile_stage(context: Context, name: str, spec: Any) -> Stage:
    """Return the function of one stage. Raises Location40324 for an unknown stage."""
    if name in STAGES:
        return STAGES[name](context, spec)
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


def _whole(name: str, value: Any, least: int, code: str) -> int:
    whole = isinstance(value, (int, float)) and not isinstance(value, bool) and value % 1 == 0
    require(whole, "Location15957", f"the argument to {name} must be a whole number")
    require(value >= least, code, f"the argument to {name} must be at least {least}")
    return int(value)


def _limit(context: Context, spec: Any) -> Stage:
    limit = _whole("$limit", spec, 1, "Location15958")
    return lambda documents: itertools.islice(documents, limit)


def _skip(context: Context, spec: Any) -> Stage:
    skip = _whole("$skip", spec, 0, "Location15956")
    return lambda documents: itertools.islice(documents, skip, None)


def _count(context: Context, spec: Any) -> Stage:
    fits = isinstance(spec, str) and spec and not spec.startswith("$") and "." not in spec
    require(fits, "Location40156", "the count field must be a non-empty string")

    def run(documents: Iterator[Document]) -> Iterator[Document]:
        total = sum(1 for _ in documents)
        if total:
            yield {spec: total}

    return run


def _sample(context: Context, spec: Any) -> Stage:
    size = _whole("$sample", spec.get("size") if type(spec) is dict else spec, 1, "Location28747")

    def run(documents: Iterator[Document]) -> Iterator[Document]:
        everything = list(documents)
        return iter(random.sample(everything, min(size, len(everything))))

    return run


def _project(context: Context, spec: Any) -> Stage:
    fits = type(spec) is dict and spec
    require(fits, "Location51272", "$project specification must have at least one field")
    project = compile_projection(spec, context.variables)
    return lambda documents: map(project, documents)


def _unset(context: Context, spec: Any) -> Stage:
    names = spec if type(spec) is list else [spec]
    fits = names and all(isinstance(name, str) for name in names)
    require(fits, "Location31002", "$unset specification must be a string or an array")
    project = compile_projection(dict.fromkeys(names, 0))
    return lambda documents: map(project, documents)


def _add_fields(context: Context, spec: Any) -> Stage:
    require(type(spec) is dict, "Location40272", "$addFields specification must be an object")
    fields = [(parts, context.expression(value)) for parts, value in fields_below(spec)]

    def assign(document: Document) -> Document:
        out = dict(document)
        for parts, expression in fields:
            value = expression(document)
            if value is MISSING:
                remove_computed(out, parts)
            else:
                put_computed(out, parts, value)
        return out

    return lambda documents: map(assign, documents)


def _replace_root(context: Context, spec: Any) -> Stage:
    return _replace_with(context, spec.get("newRoot") if type(spec) is dict else spec)


def _replace_with(context: Context, spec: Any) -> Stage:
    evaluate = context.expression(spec)

    def replace(document: Document) -> Document:
        value = evaluate(document)
        require(type(value) is dict, "Location40228", "'newRoot' must evaluate to an object")
        return value

    return lambda documents: map(replace, documents)


def _unwind(context: Context, spec: Any) -> Stage:
    options = spec if type(spec) is dict else {"path": spec}
    path: Any = options.get("path")
    fits = isinstance(path, str) and path.startswith("$")
    require(fits, "Location28818", "path option to $unwind stage should begin with '$'")
    known = set(options) <= {"path", "preserveNullAndEmptyArrays", "includeArrayIndex"}
    require(known, "Location28811", "unrecognized option to $unwind stage")
    parts = path[1:].split(".")
    keep = options.get("preserveNullAndEmptyArrays", False)
    position_field = options.get("includeArrayIndex")

    def with_value(document: Document, value: Any, position: Any = None) -> Document:
        out = dict(document)
        if value is MISSING:
            remove_computed(out, parts)
        else:
            put_computed(out, parts, value)
        if position_field:
            paths.put(out, position_field.split("."), position)
        return out

    def run(documents: Iterator[Document]) -> Iterator[Document]:
        for document in documents:
            value = _plain_get(document, parts)
            if type(value) is list and value:
                for position, item in enumerate(value):
                    yield with_value(document, item, Int64(position))
            elif value == [] or value is None or value is MISSING:
                if keep:
                    yield with_value(document, MISSING if value == [] else value)
            else:
                yield with_value(document, value)

    return run


def _plain_get(value: Any, parts: list[str]) -> Any:
    for part in parts:
        if type(value) is not dict or part not in value:
            return MISSING
        value = value[part]
    return value


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
