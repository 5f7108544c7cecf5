"""Fetches the control plane's public key for a node on a machine of its own.

Whoever gives a node another key can let strangers in, so only the key whose SHA-256 the operator
has pinned is taken.
"""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import aiohttp
import structlog

log = structlog.get_logger(__name__)

AGAIN_S = 5.0
TIMEOUT_S = 10.0
_LARGEST = 4096


async def fetch_until_there(web_url: str, sha256: str, path: Path) -> None:
    """Put the key in its file, trying again until the web process answers with the pinned one."""
    while not path.exists():
        try:
            key = await _fetch(f"{web_url}/api/v1/nodes/ticket-key")
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            log.warning("ticket_key_not_fetched", error=repr(error))
        else:
            if hashlib.sha256(key.encode()).hexdigest() == sha256:
                _keep(path, key)
                log.info("ticket_key_fetched")
                return
            log.error("ticket_key_is_another", pinned=sha256)
        await asyncio.sleep(AGAIN_S)


async def _fetch(url: str) -> str:
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout) as http, http.get(url) as answer:
        answer.raise_for_status()
        told = await answer.json()
    key = told.get("key") if isinstance(told, dict) else None
    if not isinstance(key, str) or len(key) > _LARGEST:
        raise ValueError("the answer holds no key")
    return key


def _keep(path: Path, key: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(key)
    part.replace(path)
