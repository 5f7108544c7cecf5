"""Which addresses of this machine media may come to."""

from __future__ import annotations

import ifaddr


def host_addresses(configured: str) -> list[str]:
    """Return the addresses to offer as ICE host candidates.

    `configured` is a comma separated list; when empty: every interface address and 127.0.0.1,
    which aioice leaves out by itself.
    """
    chosen = [part.strip() for part in configured.split(",") if part.strip()]
    if chosen:
        return chosen
    found = [
        ip.ip
        for adapter in ifaddr.get_adapters()
        for ip in adapter.ips
        if isinstance(ip.ip, str) and ip.ip != "127.0.0.1"
    ]
    return [*found, "127.0.0.1"]
