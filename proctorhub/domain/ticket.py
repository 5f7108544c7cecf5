"""Tickets: signed rights to send or watch one source of one session.

A ticket is a JWT (RFC 7519) signed with Ed25519 (RFC 8037, `alg` as in RFC 9864).
The control plane holds the private key; the media node holds only the public one
and decides alone, without a database call.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import StrEnum

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

ALGORITHM = "Ed25519"
ISSUER = "proctorhub"
CLOCK_SKEW_S = 5


class Direction(StrEnum):
    """What the bearer may do with the source."""

    SEND = "send"
    WATCH = "watch"
    CONTROL = "control"


class Source(StrEnum):
    """The sources of a session; `check` is the equipment check and is never recorded."""

    CAMERA = "camera"
    SCREEN = "screen"
    PROCTOR = "proctor"
    CHECK = "check"


RECORDED_SOURCES = (Source.CAMERA, Source.SCREEN, Source.PROCTOR)


class TicketError(Exception):
    """A ticket that must not be honoured; `code` is for the machine, the text for the person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Ticket:
    """The right of one bearer to one source in one direction, until `expires_at` (UTC seconds)."""

    session_id: str
    source: str
    direction: str
    expires_at: int
    ticket_id: str


def new_keys() -> tuple[str, str]:
    """Return a fresh (private, public) Ed25519 pair as PEM texts."""
    key = OKPKey.generate_key("Ed25519")
    return key.as_pem(private=True).decode(), key.as_pem(private=False).decode()


def sign(
    private_pem: str,
    *,
    session_id: str,
    source: str,
    direction: str,
    now: float,
    ttl_s: int,
) -> str:
    """Return the compact JWT for one ticket; `now` is UTC seconds."""
    claims = {
        "iss": ISSUER,
        "sub": session_id,
        "src": source,
        "dir": direction,
        "iat": int(now),
        "exp": int(now) + ttl_s,
        "jti": uuid.uuid4().hex,
    }
    key = OKPKey.import_key(private_pem)
    return jwt.encode({"alg": ALGORITHM}, claims, key, algorithms=[ALGORITHM])


def verify(public_pem: str, token: str, *, now: float) -> Ticket:
    """Return the ticket in `token`.

    Raises TicketError `ticket_invalid` for anything not signed by us and `ticket_expired`
    for one whose time is over by more than CLOCK_SKEW_S.
    """
    key = OKPKey.import_key(public_pem)
    try:
        claims = jwt.decode(token, key, algorithms=[ALGORITHM]).claims
    except (JoseError, ValueError) as error:
        raise TicketError("ticket_invalid", "This ticket was not issued here.") from error
    names = ("iss", "sub", "src", "dir", "exp", "jti")
    if any(name not in claims for name in names) or claims["iss"] != ISSUER:
        raise TicketError("ticket_invalid", "This ticket was not issued here.")
    if not isinstance(claims["exp"], int) or now > claims["exp"] + CLOCK_SKEW_S:
        raise TicketError("ticket_expired", "This ticket has expired; ask for a new one.")
    return Ticket(claims["sub"], claims["src"], claims["dir"], claims["exp"], claims["jti"])


def require(ticket: Ticket, *, session_id: str, source: str, direction: str) -> None:
    """Raise TicketError `ticket_forbidden` unless the ticket covers exactly this use."""
    wanted = (session_id, source, direction)
    if (ticket.session_id, ticket.source, ticket.direction) != wanted:
        raise TicketError("ticket_forbidden", "This ticket is for something else.")
