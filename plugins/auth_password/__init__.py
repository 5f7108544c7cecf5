"""Sign-on with a login and a password, hashed with Argon2id (RFC 9106)."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError


class PasswordAuthenticator:
    """Checks passwords; one for a login that does not exist takes as long as a wrong one."""

    api_version = 1
    label = "Password"

    def __init__(self) -> None:
        """Use argon2-cffi's defaults, the second recommended option of RFC 9106 §4."""
        self._hasher = PasswordHasher()
        self._nobody = self._hasher.hash("nobody has this password")

    def hash_secret(self, secret: str) -> str:
        """Return the encoded hash to store."""
        return self._hasher.hash(secret)

    def check_secret(self, secret: str, stored: str) -> bool:
        """Tell whether `secret` is the one behind `stored`; an empty `stored` never matches."""
        try:
            return self._hasher.verify(stored or self._nobody, secret) and bool(stored)
        except (VerificationError, InvalidHashError):
            return False
