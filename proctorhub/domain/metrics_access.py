"""Who may read a process's metrics: they tell how an installation is used."""

from __future__ import annotations

import hmac
import ipaddress


def may_read(
    token: str | None, *, authorization: str, address: str | None, forwarded: bool
) -> bool:
    """Tell whether a request may have the metrics.

    With a `token` whoever sends it as `Bearer`, from anywhere. Without, whoever asks from the same
    machine; a request that a proxy passed on (`forwarded`) comes from somewhere else.
    """
    if token:
        return hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode())
    return not forwarded and address is not None and _is_local(address)


def _is_local(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback
