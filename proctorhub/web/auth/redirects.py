"""Where to go after signing in: never to another site."""

from __future__ import annotations

from urllib.parse import urlsplit


def safe_target(target: str | None, fallback: str) -> str:
    """Return `target` when it is a path of this site, else `fallback`."""
    if not target or not target.startswith("/"):
        return fallback
    # Browsers read a backslash as a slash and drop control characters: `/\evil` is `//evil`.
    if target.startswith("//") or "\\" in target or any(ord(c) <= 32 for c in target):
        return fallback
    try:
        parts = urlsplit(target)
    except ValueError:
        return fallback
    return fallback if parts.scheme or parts.netloc else target
