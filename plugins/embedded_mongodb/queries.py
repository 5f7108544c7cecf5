"""Commands that read documents: find, count, distinct, aggregate, their cursors and explain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from bson import Int64

from .aggregation import Context, run_pipeline
from .bsonkeys import encode
from .catalog import Catalog
from .commands import Document, Session, command, namespace, query_of
from .cursors import FIRST_BATCH, Cursor
from .documents import encode_document
from .errors import not_supported, require
from .joins import writes
from .matcher import compile_filter
from .paths import MISSING, values_at
from .projection import compile_projection
from .search import Match, count, explain, search


@command("find", fields=(
    "filter projection sort skip limit batchSize singleBatch hint collation allowDiskUse "
    "noCursorTimeout allowPartialResults"
))  # fmt: skip
def _find(session: Session, body: Document) -> bytes:
    db, name = namespace(body, "find")
    query = query_of(body, "filter")
    spec = body.get("projection")
    project = compile_projection(spec, of_find=True) if spec else None
    single = bool(body.get("singleBatch")) or (body.get("limit") or 0) < 0
    size = None if single else _batch_size(body)
    with session.storage.read() as catalog:
        collection = catalog.find(db, name)
        results = _encoded(search(session.storage, collection, query), project)
        cursor = Cursor(f"{db}.{name}", results, collection)
        return session.cursors.reply(cursor, size, single=single)


def _encoded(
    matches: Iterator[Match], project: Callable[[Document], Document] | None
) -> Iterator[bytes]:
    if project is None:
        return (match.raw for match in matches)
    return (encode_document(project(match.decoded())) for match in matches)


def _batch_size(body: Document) -> int:
    size = body.get("batchSize", FIRST_BATCH)
    fits = isinstance(size, (int, float)) and size >= 0
    require(fits, "Location51024", "BSON field 'batchSize' value must be >= 0")
    return int(size)


@command("getMore", fields="collection batchSize")
def _get_more(session: Session, body: Document) -> bytes:
    number = int(body["getMore"])
    cursor = session.cursors.take(number, f"{body['$db']}.{body.get('collection')}")
    with session.storage.read() as catalog:
        exists = cursor.collection is None or catalog.has(cursor.collection)
        require(exists, "QueryPlanKilled", f"collection dropped: {cursor.namespace}")
        return session.cursors.reply(cursor, body.get("batchSize") or None, number)


@command("killCursors", fields="cursors")
def _kill_cursors(session: Session, body: Document) -> Document:
    killed, missing = session.cursors.kill([int(number) for number in body["cursors"]])
    lists = {"cursorsKilled": killed, "cursorsNotFound": missing}
    reply = {name: list(map(Int64, numbers)) for name, numbers in lists.items()}
    return {**reply, "cursorsAlive": [], "cursorsUnknown": []}


@command("count", fields="query limit skip hint collation")
def _count(session: Session, body: Document) -> Document:
    db, name = namespace(body, "count")
    query = query_of(body, "query")
    with session.storage.read() as catalog:
        return {"n": count(session.storage, catalog.find(db, name), query)}


@command("distinct", fields="key query collation hint")
def _distinct(session: Session, body: Document) -> Document:
    db, name = namespace(body, "distinct")
    named = isinstance(body.get("key"), str)
    require(named, "TypeMismatch", "BSON field 'distinct.key' is the wrong type")
    parts = body["key"].split(".")
    found: dict[bytes, Any] = {}
    with session.storage.read() as catalog:
        for match in search(session.storage, catalog.find(db, name), query_of(body, "query")):
            for value in values_at(match.decoded(), parts):
                for item in value if type(value) is list else [value]:
                    if item is not MISSING:
                        found.setdefault(encode(item), item)
    return {"values": [found[key] for key in sorted(found)]}


@command("aggregate", fields="pipeline cursor allowDiskUse collation hint let explain")
def _aggregate(session: Session, body: Document) -> bytes:
    pipeline = body.get("pipeline")
    fits = type(pipeline) is list
    require(fits, "TypeMismatch", "'pipeline' option must be specified as an array")
    fits = type(body.get("cursor")) is dict
    require(fits, "FailedToParse", "The 'cursor' option is required")
    if not writes(pipeline):
        with session.storage.read() as catalog:
            return _first_results(session, body, catalog)
    with session.storage.write():
        return _first_results(session, body, session.storage.writing_catalog)


def _first_results(session: Session, body: Document, catalog: Catalog) -> bytes:
    db, asked = body["$db"], query_of(body, "query")
    source = body["aggregate"] if isinstance(body["aggregate"], str) else None
    variables = dict(body.get("let") or {})
    context = Context(session.storage, catalog, db, variables, asked.deadline)
    documents = run_pipeline(context, source, body["pipeline"], asked.hint)
    collection = catalog.find(db, source) if source else None
    name = f"{db}.{source or '$cmd.aggregate'}"
    cursor = Cursor(name, map(encode_document, documents), collection)
    return session.cursors.reply(cursor, _batch_size(body["cursor"]))


@command("explain", fields="verbosity")
def _explain(session: Session, body: Document) -> Document:
    inner = body["explain"]
    if "find" not in inner:
        raise not_supported("explain of anything but find")
    query = query_of(inner, "filter")
    compile_filter(query.filter)
    with session.storage.read() as catalog:
        plan = explain(catalog.find(body["$db"], inner["find"]), query)
    return {"queryPlanner": {"namespace": f"{body['$db']}.{inner['find']}", **plan}}
