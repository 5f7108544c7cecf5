"""Typed settings: defaults < TOML file < `PROCTORHUB_*` environment.

A wrong value stops the start with one clear line (`SettingsError`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

#: Addresses that mean "all of this machine's".
EVERYWHERE = ("0.0.0.0", "::")

Port = Annotated[int, Field(ge=1, le=65535)]


class SettingsError(Exception):
    """A setting that cannot be used; the text is one line that names it."""


def _http_url(value: str | None) -> str | None:
    if value is None:
        return None
    if not value.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return value.rstrip("/")


HttpUrl = Annotated[str | None, AfterValidator(_http_url)]


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
    segment_min_s: float = Field(4.0, ge=1.0, le=30.0)
    segment_max_s: float = Field(10.0, ge=2.0, le=30.0)
    spool_limit_mb: int = Field(20_000, ge=100)

    mongodb_uri: str | None = None
    mongodb_name: str = Field("proctorhub", pattern="^[A-Za-z0-9_-]{1,60}$")
    database_plugin: str = "embedded"

    storage: str = "local"
    auth: str = "password"

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
        if self.media_public_url or not hostname or self.media_host not in EVERYWHERE:
            return self.media_url
        name = f"[{hostname}]" if ":" in hostname else hostname
        return f"{self.scheme}://{name}:{self.media_port}"

    def path(self, *parts: str) -> Path:
        """Return an absolute path under the data folder."""
        return self.data_dir.absolute().joinpath(*parts)


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
    unknown = unknown_environment()
    if unknown:
        raise SettingsError(f"setting {unknown[0]}: there is no such setting")
    return settings


def unknown_environment() -> list[str]:
    """Return `PROCTORHUB_*` variables that no setting reads, so that typos do not pass."""
    known = {f"PROCTORHUB_{name.upper()}" for name in Settings.model_fields} | {"PROCTORHUB_CONFIG"}
    return sorted(
        name
        for name in os.environ
        if name.startswith("PROCTORHUB_")
        and not name.startswith(("PROCTORHUB_TEST_", "PROCTORHUB_PLUGINS__"))
        and name not in known
    )
