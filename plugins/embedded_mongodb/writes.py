"""Commands that write documents: insert, update, delete, findAndModify."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from bson import ObjectId

from .aggregation import Context, compile_stage, split_stage
from .bsonkeys import encode
from .catalog import Collection
from .commands import Document, Session, check_collation, command, namespace, query_of
from .documents import decode_document, encode_document
from .errors import CommandError, not_supported
from .paths import MISSING
from .projection import compile_projection
from .search import Match, search
from .updates import Update, seed_for_upsert

_PIPELINE_UPDATE_STAGES = (
    "$set", "$addFields", "$unset", "$project", "$replaceRoot", "$replaceWith",
)  # fmt: skip


def _each(body: Document, field: str, run: Callable[[int, Document], None]) -> Document:
    """Run the statements of a command; returns `writeErrors` if there are any."""
    errors = []
    for position, statement in enumerate(body[field]):
        try:
            run(position, statement)
        except CommandError as error:
            errors.append(error.write_error(position))
            if body.get("ordered", True):
                break
    return {"writeErrors": errors} if errors else {}


def _check_statement(statement: Document, known: str) -> None:
    for key in statement:
        if key not in known.split():
            raise CommandError("Location40415", f"BSON field '{key}' is an unknown field.")
    if not check_collation(statement.get("collation")):
        raise not_supported("collation")


@command("insert", fields="documents ordered bypassDocumentValidation", writes=True)
def _insert(session: Session, body: Document) -> Document:
    db, name = namespace(body, "insert")
    storage, inserted = session.storage, 0
    storage.collection(db, name)

    def insert(_: int, document: Document) -> None:
        nonlocal inserted
        storage.insert(storage.collection(db, name), prepare_new(document))
        inserted += 1

    errors = _each(body, "documents", insert)
    return {"n": inserted, **errors}


def prepare_new(document: Document) -> Document:
    """Return a document with an `_id`, which stands first. Raises InvalidIdField."""
    identity = document.get("_id", MISSING)
    if identity is MISSING:
        return {"_id": ObjectId(), **document}
    if isinstance(identity, list):
        raise CommandError("InvalidIdField", "The '_id' value cannot be of type array")
    if type(identity) is dict and any(key.startswith("$") for key in identity):
        raise CommandError("DollarPrefixedFieldName", "_id may not contain '$'-prefixed fields")
    return document if next(iter(document)) == "_id" else {"_id": identity, **document}


class _Change:
    """What one statement does to a document: operators, a replacement or a pipeline."""

    def __init__(self, session: Session, db: str, spec: Any, query: Document, filters: Any) -> None:
        self._storage = session.storage
        self._touched: frozenset[str] | None = None
        self.is_replacement = False
        if type(spec) is list:
            self._apply = self._pipeline(db, spec)
        elif type(spec) is dict:
            update = Update(spec, query, filters or [])
            self._apply, self._touched = update.apply, update.touched
            self.is_replacement = update.is_replacement
        else:
            raise CommandError("FailedToParse", "Update argument must be an object or an array")

    def _pipeline(self, db: str, spec: list[Any]) -> Callable[[Document, bool], Document]:
        context = Context(self._storage, self._storage.writing_catalog, db)
        stages = [split_stage(stage) for stage in spec]
        for name, _ in stages:
            if name not in _PIPELINE_UPDATE_STAGES:
                raise CommandError("InvalidOptions", f"{name} is not allowed within an update")
        compiled = [compile_stage(context, *stage) for stage in stages]

        def apply(document: Document, inserting: bool) -> Document:
            documents: Iterator[Document] = iter([document])
            for stage in compiled:
                documents = stage(documents)
            return next(documents)

        return apply

    def change(self, collection: Collection, match: Match) -> tuple[Document, bool]:
        """Apply to a stored document; returns what came of it, and whether that differs."""
        document = decode_document(match.raw)
        identity = document["_id"]
        key = encode(identity)
        after = self._apply(document, False)
        if next(iter(after), None) != "_id":
            after = {"_id": identity, **after}
        if encode(after["_id"]) != key:
            raise CommandError("ImmutableField", "Performing an update on the immutable field _id")
        after["_id"] = identity
        raw = encode_document(after)
        if raw == match.raw:
            return after, False
        self._storage.replace(collection, match.row, match.raw, after, raw, self._touched)
        return after, True

    def upsert(self, collection: Collection, query: Document) -> Document:
        """Insert the document that the statement makes of the filter alone."""
        seed = seed_for_upsert(query)
        if self.is_replacement:
            seed = {"_id": seed["_id"]} if "_id" in seed else {}
        document = prepare_new(self._apply(seed, True))
        self._storage.insert(collection, document)
        return document


@command("update", fields="updates ordered bypassDocumentValidation let", writes=True)
def _update(session: Session, body: Document) -> Document:
    db, name = namespace(body, "update")
    matched = modified = 0
    upserted: list[Document] = []

    def update(position: int, statement: Document) -> None:
        nonlocal matched, modified
        seen, changed, identity = _update_one_statement(session, db, name, statement)
        matched += seen
        modified += changed
        if identity is not MISSING:
            upserted.append({"index": position, "_id": identity})

    errors = _each(body, "updates", update)
    reply = {"n": matched + len(upserted), "nModified": modified, **errors}
    return {**reply, "upserted": upserted} if upserted else reply


def _update_one_statement(
    session: Session, db: str, name: str, statement: Document
) -> tuple[int, int, Any]:
    _check_statement(statement, "q u upsert multi collation arrayFilters hint sort")
    filter_, multi = statement.get("q") or {}, bool(statement.get("multi"))
    change = _Change(session, db, statement["u"], filter_, statement.get("arrayFilters"))
    if multi and change.is_replacement:
        raise CommandError("FailedToParse", "multi update is not supported for a replacement")
    query = query_of({**statement, "limit": 0 if multi else 1}, "q")
    storage = session.storage
    # The matches are collected first: an update must not meet its own result again.
    matches = list(search(storage, storage.writing_catalog.find(db, name), query))
    changed = 0
    for match in matches:
        # Looked up each time: the change before may have marked an index as multikey.
        changed += change.change(storage.collection(db, name), match)[1]
    if not matches and statement.get("upsert"):
        return 0, 0, change.upsert(storage.collection(db, name), filter_)["_id"]
    return len(matches), changed, MISSING


@command("delete", fields="deletes ordered let", writes=True)
def _delete(session: Session, body: Document) -> Document:
    db, name = namespace(body, "delete")
    collection = session.storage.writing_catalog.find(db, name)
    removed = 0

    def delete(_: int, statement: Document) -> None:
        nonlocal removed
        _check_statement(statement, "q limit collation hint")
        if statement.get("limit") not in (0, 1):
            raise CommandError("FailedToParse", "The limit field in delete must be 0 or 1")
        for match in list(search(session.storage, collection, query_of(statement, "q"))):
            assert collection is not None  # where nothing is, nothing is found
            session.storage.delete(collection, match.row, match.decoded())
            removed += 1

    errors = _each(body, "deletes", delete)
    return {"n": removed, **errors}


@command(
    "findAndModify",
    "findandmodify",
    fields="query sort remove update new fields upsert bypassDocumentValidation arrayFilters "
    "collation hint let",
    writes=True,
)
def _find_and_modify(session: Session, body: Document) -> Document:
    db, name = namespace(body, next(iter(body)))
    storage, query = session.storage, query_of({**body, "limit": 1}, "query")
    fields = body.get("fields")
    project = compile_projection(fields, of_find=True) if fields else lambda document: document
    remove, upsert, new = (bool(body.get(key)) for key in ("remove", "upsert", "new"))
    if remove == ("update" in body) or (remove and (upsert or new)):
        raise CommandError("FailedToParse", "Either an update or remove=true must be specified")
    collection = storage.writing_catalog.find(db, name)
    match = next(search(storage, collection, query), None)
    if remove:
        if match is None or collection is None:
            return {"lastErrorObject": {"n": 0}, "value": None}
        storage.delete(collection, match.row, match.decoded())
        return {"lastErrorObject": {"n": 1}, "value": project(match.decoded())}
    change = _Change(session, db, body["update"], query.filter, body.get("arrayFilters"))
    if match is not None and collection is not None:
        after, _ = change.change(collection, match)
        value = project(after if new else match.decoded())
        return {"lastErrorObject": {"n": 1, "updatedExisting": True}, "value": value}
    if not upsert:
        return {"lastErrorObject": {"n": 0, "updatedExisting": False}, "value": None}
    document = change.upsert(storage.collection(db, name), query.filter)
    outcome = {"n": 1, "updatedExisting": False, "upserted": document["_id"]}
    return {"lastErrorObject": outcome, "value": project(document) if new else None}
