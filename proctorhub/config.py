"""Typed settings: defaults < TOML file < `PROCTORHUB_*` environment.

A wrong value stops the start with one clear line (`SettingsError`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

#: Addresses that mean "all of this machine's".
EVERYWHERE = ("0.0.0.0", "::")

_ORIGIN = re.compile(r"https?://(\*\.)?[A-Za-z0-9.-]+(:(\d{1,5}|\*))?")

Port = Annotated[int, Field(ge=1, le=65535)]
NodeId = Annotated[str, Field(pattern="^([a-z0-9][a-z0-9-]{0,39})?$")]


class SettingsError(Exception):
    """A setting that cannot be used; the text is one line that names it."""


def _http_url(value: str | None) -> str | None:
    if value is None:
        return None
    if not value.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return value.rstrip("/")


HttpUrl = Annotated[str | None, AfterValidator(_http_url)]


def _frame_bus(value: str) -> str:
    if value != "unix" and not value.startswith(("redis://", "rediss://")):
        raise ValueError("must be unix or start with redis:// or rediss://")
    return value


FrameBus = Annotated[str, AfterValidator(_frame_bus)]


class Settings(BaseSettings):
    """Everything an operator can set."""

    model_config = SettingsConfigDict(
        env_prefix="PROCTORHUB_", env_nested_delimiter="__", extra="forbid"
    )

    data_dir: Path = Path("var")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")

    host: str = "127.0.0.1"
    port: Port = 8000
    public_url: HttpUrl = None
    web_threads: int = Field(96, ge=8, le=2000)
    socket_limit: int = Field(64, ge=1, le=1900)
    tls: bool = False

    media_host: str = "127.0.0.1"
    media_port: Port = 8001
    media_public_url: HttpUrl = None
    media_addresses: str = ""
    media_node_id: NodeId = ""
    media_max_sessions: int | None = Field(None, ge=1, le=10_000)
    media_origins: str = ""
    ticket_key_sha256: str = Field("", pattern="^([0-9a-f]{64})?$")
    turn_urls: str = ""
    turn_secret: str | None = Field(None, min_length=16)
    turn_only: bool = False
    segment_min_s: float = Field(4.0, ge=1.0, le=30.0)
    segment_max_s: float = Field(10.0, ge=2.0, le=30.0)
    spool_limit_mb: int = Field(20_000, ge=100)

    mongodb_uri: str | None = None
    mongodb_name: str = Field("proctorhub", pattern="^[A-Za-z0-9_-]{1,60}$")
    database_plugin: str = "embedded"

    frame_bus: FrameBus = "unix"
    vision: str = "mediapipe"
    vision_host: str = "127.0.0.1"
    vision_port: int = Field(0, ge=0, le=65535)

    storage: str = "local"
    auth: str = "password"

    metrics_token: str | None = Field(None, min_length=16)

    plugins: dict[str, dict[str, str]] = Field(default_factory=dict)

    time_zone: str = "UTC"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: explicit values, environment, TOML file."""
        file = os.environ.get("PROCTORHUB_CONFIG", "proctorhub.toml")
        return (
            init_settings,
            env_settings,
            TomlConfigSettingsSource(settings_cls, toml_file=file),
        )

    @property
    def scheme(self) -> str:
        """The URL scheme that people use."""
        return "https" if self.tls else "http"

    @property
    def web_url(self) -> str:
        """Where browsers find the pages."""
        return self.public_url or f"{self.scheme}://{_reachable(self.host)}:{self.port}"

    @property
    def media_url(self) -> str:
        """Where browsers find the media node."""
        return (
            self.media_public_url
            or f"{self.scheme}://{_reachable(self.media_host)}:{self.media_port}"
        )

    def media_url_from(self, hostname: str | None) -> str:
        """Return where a browser finds the media node that reached the pages under `hostname`.

        Listening everywhere means having many names; the node is then on the same one.
        """
        return under_name(self.media_url, hostname) if self.media_any_name else self.media_url

    @property
    def media_any_name(self) -> bool:
        """Whether browsers find the media node under whatever name they use for the pages."""
        return not self.media_public_url and self.media_host in EVERYWHERE

    @property
    def spool_dir(self) -> Path:
        """Where this machine's media node keeps what it has not handed over."""
        return self.path(f"spool-{self.media_node_id}" if self.media_node_id else "spool")

    @property
    def vision_backends(self) -> list[str]:
        """The vision plugins in the order they are asked; empty means none."""
        return _parts(self.vision)

    @property
    def turn_servers(self) -> list[str]:
        """The addresses of the TURN and STUN servers."""
        return _parts(self.turn_urls)

    @property
    def more_media_origins(self) -> list[str]:
        """Origins of media nodes that may join later, for the pages' policy."""
        return _parts(self.media_origins)

    def path(self, *parts: str) -> Path:
        """Return an absolute path under the data folder."""
        return self.data_dir.absolute().joinpath(*parts)


def under_name(url: str, hostname: str | None) -> str:
    """Return `url` with another host name; without one, as it is."""
    if not hostname:
        return url
    found = urlsplit(url)
    name = f"[{hostname}]" if ":" in hostname else hostname
    return f"{found.scheme}://{name}" + (f":{found.port}" if found.port else "")


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _reachable(host: str) -> str:
    return "localhost" if host in (*EVERYWHERE, "127.0.0.1") else host


def load(**explicit: Any) -> Settings:
    """Return the settings. Raises SettingsError naming the first wrong one."""
    try:
        settings = Settings(**{k: v for k, v in explicit.items() if v is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "settings"
        raise SettingsError(f"setting {name}: {first['msg']} (got {first['input']!r})") from None
    except (OSError, ValueError) as error:
        raise SettingsError(f"settings file: {error}") from None
    if settings.segment_max_s <= settings.segment_min_s:
        raise SettingsError("setting segment_max_s: must be larger than segment_min_s")
    if settings.socket_limit >= settings.web_threads:
        raise SettingsError("setting socket_limit: must be smaller than web_threads")
    _check_turn(settings)
    unknown = unknown_environment()
    if unknown:
        raise SettingsError(f"setting {unknown[0]}: there is no such setting")
    return settings


def _check_turn(settings: Settings) -> None:
    servers = settings.turn_servers
    for url in servers:
        if not url.startswith(("turn:", "turns:", "stun:", "stuns:")):
            raise SettingsError(f"setting turn_urls: must start with turn: or turns: (got {url!r})")
    relays = [url for url in servers if url.startswith("turn")]
    if relays and not settings.turn_secret:
        raise SettingsError("setting turn_secret: is needed with turn_urls")
    if settings.turn_only and not relays:
        raise SettingsError("setting turn_only: needs a turn: address in turn_urls")
    for origin in settings.more_media_origins:
        if not _ORIGIN.fullmatch(origin):
            raise SettingsError(f"setting media_origins: {origin!r} is not https://host[:port]")


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that give a child process these settings, by their names."""
    return {f"PROCTORHUB_{name.upper()}": value for name, value in settings.items()}


def unknown_environment() -> list[str]:
    """Return `PROCTORHUB_*` variables that no setting reads, so that typos do not pass."""
    known = {"PROCTORHUB_CONFIG", *environment(dict.fromkeys(Settings.model_fields, ""))}
    return sorted(
        name
        for name in os.environ
        if name.startswith("PROCTORHUB_")
        and not name.startswith(("PROCTORHUB_TEST_", "PROCTORHUB_PLUGINS__"))
        and name not in known
    )
