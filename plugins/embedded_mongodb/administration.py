"""Commands on collections, indexes and the server itself."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path
from typing import Any

from bson import Int64

from .catalog import Catalog, Collection
from .commands import Document, Session, command, namespace
from .documents import MAX_DOCUMENT, encode_document
from .errors import CommandError, require
from .indexes import Index, check_spec
from .matcher import compile_filter
from .storage import check_namespace
from .wire import MAX_MESSAGE, cursor_reply

# The features that drivers decide by are those of this release.
VERSION = (7, 0, 0)
_MAX_WIRE_VERSION = 21
_REFUSED_OPTIONS = (
    "capped", "size", "max", "validator", "validationLevel", "validationAction", "viewOn",
    "pipeline", "timeseries", "expireAfterSeconds", "clusteredIndex", "storageEngine",
    "encryptedFields", "changeStreamPreAndPostImages",
)  # fmt: skip


@command("hello", "isMaster", "ismaster", fields=(
    "helloOk client compression speculativeAuthenticate saslSupportedMechs topologyVersion "
    "maxAwaitTimeMS hostInfo loadBalanced backpressure"
))  # fmt: skip
def _hello(session: Session, body: Document) -> Document:
    return {
        "helloOk": True, "ismaster": True, "isWritablePrimary": True, "readOnly": False,
        "maxBsonObjectSize": MAX_DOCUMENT, "maxMessageSizeBytes": MAX_MESSAGE,
        "maxWriteBatchSize": 100_000, "localTime": dt.datetime.now(dt.UTC), "connectionId": 1,
        "logicalSessionTimeoutMinutes": 30, "minWireVersion": 0,
        "maxWireVersion": _MAX_WIRE_VERSION,
    }  # fmt: skip


@command("ping", "endSessions", "killSessions", "refreshSessions")
def _nothing(session: Session, body: Document) -> Document:
    return {}


@command("buildInfo", "buildinfo")
def _build_info(session: Session, body: Document) -> Document:
    return {
        "version": ".".join(map(str, VERSION)), "versionArray": [*VERSION, 0], "bits": 64,
        "gitVersion": "embedded", "modules": [], "javascriptEngine": "none",
        "maxBsonObjectSize": MAX_DOCUMENT,
    }  # fmt: skip


@command("getCmdLineOpts")
def _command_line(session: Session, body: Document) -> Document:
    return {"argv": ["embedded_mongodb"], "parsed": {}}


@command("getParameter", fields="enableTestCommands requireApiVersion")
def _parameter(session: Session, body: Document) -> Document:
    return {"enableTestCommands": False, "requireApiVersion": False}


@command("serverStatus", fields="repl metrics locks")
def _server_status(session: Session, body: Document) -> Document:
    version, now = ".".join(map(str, VERSION)), dt.datetime.now(dt.UTC)
    uptime = time.monotonic() - session.started
    return {"version": version, "process": "embedded_mongodb", "uptime": uptime, "localTime": now}


@command("dbStats", "dbstats", fields="scale freeStorage")
def _db_stats(session: Session, body: Document) -> Document:
    with session.storage.read() as catalog:
        collections = [c for c in catalog if c.db == body["$db"]]
        objects = sum(map(session.storage.count, collections))
    indexes = sum(len(collection.indexes) + 1 for collection in collections)
    counts = {"collections": len(collections), "views": 0, "objects": objects, "indexes": indexes}
    return {"db": body["$db"], **counts}


@command("copyDatabaseFile", fields="to")
def _copy_database_file(session: Session, body: Document) -> Document:
    session.storage.copy_to(Path(body["to"]))
    return {}


@command("listDatabases", fields="filter nameOnly authorizedDatabases")
def _list_databases(session: Session, body: Document) -> Document:
    names = sorted({collection.db for collection in session.storage.catalog})
    matches = compile_filter(body.get("filter") or {})
    found = [{"name": name, "sizeOnDisk": Int64(0), "empty": False} for name in names]
    return {"databases": [d for d in found if matches(d)], "totalSize": Int64(0)}


@command("listCollections", fields="filter nameOnly authorizedCollections cursor")
def _list_collections(session: Session, body: Document) -> bytes:
    db = body["$db"]
    matches = compile_filter(body.get("filter") or {})
    names = sorted(c.name for c in session.storage.catalog if c.db == db)
    same = {"type": "collection", "options": {}, "info": {"readOnly": False}, "idIndex": _ID_INDEX}
    found: list[Document] = [{"name": name, **same} for name in names]
    return _single_batch([c for c in found if matches(c)], f"{db}.$cmd.listCollections")


_ID_INDEX: Document = {"v": 2, "key": {"_id": 1}, "name": "_id_"}


def _single_batch(documents: list[Document], name: str) -> bytes:
    return cursor_reply(b"firstBatch", [encode_document(d) for d in documents], 0, name)


@command(
    "create", fields="idIndex collation autoIndexId " + " ".join(_REFUSED_OPTIONS), writes=True
)
def _create(session: Session, body: Document) -> Document:
    db, name = namespace(body, "create")
    for option in _REFUSED_OPTIONS:
        message = f"collections with {option} are not supported"
        require(not body.get(option), "CommandNotSupported", message)
    new = session.storage.writing_catalog.find(db, name) is None
    require(new, "NamespaceExists", f"Collection {db}.{name} already exists.")
    session.storage.collection(db, name)
    return {}


@command("drop", writes=True)
def _drop(session: Session, body: Document) -> Document:
    collection = _existing(session.storage.writing_catalog, *namespace(body, "drop"))
    session.storage.drop(collection)
    return {"ns": collection.namespace, "nIndexesWas": len(collection.indexes) + 1}


@command("dropDatabase", writes=True)
def _drop_database(session: Session, body: Document) -> Document:
    for collection in list(session.storage.writing_catalog):
        if collection.db == body["$db"]:
            session.storage.drop(collection)
    return {"dropped": body["$db"]}


@command("renameCollection", fields="to dropTarget", writes=True)
def _rename(session: Session, body: Document) -> Document:
    catalog = session.storage.writing_catalog
    source_db, _, source_name = str(body["renameCollection"]).partition(".")
    db, _, name = str(body.get("to")).partition(".")
    source, target = _existing(catalog, source_db, source_name), catalog.find(db, name)
    check_namespace(db, name)
    if target is not None:
        require(body.get("dropTarget"), "NamespaceExists", "target namespace exists")
        session.storage.drop(target)
    session.storage.rename(source, db, name)
    return {}


def _existing(catalog: Catalog, db: str, name: str) -> Collection:
    collection = catalog.find(db, name)
    if collection is None:
        raise CommandError("NamespaceNotFound", f"ns not found {db}.{name}")
    return collection


@command("createIndexes", fields="indexes commitQuorum", writes=True)
def _create_indexes(session: Session, body: Document) -> Document:
    db, name = namespace(body, "createIndexes")
    created = session.storage.writing_catalog.find(db, name) is None
    collection = session.storage.collection(db, name)
    before = len(collection.indexes) + 1
    for requested in body["indexes"]:
        spec = check_spec(requested)
        if list(spec["key"]) != ["_id"] and not _already_there(collection, spec):
            collection = session.storage.create_index(collection, spec)
    numbers = {"numIndexesBefore": before, "numIndexesAfter": len(collection.indexes) + 1}
    return {**numbers, "createdCollectionAutomatically": created}


def _already_there(collection: Collection, spec: Document) -> bool:
    wanted = Index(0, spec)
    for index in collection.indexes:
        same_key, same_options = index.fields == wanted.fields, _options(index) == _options(wanted)
        if index.name == wanted.name:
            message = f"An existing index has the same name as the requested index: {index.name}"
            require(same_key, "IndexKeySpecsConflict", message)
            require(same_options, "IndexOptionsConflict", message)
            return True
        if same_key and index.partial == wanted.partial:
            differs = "a different name" if same_options else "different options"
            message = f"Index already exists with {differs}: {index.name}"
            raise CommandError("IndexOptionsConflict", message)
    return False


def _options(index: Index) -> tuple[Any, ...]:
    return index.unique, index.sparse, index.expire_after, index.partial


@command("listIndexes", fields="cursor")
def _list_indexes(session: Session, body: Document) -> bytes:
    collection = _existing(session.storage.catalog, *namespace(body, "listIndexes"))
    specs = [_ID_INDEX, *({"v": 2, **index.spec} for index in collection.indexes)]
    return _single_batch(specs, collection.namespace)


@command("dropIndexes", "deleteIndexes", fields="index", writes=True)
def _drop_indexes(session: Session, body: Document) -> Document:
    collection = _existing(session.storage.writing_catalog, *namespace(body, next(iter(body))))
    before = len(collection.indexes) + 1
    wanted = body.get("index")
    for choice in wanted if type(wanted) is list else [wanted]:
        require(choice not in ("_id_", {"_id": 1}), "InvalidOptions", "cannot drop _id index")
        found = [i for i in collection.indexes if choice == "*" or i.is_called(choice)]
        known = found or choice == "*"
        require(known, "IndexNotFound", f"index not found with name [{choice}]")
        for index in found:
            collection = session.storage.drop_index(collection, index)
    return {"nIndexesWas": before}
