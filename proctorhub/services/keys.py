"""The secrets of this installation, made at the first start under `secrets/` of the data folder."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

from proctorhub.config import Settings
from proctorhub.domain import ticket

TICKET_PRIVATE = "ticket.key"
TICKET_PUBLIC = "ticket.pub"
FLASK = "flask.key"
EVIDENCE_PRIVATE = "evidence.key"
EVIDENCE_PUBLIC = "evidence.pub"


def folder(settings: Settings) -> Path:
    """Return the folder of the secrets."""
    return settings.path("secrets")


def ensure(settings: Settings) -> None:
    """Make every secret that is missing; files are readable by their owner alone.

    A media node that is told which key to fetch makes none of its own.
    """
    place = folder(settings)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (place / TICKET_PUBLIC).exists() and not settings.ticket_key_sha256:
        private, public = ticket.new_keys()
        _write(place / TICKET_PRIVATE, private)
        _write(place / TICKET_PUBLIC, public)
    if not (place / FLASK).exists():
        _write(place / FLASK, secrets.token_urlsafe(48))


def evidence_key(settings: Settings) -> str:
    """Return the key that signs evidence, made by whoever signs first: the job runner.

    The public half beside it is what others verify with.
    """
    place = folder(settings)
    if not (place / EVIDENCE_PRIVATE).exists():
        private, public = ticket.new_keys()
        _write(place / EVIDENCE_PUBLIC, public)
        _write(place / EVIDENCE_PRIVATE, private)
    return read(settings, EVIDENCE_PRIVATE)


def read(settings: Settings, name: str) -> str:
    """Return one secret. Raises FileNotFoundError before `ensure` was called."""
    return (folder(settings) / name).read_text()


def ticket_public(settings: Settings) -> tuple[str, str]:
    """Return the key that checks tickets and the SHA-256 of its file, for nodes elsewhere."""
    text = read(settings, TICKET_PUBLIC)
    return text, hashlib.sha256(text.encode()).hexdigest()


def ticket_key(settings: Settings) -> str:
    """Return the key that signs tickets; empty where only the public one was copied to.

    A media node on a machine of its own checks tickets and never signs any.
    """
    path = folder(settings) / TICKET_PRIVATE
    return path.read_text() if path.exists() else ""


def _write(path: Path, text: str) -> None:
    part = path.with_suffix(path.suffix + ".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
