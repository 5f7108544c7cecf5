"""Aggregation stages that read or write other collections: joins, facets, outputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from bson import DBRef, ObjectId, Regex

from . import paths
from .aggregation import STAGES, Context, Document, Stage, compile_stage, run_pipeline, split_stage
from .documents import encode_document
from .errors import not_supported, require
from .operators import variable_name
from .paths import MISSING, fields_of, values_at
from .search import Query, search

OUTPUT_STAGES = ("$out", "$merge")


def writes(pipeline: Any) -> bool:
    """Tell whether a pipeline ends in a stage that writes."""
    last = pipeline[-1] if type(pipeline) is list and pipeline else None
    return type(last) is dict and any(name in last for name in OUTPUT_STAGES)


def _refuse_outputs(pipeline: Any, where: str) -> None:
    message = f"$out and $merge are not allowed within {where}"
    require(not writes(pipeline), "Location51047", message)


def _lookup(context: Context, spec: Any) -> Stage:
    fields = {"localField", "foreignField"} & set(spec)
    known = {"as", "from"} <= set(spec) <= {"from", "as", "let", "pipeline", *fields}
    fits = known and (len(fields) == 2 or (not fields and "pipeline" in spec))
    require(fits, "FailedToParse", "$lookup requires from, as, and both fields or a pipeline")
    lets = {
        variable_name(name): context.expression(value)
        for name, value in spec.get("let", {}).items()
    }
    pipeline, parts = spec.get("pipeline", []), spec["as"].split(".")
    _refuse_outputs(pipeline, "$lookup")

    def joined(document: Document) -> list[Document]:
        values = {name: value(document) for name, value in lets.items()}
        inner = replace(context, variables={**context.variables, **values})
        stages = [{"$match": _equal_to_local(spec, document)}, *pipeline] if fields else pipeline
        return list(run_pipeline(inner, spec["from"], stages))

    def run(documents: Iterator[Document]) -> Iterator[Document]:
        for document in documents:
            out = dict(document)
            paths.put(out, parts, joined(document))
            yield out

    return run


def _equal_to_local(spec: Document, document: Document) -> Document:
    wanted: list[Any] = []
    for value in values_at(document, spec["localField"].split(".")):
        wanted += value if type(value) is list else [None if value is MISSING else value]
    wanted = [fields_of(value) if isinstance(value, DBRef) else value for value in wanted]
    if any(isinstance(value, Regex) for value in wanted):
        raise not_supported("$lookup on a field that holds a regular expression")
    return {spec["foreignField"]: {"$in": wanted}}


def _facet(context: Context, spec: Any) -> Stage:
    fits = type(spec) is dict and spec
    require(fits, "Location40169", "the $facet specification must be a non-empty object")
    facets: dict[str, list[Stage]] = {}
    for name, pipeline in spec.items():
        _refuse_outputs(pipeline, "$facet")
        facets[name] = [compile_stage(context, *split_stage(stage)) for stage in pipeline]

    def run(documents: Iterator[Document]) -> Iterator[Document]:
        everything = list(documents)
        result = {}
        for name, stages in facets.items():
            found: Iterator[Document] = iter(everything)
            for stage in stages:
                found = stage(found)
            result[name] = list(found)
        yield result

    return run


def _target(context: Context, spec: Any, key: str) -> tuple[str, str]:
    """Return database and collection of `{key: NAME}`, `{key: {db, coll}}`, NAME or {db, coll}."""
    target = spec.get(key, spec) if isinstance(spec, dict) else spec
    if isinstance(target, dict):
        return target.get("db", context.db), target["coll"]
    return context.db, target


def _with_id(document: Document) -> Document:
    return document if "_id" in document else {"_id": ObjectId(), **document}


def _out(context: Context, spec: Any) -> Stage:
    db, name = _target(context, spec, "into")

    def run(documents: Iterator[Document]) -> Iterator[Document]:
        storage = context.storage
        results = [_with_id(document) for document in documents]
        old = storage.writing_catalog.find(db, name)
        if old is not None:
            storage.drop(old)
        target = storage.collection(db, name)
        for index in old.indexes if old else ():
            target = storage.create_index(target, index.spec)
        for document in results:
            storage.insert(storage.collection(db, name), document)
        return iter(())

    return run


def _merge(context: Context, spec: Any) -> Stage:
    if isinstance(spec, dict) and set(spec) != {"into"}:
        raise not_supported("$merge in another way than by _id, merging and inserting")
    db, name = _target(context, spec, "into")

    def run(documents: Iterator[Document]) -> Iterator[Document]:
        storage = context.storage
        for document in [_with_id(document) for document in documents]:
            target = storage.collection(db, name)
            match = next(search(storage, target, Query({"_id": {"$eq": document["_id"]}})), None)
            if match is None:
                storage.insert(target, document)
            else:
                old = match.decoded()
                merged = {**old, **document, "_id": old["_id"]}
                storage.replace(target, match.row, match.raw, merged, encode_document(merged))
        return iter(())

    return run


STAGES.update({"$lookup": _lookup, "$facet": _facet, "$out": _out, "$merge": _merge})
