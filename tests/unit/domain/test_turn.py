"""Credentials as coturn computes them."""

from __future__ import annotations

from proctorhub.domain.turn import credentials


def test_the_password_is_the_hmac_of_expiry_and_user() -> None:
    made = credentials("north", "ada", now=1_700_000_000.9, ttl_s=3600)
    assert made.username == "1700003600:ada"
    # printf %s 1700003600:ada | openssl dgst -sha1 -hmac north -binary | base64
    assert made.password == "xnSlQG4JwD6eDlwPBFdbTt6sTJk="
