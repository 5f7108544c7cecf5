"""Sort specifications: one byte key per document, in BSON order, per-field direction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .bsonkeys import KEY_EMPTY_ARRAY, KEY_NULL, complement, encode
from .errors import CommandError, not_supported, require
from .paths import values_at


def parse_sort(spec: Any) -> list[tuple[str, int]]:
    """Return the fields and directions (1 or -1) of a sort document; `$natural` is no sort."""
    fields = []
    for name, direction in (spec or {}).items():
        if name == "$natural":
            if direction != 1:
                raise not_supported("a descending $natural sort")
            continue
        if type(direction) is dict:
            raise not_supported("sorting by $meta")
        if direction not in (1, -1) or isinstance(direction, bool):
            raise CommandError("Location15975", f"$sort key ordering must be 1 or -1: {name}")
        plain = name and not name.startswith("$")
        require(plain, "BadValue", f"a field name may not start with '$' or be empty: {name!r}")
        fields.append((name, int(direction)))
    return fields


def sort_key(spec: dict[str, Any]) -> Callable[[Any], bytes]:
    """Return the key function of a sort document.

    An array sorts by its smallest element when ascending, its largest when descending.
    """
    fields = [(name.split("."), direction) for name, direction in parse_sort(spec)]

    def key(document: Any) -> bytes:
        out = []
        for parts, direction in fields:
            keys = []
            for value in values_at(document, parts):
                if type(value) is list:
                    keys += [encode(item) for item in value] or [KEY_EMPTY_ARRAY]
                else:
                    keys.append(encode(value))
            if direction > 0:
                out.append(min(keys, default=KEY_NULL))
            else:
                out.append(complement(max(keys, default=KEY_NULL)))
        return b"".join(out)

    return key
