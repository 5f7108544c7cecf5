"""Which scripts a page needs altogether, so that the browser asks for all of them at once."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

SCRIPTS = Path(__file__).with_name("static") / "js"
_IMPORT = re.compile(r'^(?:import|export)\b[^"]*?"(\.{1,2}/[^"]+)"', re.MULTILINE)


@cache
def modules_of(entry: str) -> tuple[str, ...]:
    """Return the modules that `entry` imports, directly or not, as paths under static/js."""
    found: list[str] = []
    waiting = [entry]
    while waiting:
        path = waiting.pop()
        for target in _IMPORT.findall((SCRIPTS / path).read_text()):
            name = str((SCRIPTS / path).parent.joinpath(target).resolve().relative_to(SCRIPTS))
            if name not in (entry, *found):
                found.append(name)
                waiting.append(name)
    return tuple(sorted(found))
