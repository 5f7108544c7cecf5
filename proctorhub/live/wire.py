"""How values look on the wire: JSON with RFC 3339 times, UTC, milliseconds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def rfc3339(moment: datetime) -> str:
    """Return a time as the API writes it, `2026-11-21T09:00:00.000Z`."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def loads(text: str | bytes, **_options: Any) -> Any:
    """Parse JSON. Raises ValueError, also for something nested too deeply."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def entry(link: Mapping[str, Any]) -> dict[str, Any]:
    """Return a log entry as shown; the chain itself counts milliseconds."""
    return {**link, "at": datetime.fromtimestamp(link["at"] / 1000, UTC)}


def _default(value: object) -> object:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def dumps(value: Any, **_options: Any) -> str:
    """Return compact JSON; the options that libraries pass change nothing."""
    return json.dumps(value, default=_default, ensure_ascii=False, separators=(",", ":"))
