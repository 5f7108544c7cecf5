"""Commands on documents: find, insert, update, delete, findAndModify, aggregate and kin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bson import Int64, ObjectId

from .aggregation import Context, compile_stage, run_pipeline, split_stage
from .bsonkeys import encode
from .catalog import Collection
from .commands import (
    Document,
    Session,
    check_collation,
    command,
    namespace,
    query_of,
)
from .cursors import FIRST_BATCH, Cursor
from .documents import decode_document, encode_document
from .errors import CommandError, not_supported
from .joins import writes
from .matcher import compile_filter
from .paths import MISSING, values_at
from .projection import check_projection, compile_projection
from .search import Match, Query, count, explain, search
from .updates import Update, seed_for_upsert

_PIPELINE_UPDATE_STAGES = (
    "$set", "$addFields", "$unset", "$project", "$replaceRoot", "$replaceWith",
)  # fmt: skip
_FIND_FIELDS = (
    "filter projection sort skip limit batchSize singleBatch hint collation allowDiskUse "
    "noCursorTimeout allowPartialResults let"
)


@command("find", fields=_FIND_FIELDS)
def _find(session: Session, body: Document) -> bytes:
    db, name = namespace(body, "find")
    query = query_of(body, "filter")
    query.variables = dict(body.get("let") or {})
    spec = check_projection(body.get("projection"))
    project = compile_projection(spec, query.filter, query.variables) if spec else None
    size, single = _batch_size(body), bool(body.get("singleBatch"))
    if (body.get("limit") or 0) < 0:
        single = True

    with session.storage.read() as catalog:
        collection = catalog.find(db, name)
        results = _encoded(search(session.storage, collection, query), project)
        cursor = Cursor(f"{db}.{name}", results, collection)
        return session.cursors.first(cursor, None if single else size, single)


def _encoded(matches: Iterator[Match], project: Any) -> Iterator[bytes]:
    if project is None:
        return (match.raw for match in matches)
    return (encode_document(project(match.decoded())) for match in matches)


def _batch_size(body: Document) -> int:
    size = body.get("batchSize")
    if size is not None and (not isinstance(size, (int, float)) or size < 0):
        raise CommandError("Location51024", f"BSON field 'batchSize' value must be >= 0: {size!r}")
    return FIRST_BATCH if size is None else int(size)


@command("getMore", fields="collection batchSize")
def _get_more(session: Session, body: Document) -> bytes:
    number = int(body["getMore"])
    cursor = session.cursors.take(number, f"{body['$db']}.{body.get('collection')}")
    with session.storage.read() as catalog:
        if cursor.collection is not None and not catalog.has(cursor.collection):
            raise CommandError("QueryPlanKilled", f"collection dropped: {cursor.namespace}")
        return session.cursors.next(number, cursor, body.get("batchSize") or None)


@command("killCursors", fields="cursors")
def _kill_cursors(session: Session, body: Document) -> Document:
    killed, missing = session.cursors.kill([int(number) for number in body["cursors"]])
    return {
        "cursorsKilled": [Int64(number) for number in killed],
        "cursorsNotFound": [Int64(number) for number in missing],
        "cursorsAlive": [],
        "cursorsUnknown": [],
    }


@command("count", fields="query limit skip hint collation")
def _count(session: Session, body: Document) -> Document:
    db, name = namespace(body, "count")
    query = query_of(body, "query")
    with session.storage.read() as catalog:
        return {"n": count(session.storage, catalog.find(db, name), query)}


@command("distinct", fields="key query collation hint")
def _distinct(session: Session, body: Document) -> Document:
    db, name = namespace(body, "distinct")
    if not isinstance(body.get("key"), str):
        raise CommandError("TypeMismatch", "BSON field 'distinct.key' is the wrong type")
    parts = body["key"].split(".")
    found: dict[bytes, Any] = {}
    with session.storage.read() as catalog:
        for match in search(session.storage, catalog.find(db, name), query_of(body, "query")):
            for value in values_at(match.decoded(), parts):
                for item in value if type(value) is list else [value]:
                    if item is not MISSING:
                        found.setdefault(encode(item), item)
    return {"values": [found[key] for key in sorted(found)]}


@command(
    "aggregate",
    fields="pipeline cursor allowDiskUse collation hint let bypassDocumentValidation explain",
)
def _aggregate(session: Session, body: Document) -> bytes:
    pipeline = body.get("pipeline")
    if type(pipeline) is not list:
        raise CommandError("TypeMismatch", "'pipeline' option must be specified as an array")
    if type(body.get("cursor")) is not dict:
        raise CommandError(
            "FailedToParse", "The 'cursor' option is required, except for aggregate with explain"
        )
    source = body["aggregate"] if isinstance(body["aggregate"], str) else None
    label = source or "$cmd.aggregate"
    asked = query_of(body, "query")
    guard = session.storage.write() if writes(pipeline) else session.storage.read()
    with guard as catalog:
        context = Context(
            session.storage,
            catalog or session.storage.writing_catalog,
            body["$db"],
            dict(body.get("let") or {}),
            asked.deadline,
        )
        documents = run_pipeline(context, source, pipeline, asked.hint)
        collection = context.catalog.find(body["$db"], source) if source else None
        cursor = Cursor(f"{body['$db']}.{label}", map(encode_document, documents), collection)
        return session.cursors.first(cursor, _batch_size(body["cursor"]))


@command("insert", fields="documents ordered bypassDocumentValidation", writes=True)
def _insert(session: Session, body: Document) -> Document:
    db, name = namespace(body, "insert")
    inserted, errors = 0, []
    for position, document in enumerate(body["documents"]):
        collection = session.storage.collection(db, name)
        try:
            session.storage.insert(collection, prepare_new(document))
            inserted += 1
        except CommandError as error:
            errors.append(error.write_error(position))
            if body.get("ordered", True):
                break
    return {"n": inserted, **({"writeErrors": errors} if errors else {})}


def prepare_new(document: Document) -> Document:
    """Return a document with an `_id`, which stands first. Raises InvalidIdField."""
    identity = document.get("_id", MISSING)
    if identity is MISSING:
        return {"_id": ObjectId(), **document}
    if isinstance(identity, list):
        raise CommandError("InvalidIdField", "The '_id' value cannot be of type array")
    if type(identity) is dict and any(key.startswith("$") for key in identity):
        raise CommandError(
            "DollarPrefixedFieldName", "_id fields may not contain '$'-prefixed fields"
        )
    if next(iter(document)) != "_id":
        return {"_id": identity, **document}
    return document


class _Change:
    """One update statement: operators, a replacement or a pipeline."""

    def __init__(self, session: Session, db: str, spec: Any, query: Document, filters: Any) -> None:
        self._session = session
        self.is_pipeline = type(spec) is list
        if self.is_pipeline:
            self._stages = []
            context = Context(session.storage, session.storage.writing_catalog, db)
            for stage in spec:
                name, argument = split_stage(stage)
                if name not in _PIPELINE_UPDATE_STAGES:
                    raise CommandError(
                        "InvalidOptions", f"{name} is not allowed to be used within an update"
                    )
                self._stages.append(compile_stage(context, name, argument))
            return
        if type(spec) is not dict:
            raise CommandError("FailedToParse", "Update argument must be an object or an array")
        self._update = Update(spec, query, filters or [])

    @property
    def is_replacement(self) -> bool:
        return not self.is_pipeline and self._update.is_replacement

    def apply(self, document: Document, inserting: bool = False) -> Document:
        if not self.is_pipeline:
            return self._update.apply(document, inserting)
        documents: Iterator[Document] = iter([document])
        for stage in self._stages:
            documents = stage(documents)
        return next(documents)

    def change(self, collection: Collection, match: Match) -> tuple[Document, Document, bool]:
        """Apply to a stored document; returns it before and after, and whether it differs."""
        before = decode_document(match.raw)
        after = self.apply(decode_document(match.raw))
        if next(iter(after), None) != "_id":
            after = {"_id": before["_id"], **after}
        if encode(after["_id"]) != encode(before["_id"]):
            raise CommandError(
                "ImmutableField",
                "Performing an update on the path '_id' would modify the immutable field '_id'",
            )
        after["_id"] = before["_id"]
        raw = encode_document(after)
        if raw == match.raw:
            return before, after, False
        touched = None if self.is_pipeline else self._update.touched
        self._session.storage.replace(collection, match.row, before, after, raw, touched)
        return before, after, True

    def upsert(self, collection: Collection, query: Document) -> Document:
        """Insert the document that the statement makes of the filter alone."""
        seed = seed_for_upsert(query)
        if self.is_replacement:
            seed = {"_id": seed["_id"]} if "_id" in seed else {}
        document = prepare_new(self.apply(seed, inserting=True))
        self._session.storage.insert(collection, document)
        return document


@command("update", fields="updates ordered bypassDocumentValidation let", writes=True)
def _update(session: Session, body: Document) -> Document:
    db, name = namespace(body, "update")
    matched = modified = 0
    upserted: list[Document] = []
    errors = []
    for position, statement in enumerate(body["updates"]):
        try:
            seen, changed, identity = _update_one_statement(session, db, name, statement)
        except CommandError as error:
            errors.append(error.write_error(position))
            if body.get("ordered", True):
                break
            continue
        matched += seen
        modified += changed
        if identity is not MISSING:
            upserted.append({"index": position, "_id": identity})
    return {
        "n": matched + len(upserted),
        "nModified": modified,
        **({"upserted": upserted} if upserted else {}),
        **({"writeErrors": errors} if errors else {}),
    }


def _update_one_statement(
    session: Session, db: str, name: str, statement: Document
) -> tuple[int, int, Any]:
    _check_statement(statement, "q u upsert multi collation arrayFilters hint sort")
    filter_, multi = statement.get("q") or {}, bool(statement.get("multi"))
    change = _Change(session, db, statement["u"], filter_, statement.get("arrayFilters"))
    if multi and change.is_replacement:
        raise CommandError(
            "FailedToParse", "multi update is not supported for replacement-style update"
        )
    query = query_of({**statement, "limit": 0 if multi else 1}, "q")
    upsert = bool(statement.get("upsert"))
    collection = session.storage.writing_catalog.find(db, name)
    # The matches are collected first: an update must not meet its own result again.
    matches = list(search(session.storage, collection, query))
    changed = 0
    for match in matches:
        current = session.storage.collection(db, name)
        changed += change.change(current, match)[2]
    if not matches and upsert:
        document = change.upsert(session.storage.collection(db, name), filter_)
        return 0, 0, document["_id"]
    return len(matches), changed, MISSING


def _check_statement(statement: Document, known: str) -> None:
    for key in statement:
        if key not in known.split():
            raise CommandError("Location40415", f"BSON field '{key}' is an unknown field.")
    if not check_collation(statement.get("collation")):
        raise not_supported("collation")


@command("delete", fields="deletes ordered let", writes=True)
def _delete(session: Session, body: Document) -> Document:
    db, name = namespace(body, "delete")
    removed, errors = 0, []
    for position, statement in enumerate(body["deletes"]):
        try:
            _check_statement(statement, "q limit collation hint")
            if statement.get("limit") not in (0, 1):
                raise CommandError("FailedToParse", "The limit field in delete must be 0 or 1")
            collection = session.storage.writing_catalog.find(db, name)
            matches = list(search(session.storage, collection, query_of(statement, "q")))
            for match in matches if collection else []:
                session.storage.delete(collection, match.row, match.decoded())  # type: ignore[arg-type]
            removed += len(matches)
        except CommandError as error:
            errors.append(error.write_error(position))
            if body.get("ordered", True):
                break
    return {"n": removed, **({"writeErrors": errors} if errors else {})}


@command(
    "findAndModify",
    "findandmodify",
    fields="query sort remove update new fields upsert bypassDocumentValidation arrayFilters "
    "collation hint let",
    writes=True,
)
def _find_and_modify(session: Session, body: Document) -> Document:
    db, name = namespace(body, next(iter(body)))
    query = query_of({**body, "limit": 1}, "query")
    spec = check_projection(body.get("fields"))
    project = compile_projection(spec, query.filter) if spec else lambda document: document
    remove, upsert, new = (bool(body.get(key)) for key in ("remove", "upsert", "new"))
    if remove and ("update" in body or upsert or new):
        raise CommandError("FailedToParse", "Cannot specify both an update and remove=true")
    if not remove and "update" not in body:
        raise CommandError("FailedToParse", "Either an update or remove=true must be specified")
    collection = session.storage.writing_catalog.find(db, name)
    if remove:
        match = next(search(session.storage, collection, query), None)
        if match is None or collection is None:
            return {"lastErrorObject": {"n": 0}, "value": None}
        session.storage.delete(collection, match.row, match.decoded())
        return {"lastErrorObject": {"n": 1}, "value": project(match.decoded())}
    change = _Change(session, db, body["update"], query.filter, body.get("arrayFilters"))
    match = next(search(session.storage, collection, query), None)
    if match is not None and collection is not None:
        before, after, _ = change.change(collection, match)
        value = project(after if new else before)
        return {"lastErrorObject": {"n": 1, "updatedExisting": True}, "value": value}
    if not upsert:
        return {"lastErrorObject": {"n": 0, "updatedExisting": False}, "value": None}
    document = change.upsert(session.storage.collection(db, name), query.filter)
    outcome = {"n": 1, "updatedExisting": False, "upserted": document["_id"]}
    return {"lastErrorObject": outcome, "value": project(document) if new else None}


@command("explain", fields="verbosity")
def _explain(session: Session, body: Document) -> Document:
    inner = {**body["explain"], "$db": body["$db"]}
    name = next(iter(inner))
    if name not in ("find", "count", "aggregate", "distinct", "update", "delete", "findAndModify"):
        raise CommandError("CommandNotFound", f"Explain failed due to unknown command: {name}")
    query = query_of(inner, "query" if name in ("count", "distinct", "findAndModify") else "filter")
    if name == "aggregate":
        first = (inner.get("pipeline") or [{}])[0]
        query = Query(first.get("$match") or {})
    elif name in ("update", "delete"):
        statements = inner.get("updates") or inner.get("deletes") or [{}]
        query = query_of(statements[0], "q")
    compile_filter(query.filter)
    with session.storage.read() as catalog:
        collection = catalog.find(inner["$db"], inner[name])
        plan = explain(collection, query)
    return {"queryPlanner": {"namespace": f"{inner['$db']}.{inner[name]}", **plan}}
