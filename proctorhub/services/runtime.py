"""What one process holds: its settings, its database connection, its blob store and its plugins."""

from __future__ import annotations

from dataclasses import dataclass

from proctorhub import plugins
from proctorhub.config import Settings
from proctorhub.records import connection
from proctorhub.services import keys


@dataclass(frozen=True)
class Runtime:
    """The parts that services need and that the settings choose."""

    settings: Settings
    store: plugins.BlobStore
    authenticator: plugins.Authenticator
    connectors: dict[str, plugins.Connector]
    ticket_key: str


_current: Runtime | None = None


def start(settings: Settings) -> Runtime:
    """Connect this process; call it after a fork. Raises PluginError for a wrong plugin."""
    global _current
    keys.ensure(settings)
    connection.connect(settings)
    _current = Runtime(
        settings=settings,
        store=_make("storage", settings.storage, settings),
        authenticator=plugins.load("auth", settings.auth)(),
        connectors={
            name: connector
            for name in plugins.names("connector")
            if (connector := _make("connector", name, settings)).configured
        },
        ticket_key=keys.ticket_key(settings),
    )
    return _current


def check(settings: Settings) -> None:
    """Raise PluginError when the settings name a plugin that is missing or refuses its options."""
    plugins.load("auth", settings.auth)
    plugins.load("storage", settings.storage)
    for name in plugins.names("connector"):
        _make("connector", name, settings)
    if not settings.mongodb_uri:
        plugins.load("database", settings.database_plugin)


def current() -> Runtime:
    """Return what `start` made. Raises RuntimeError before that."""
    if _current is None:
        raise RuntimeError("services.runtime.start(settings) was not called in this process")
    return _current


def stop() -> None:
    """Close the connection."""
    global _current
    _current = None
    connection.disconnect()


def _make(kind: str, name: str, settings: Settings):  # type: ignore[no-untyped-def]
    options = settings.plugins.get(name, {})
    return plugins.load(kind, name)(options, settings.path(kind))
