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
from .errors import CommandError, require
from .paths import MISSING
from .projection import compile_projection
from .search import Match, search
from .storage import Storage
from .updates import Update, seed_for_upsert

_PIPELINE_UPDATE_STAGES = (
    "$set", "$addFields", "$unset", "$project", "$replaceRoot", "$replaceWith",
)  # fmt: skip


_UPDATE_FIELDS = {"q", "u", "upsert", "multi", "collation", "arrayFilters", "hint", "sort"}
_DELETE_FIELDS = {"q", "limit", "collation", "hint"}


def _check_fields(statement: Document, known: set[str]) -> None:
    require(known.issuperset(statement), "Location40415", "a statement has an unknown field")
    check_collation(statement)


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
    if type(identity) in (list, dict):
        of_type = type(identity) is not list
        require(of_type, "InvalidIdField", "The '_id' value cannot be of type array")
        plain = not any(key.startswith("$") for key in identity)
        require(plain, "DollarPrefixedFieldName", "_id may not contain '$'-prefixed fields")
    return document if next(iter(document)) == "_id" else {"_id": identity, **document}


class _Change:
    """What one statement does to a document: operators, a replacement or a pipeline."""

    def __init__(self, storage: Storage, db: str, query: Document, statement: Document) -> None:
        self._storage = storage
        self._query = query
        self._touched: frozenset[str] | None = None
        self.is_replacement = False
        spec = statement["u"]
        if type(spec) is list:
            self._apply = self._pipeline(db, spec)
        else:
            require(type(spec) is dict, "FailedToParse", "Update must be an object or an array")
            update = Update(spec, query, statement.get("arrayFilters") or [])
            self._apply, self._touched = update.apply, update.touched
            self.is_replacement = update.is_replacement

    def _pipeline(self, db: str, spec: list[Any]) -> Callable[[Document, bool], Document]:
        context = Context(self._storage, self._storage.writing_catalog, db)
        compiled = []
        for name, argument in map(split_stage, spec):
            allowed = name in _PIPELINE_UPDATE_STAGES
            require(allowed, "InvalidOptions", f"{name} is not allowed within an update")
            compiled.append(compile_stage(context, name, argument))

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
        same = encode(after["_id"]) == key
        require(same, "ImmutableField", "Performing an update on the immutable field _id")
        after["_id"] = identity
        raw = encode_document(after)
        differs = raw != match.raw
        if differs:
            self._storage.replace(collection, match.row, match.raw, after, raw, self._touched)
        return after, differs

    def upsert(self, collection: Collection) -> Document:
        """Insert the document that the statement makes of the filter alone."""
        seed = seed_for_upsert(self._query)
        if self.is_replacement:
            seed = {"_id": seed["_id"]} if "_id" in seed else {}
        document = prepare_new(self._apply(seed, True))
        self._storage.insert(collection, document)
        return document


@command("update", fields="updates ordered bypassDocumentValidation", writes=True)
def _update(session: Session, body: Document) -> Document:
    db, name = namespace(body, "update")
    storage = session.storage
    counts = {"n": 0, "nModified": 0}
    upserted: list[Document] = []

    def update(position: int, statement: Document) -> None:
        _check_fields(statement, _UPDATE_FIELDS)
        multi = bool(statement.get("multi"))
        query = query_of({**statement, "limit": 0 if multi else 1}, "q")
        change = _Change(storage, db, query.filter, statement)
        allowed = not (multi and change.is_replacement)
        require(allowed, "FailedToParse", "multi update is not supported for a replacement")
        # The matches are collected first: an update must not meet its own result again.
        matches = list(search(storage, storage.writing_catalog.find(db, name), query))
        for match in matches:
            # Looked up each time: the change before may have marked an index as multikey.
            counts["nModified"] += change.change(storage.collection(db, name), match)[1]
        if not matches and statement.get("upsert"):
            made = change.upsert(storage.collection(db, name))
            upserted.append({"index": position, "_id": made["_id"]})
        counts["n"] += len(matches)

    errors = _each(body, "updates", update)
    counts["n"] += len(upserted)
    return {**counts, **errors, **({"upserted": upserted} if upserted else {})}


@command("delete", fields="deletes ordered", writes=True)
def _delete(session: Session, body: Document) -> Document:
    db, name = namespace(body, "delete")
    collection = session.storage.writing_catalog.find(db, name)
    removed = 0

    def delete(_: int, statement: Document) -> None:
        nonlocal removed
        _check_fields(statement, _DELETE_FIELDS)
        limited = statement.get("limit") in (0, 1)
        require(limited, "FailedToParse", "The limit field in delete must be 0 or 1")
        for match in list(search(session.storage, collection, query_of(statement, "q"))):
            assert collection is not None  # where nothing is, nothing is found
            session.storage.delete(collection, match.row, match.decoded())
            removed += 1

    errors = _each(body, "deletes", delete)
    return {"n": removed, **errors}


@command("findAndModify", "findandmodify", fields=(
    "query sort remove update new fields upsert bypassDocumentValidation arrayFilters collation "
    "hint"
), writes=True)  # fmt: skip
def _find_and_modify(session: Session, body: Document) -> Document:
    db, name = namespace(body, next(iter(body)))
    storage, query = session.storage, query_of({**body, "limit": 1}, "query")
    fields = body.get("fields")
    project = compile_projection(fields, of_find=True) if fields else lambda document: document
    remove, upsert, new = (bool(body.get(key)) for key in ("remove", "upsert", "new"))
    allowed = remove != ("update" in body) and not (remove and (upsert or new))
    require(allowed, "FailedToParse", "Either an update or remove=true must be specified")
    collection = storage.writing_catalog.find(db, name)
    match = next(search(storage, collection, query), None)
    outcome: Document = {"n": int(match is not None)}
    value = None
    if remove:
        if match is not None and collection is not None:
            storage.delete(collection, match.row, match.decoded())
            value = project(match.decoded())
        return {"lastErrorObject": outcome, "value": value}
    change = _Change(storage, db, query.filter, {**body, "u": body["update"]})
    outcome["updatedExisting"] = match is not None
    if match is not None and collection is not None:
        after, _ = change.change(collection, match)
        value = project(after if new else match.decoded())
    elif upsert:
        made = change.upsert(storage.collection(db, name))
        outcome = {**outcome, "n": 1, "upserted": made["_id"]}
        value = project(made) if new else None
    return {"lastErrorObject": outcome, "value": value}
