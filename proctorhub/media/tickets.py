"""Checks the ticket of a request, alone, with the control plane's public key."""

from __future__ import annotations

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
        return self._key is not None or self._key_file.exists()

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
        if self._key is None:
            try:
                self._key = self._key_file.read_text()
            except FileNotFoundError:
                raise Problem(503, "not_ready", "The node has no ticket key yet.") from None
        return self._key
