"""Checks the ticket of a request, alone, with the control plane's public key."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from aiohttp import web

from proctorhub.domain import ticket
from proctorhub.domain.ticket import Ticket, TicketError
from proctorhub.media.problems import Problem


class TicketGate:
    """Reads the public key when it is first needed: the web process may be the one to make it."""

    def __init__(self, key_file: Path) -> None:
        self._key_file = key_file
        self._key: str | None = None

    @property
    def ready(self) -> bool:
        """Whether tickets can be checked."""
        return self._read() is not None

    @property
    def key_sha256(self) -> str:
        """The SHA-256 of the key that tickets are checked with, empty while there is none."""
        key = self._read()
        return "" if key is None else hashlib.sha256(key.encode()).hexdigest()

    def check(
        self,
        request: web.Request,
        *,
        source: str,
        direction: str,
        session_id: str | None = None,
        still_valid_for: str | None = None,
    ) -> Ticket:
        """Return the bearer's ticket if it covers this use.

        Without `session_id` any session does. A ticket whose id is `still_valid_for` is honoured
        after its expiry: its bearer may still end what it was used to begin. Raises Problem 401,
        403 or 503.
        """
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Problem(401, "ticket_missing", "Send a ticket: Authorization: Bearer <ticket>.")
        found = self._verified(token.strip(), still_valid_for)
        try:
            ticket.require(
                found,
                session_id=found.session_id if session_id is None else session_id,
                source=source,
                direction=direction,
            )
        except TicketError as error:
            raise Problem(403, error.code, str(error)) from error
        return found

    def _verified(self, token: str, still_valid_for: str | None) -> Ticket:
        key = self._public_key()
        try:
            return ticket.verify(key, token, now=time.time())
        except TicketError as error:
            if error.code == "ticket_expired" and still_valid_for is not None:
                found = ticket.verify(key, token, now=0)
                if found.ticket_id == still_valid_for:
                    return found
            raise Problem(401, error.code, str(error)) from error

    def _public_key(self) -> str:
        key = self._read()
        if key is None:
            raise Problem(503, "not_ready", "The node has no ticket key yet.")
        return key

    def _read(self) -> str | None:
        if self._key is None and self._key_file.exists():
            self._key = self._key_file.read_text()
        return self._key
