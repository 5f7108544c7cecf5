"""Commands on collections, indexes and the server itself."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path

from bson import Int64

from .catalog import Collection
from .commands import Document, Session, command, namespace
from .documents import MAX_DOCUMENT, encode_document
from .errors import CommandError
from .indexes import check_spec
from .matcher import compile_filter
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
        "helloOk": True,
        "ismaster": True,
        "isWritablePrimary": True,
        "maxBsonObjectSize": MAX_DOCUMENT,
        "maxMessageSizeBytes": MAX_MESSAGE,
        "maxWriteBatchSize": 100_000,
        "localTime": dt.datetime.now(dt.UTC),
        "logicalSessionTimeoutMinutes": 30,
        "connectionId": 1,
        "minWireVersion": 0,
        "maxWireVersion": _MAX_WIRE_VERSION,
        "readOnly": False,
    }


@command("ping")
@command("endSessions", fields="endSessions")
@command("killSessions")
@command("refreshSessions")
def _nothing(session: Session, body: Document) -> Document:
    return {}


@command("buildInfo", "buildinfo")
def _build_info(session: Session, body: Document) -> Document:
    return {
        "version": ".".join(map(str, VERSION)),
        "versionArray": [*VERSION, 0],
        "gitVersion": "embedded",
        "modules": [],
        "javascriptEngine": "none",
        "bits": 64,
        "maxBsonObjectSize": MAX_DOCUMENT,
    }


@command("getCmdLineOpts")
def _command_line(session: Session, body: Document) -> Document:
    return {"argv": ["embedded_mongodb"], "parsed": {}}


@command(
    "getParameter",
    fields="enableTestCommands requireApiVersion featureCompatibilityVersion allParameters",
)
def _parameter(session: Session, body: Document) -> Document:
    return {"enableTestCommands": False, "requireApiVersion": False}


@command("serverStatus", fields="repl metrics locks")
def _server_status(session: Session, body: Document) -> Document:
    uptime = time.monotonic() - session.started
    return {
        "version": ".".join(map(str, VERSION)),
        "process": "embedded_mongodb",
        "uptime": uptime,
        "localTime": dt.datetime.now(dt.UTC),
    }


@command("dbStats", "dbstats", fields="scale freeStorage")
def _db_stats(session: Session, body: Document) -> Document:
    with session.storage.read() as catalog:
        collections = [c for c in catalog if c.db == body["$db"]]
        objects = sum(map(session.storage.count, collections))
    return {
        "db": body["$db"],
        "collections": len(collections),
        "views": 0,
        "objects": objects,
        "indexes": sum(len(c.indexes) + 1 for c in collections),
    }


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
    found: list[Document] = [
        {
            "name": name,
            "type": "collection",
            "options": {},
            "info": {"readOnly": False},
            "idIndex": _ID_INDEX,
        }
        for name in names
    ]
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
        if body.get(option):
            raise CommandError(
                "CommandNotSupported", f"collections with {option} are not supported"
            )
    if session.storage.writing_catalog.find(db, name):
        raise CommandError("NamespaceExists", f"Collection {db}.{name} already exists.")
    session.storage.collection(db, name)
    return {}


@command("drop", writes=True)
def _drop(session: Session, body: Document) -> Document:
    collection = _existing(session, *namespace(body, "drop"))
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
    source, target = catalog.find(source_db, source_name), catalog.find(db, name)
    if source is None:
        raise CommandError("NamespaceNotFound", f"Source collection {source_name} does not exist")
    if target is not None:
        if not body.get("dropTarget"):
            raise CommandError("NamespaceExists", "target namespace exists")
        session.storage.drop(target)
    if not name or "$" in name or name.startswith("."):
        raise CommandError("InvalidNamespace", f"Invalid target namespace: {body.get('to')}")
    session.storage.rename(source, db, name)
    return {}


def _existing(session: Session, db: str, name: str) -> Collection:
    collection = session.storage.writing_catalog.find(db, name)
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
        if list(spec["key"]) == ["_id"]:
            continue
        if not _already_there(collection, spec):
            collection = session.storage.create_index(collection, spec)
    return {
        "numIndexesBefore": before,
        "numIndexesAfter": len(collection.indexes) + 1,
        "createdCollectionAutomatically": created,
    }


_IDENTITY = (("unique", False), ("sparse", False), ("expireAfterSeconds", None),
             ("partialFilterExpression", None))  # fmt: skip


def _already_there(collection: Collection, spec: Document) -> bool:
    for index in collection.indexes:
        same_key = list(index.spec["key"].items()) == list(spec["key"].items())
        same_options = all(
            index.spec.get(name, empty) == spec.get(name, empty) for name, empty in _IDENTITY
        )
        if index.name == spec["name"]:
            if same_key and same_options:
                return True
            raise CommandError(
                "IndexKeySpecsConflict" if not same_key else "IndexOptionsConflict",
                f"An existing index has the same name as the requested index: {index.name}",
            )
        if same_key and index.partial == spec.get("partialFilterExpression"):
            differs = "a different name" if same_options else "different options"
            message = f"Index already exists with {differs}: {index.name}"
            raise CommandError("IndexOptionsConflict", message)
    return False


@command("listIndexes", fields="cursor")
def _list_indexes(session: Session, body: Document) -> bytes:
    db, name = namespace(body, "listIndexes")
    collection = session.storage.catalog.find(db, name)
    if collection is None:
        raise CommandError("NamespaceNotFound", f"ns does not exist: {db}.{name}")
    specs = [_ID_INDEX, *({"v": 2, **index.spec} for index in collection.indexes)]
    return _single_batch(specs, f"{db}.{name}")


@command("dropIndexes", "deleteIndexes", fields="index", writes=True)
def _drop_indexes(session: Session, body: Document) -> Document:
    collection = _existing(session, *namespace(body, next(iter(body))))
    before = len(collection.indexes) + 1
    wanted = body.get("index")
    for choice in wanted if type(wanted) is list else [wanted]:
        if choice in ("_id_", {"_id": 1}):
            raise CommandError("InvalidOptions", "cannot drop _id index")
        found = [i for i in collection.indexes if choice == "*" or i.is_called(choice)]
        if not found and choice != "*":
            raise CommandError("IndexNotFound", f"index not found with name [{choice}]")
        for index in found:
            collection = session.storage.drop_index(collection, index)
    return {"nIndexesWas": before}
