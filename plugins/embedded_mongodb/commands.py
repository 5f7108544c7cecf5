"""The command table: which commands there are, with which fields, and what guards them."""

from __future__ import annotations

import sqlite3
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .cursors import Cursors
from .documents import encode_document
from .errors import CommandError, not_supported, require
from .operators import NO_VARIABLES
from .search import Query
from .storage import Storage
from .transactions import storage_failure

Document = dict[str, Any]

# What any command may carry; drivers send most of these by themselves.
_GENERIC = frozenset({
    "$db", "$readPreference", "$clusterTime", "lsid", "comment", "maxTimeMS", "readConcern",
    "writeConcern", "apiVersion", "apiStrict", "apiDeprecationErrors", "txnNumber",
    "autocommit", "startTransaction", "maxTimeMSOpOnly",
})  # fmt: skip
# Those of them that ask for what there may not be.
_GUARDED = frozenset(
    {"startTransaction", "autocommit", "txnNumber", "collation", "readConcern", "writeConcern"}
)


@dataclass
class Session:
    """What a command runs with."""

    storage: Storage
    cursors: Cursors
    started: float


Handler = Callable[[Session, Document], "Document | bytes"]
"""Returns the reply: a document, or an encoded one that says `ok` itself."""


@dataclass(frozen=True)
class Command:
    """One command: its handler, the fields it knows, and whether it is a write transaction."""

    handler: Handler
    fields: frozenset[str]
    writes: bool = False


COMMANDS: dict[str, Command] = {}


def command(*names: str, fields: str = "", writes: bool = False) -> Callable[[Handler], Handler]:
    """Register a handler under its names; `fields` are those it accepts, space-separated."""

    def register(handler: Handler) -> Handler:
        known = frozenset(fields.split()) | _GENERIC
        for name in names:
            COMMANDS[name] = Command(handler, known | {name}, writes)
        return handler

    return register


def run_command(session: Session, body: Document) -> bytes:
    """Run one command and return its encoded reply; every failure becomes an error reply."""
    try:
        reply = _dispatch(session, body)
        return reply if isinstance(reply, bytes) else encode_document({**reply, "ok": 1.0})
    except CommandError as error:
        failure = error
    except sqlite3.Error as error:
        failure = storage_failure(error)
    except RecursionError:
        failure = CommandError("Location15", "the document is nested too deeply")
    except Exception as error:
        traceback.print_exc()
        failure = CommandError("InternalError", f"{type(error).__name__}: {error}")
    return encode_document(failure.reply())


def _dispatch(session: Session, body: Document) -> Document | bytes:
    name = next(iter(body), "")
    found = COMMANDS.get(name)
    if found is None:
        raise CommandError("CommandNotFound", f"no such command: '{name}'")
    _check_fields(found, name, body)
    if found.writes:
        with session.storage.write():
            return found.handler(session, body)
    return found.handler(session, body)


def _check_fields(found: Command, name: str, body: Document) -> None:
    require("$db" in body, "Location40414", "BSON field 'OP_MSG.$db' is missing")
    if not found.fields.issuperset(body):
        unknown = next(key for key in body if key not in found.fields)
        raise CommandError("Location40415", f"BSON field '{name}.{unknown}' is an unknown field.")
    if not _GUARDED.isdisjoint(body):
        _check_guarded(body)


def _check_guarded(body: Document) -> None:
    plain = not ({"startTransaction", "autocommit", "txnNumber"} & set(body))
    require(plain, "IllegalOperation", "there are no transactions on a single server")
    check_collation(body)
    level = (body.get("readConcern") or {}).get("level", "local")
    known = level in ("local", "available", "majority", "linearizable")
    require(known, "InvalidOptions", f"read concern {level} is not supported")
    known = (body.get("writeConcern") or {}).get("w", 1) in (0, 1, "majority")
    require(known, "BadValue", "cannot use 'w' > 1 when a host is not replicated")


def check_collation(body: Document) -> None:
    """Raise NotImplemented for a collation that is not the simple binary comparison."""
    if body.get("collation") not in (None, {}, {"locale": "simple"}):
        raise not_supported("collation")


def namespace(body: Document, key: str) -> tuple[str, str]:
    """Return database and collection of a command. Raises InvalidNamespace."""
    name = body[key]
    require(isinstance(name, str) and name, "InvalidNamespace", "the collection name is wrong")
    return body["$db"], name


def query_of(body: Document, filter_field: str) -> Query:
    """Return the query that a command's fields describe. Raises BadValue, FailedToParse."""
    limit, skip = _whole(body, "limit"), _whole(body, "skip")
    require(skip >= 0, "Location51024", "BSON field 'skip' value must be >= 0")
    filter_, sort = _document(body, filter_field), _document(body, "sort")
    limit_ms = body.get("maxTimeMS")
    deadline = time.monotonic() + limit_ms / 1000 if limit_ms else None
    return Query(filter_, sort, skip, abs(limit), body.get("hint") or None, NO_VARIABLES, deadline)


def _whole(body: Document, name: str) -> int:
    value = body.get(name) or 0
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value % 1 == 0:
        return int(value)
    raise _wrong_type(name)


def _document(body: Document, name: str) -> Document:
    value = body.get(name)
    if value is None:
        return {}
    if type(value) is not dict:
        raise _wrong_type(name)
    return value


def _wrong_type(name: str) -> CommandError:
    return CommandError("TypeMismatch", f"BSON field '{name}' is the wrong type")
