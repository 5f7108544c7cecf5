"""Short-lived credentials for a TURN server, as coturn's `use-auth-secret` checks them.

The scheme is draft-uberti-behave-turn-rest: the user name carries its own expiry, the password
is an HMAC of it, so that the server needs the shared secret alone and no list of users.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass


@dataclass(frozen=True)
class Credentials:
    """What a browser signs on with."""

    username: str
    password: str


def credentials(secret: str, user_id: str, *, now: float, ttl_s: int) -> Credentials:
    """Return credentials that the server honours until `now + ttl_s` (UTC seconds)."""
    username = f"{int(now) + ttl_s}:{user_id}"
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return Credentials(username, base64.b64encode(digest).decode())
