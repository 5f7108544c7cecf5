"""The signed record of one identity check: verifiable with the public key alone, without us.

The signature is a JWS (RFC 7515) with detached content (appendix F) over the record's canonical
JSON (`domain/evidence.canonical`), Ed25519. The key's id is its thumbprint (RFC 7638).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from joserfc.util import urlsafe_b64encode

from proctorhub.domain import evidence

ALGORITHM = "Ed25519"
TYPE = "proctorhub-identity-record"


class RecordError(Exception):
    """A record that must not be believed; the text says why."""


def plain(value: Any) -> Any:
    """Return a value with its decimals spelled out: a signed record holds no floats."""
    if isinstance(value, float):
        return format(value, ".10g")
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def sign(private_pem: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return `{payload, key, signature}`. Raises ValueError for floats."""
    key = OKPKey.import_key(private_pem)
    header = {"alg": ALGORITHM, "typ": TYPE, "kid": key.thumbprint()}
    compact = jws.serialize_compact(
        header, evidence.canonical(payload), key, algorithms=[ALGORITHM]
    )
    head, _, signature = compact.split(".")
    return {"payload": dict(payload), "key": header["kid"], "signature": f"{head}..{signature}"}


def verify(public_pem: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the payload of a record that this key signed. Raises RecordError."""
    try:
        payload, signature = record["payload"], record["signature"]
        head, content, mark = signature.split(".")
        body = urlsafe_b64encode(evidence.canonical(payload)).decode()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RecordError("This is no identity record.") from error
    if content:
        raise RecordError("This is no identity record.")
    try:
        key = OKPKey.import_key(public_pem)
        found = jws.deserialize_compact(f"{head}.{body}.{mark}", key, algorithms=[ALGORITHM])
    except (JoseError, ValueError) as error:
        raise RecordError("The signature is not of this key, or the record was changed.") from error
    if found.headers().get("typ") != TYPE:
        raise RecordError("This is signed, but no identity record.")
    return dict(payload)
