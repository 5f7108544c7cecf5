"""The one connection of a process to the database."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mongoengine
from pymongo import MongoClient
from pymongo.database import Database

from proctorhub.config import Settings
from proctorhub.plugins import load

ALIAS = "default"
#: How long a request waits for a database that is away, before it answers 503.
SELECTION_TIMEOUT_MS = 5_000


def uri(settings: Settings) -> str:
    """Return the configured MongoDB URI, or that of the embedded server of this machine."""
    if settings.mongodb_uri:
        return settings.mongodb_uri
    plugin = load("database", settings.database_plugin)()
    return str(plugin.uri(socket_path(settings)))


def socket_path(settings: Settings) -> Any:
    """Return where the embedded server listens."""
    return settings.path("run", "db.sock")


def database_path(settings: Settings) -> Path:
    """Return the file of the embedded database."""
    return settings.path("database.sqlite")


def connect(settings: Settings) -> MongoClient[dict[str, Any]]:
    """Connect MongoEngine and create the indexes. Must be called after a fork, not before."""
    mongoengine.disconnect(ALIAS)
    client: MongoClient[dict[str, Any]] = mongoengine.connect(
        db=settings.mongodb_name,
        alias=ALIAS,
        host=uri(settings),
        tz_aware=True,
        uuidRepresentation="standard",
        serverSelectionTimeoutMS=SELECTION_TIMEOUT_MS,
        connect=False,
    )
    return client


def database() -> Database[dict[str, Any]]:
    """Return the database of this process."""
    db: Database[dict[str, Any]] = mongoengine.get_db(ALIAS)
    return db


def server_time() -> datetime:
    """Return the database's own time: the one clock that all processes share."""
    answer: dict[str, Any] = database().command("hello")
    moment: datetime = answer["localTime"]
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def disconnect() -> None:
    """Close the connection of this process."""
    mongoengine.disconnect(ALIAS)
