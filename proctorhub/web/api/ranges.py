"""HTTP ranges (RFC 9110, section 14) for files that can be read from any byte."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flask import Request, Response

_ONE_RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.IGNORECASE)


@dataclass(frozen=True)
class Span:
    """A run of bytes inside a file."""

    start: int
    length: int

    @property
    def last(self) -> int:
        """The number of the last byte."""
        return self.start + self.length - 1


class Unsatisfiable(Exception):
    """The range lies outside the file."""


def parse(header: str | None, size: int) -> Span | None:
    """Return the span that a `Range` header asks for, or None for the whole file.

    A header that is malformed, uses another unit or names several ranges is ignored, as RFC 9110
    allows. Raises Unsatisfiable.
    """
    match = _ONE_RANGE.fullmatch(header.strip()) if header else None
    if match is None:
        return None
    first, last = match.groups()
    if not first:
        return _suffix(last, size)
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        raise Unsatisfiable
    end = min(int(last), size - 1) if last else size - 1
    return Span(start, end - start + 1)


def _suffix(last: str, size: int) -> Span | None:
    if not last:
        return None
    length = min(int(last), size)
    if length == 0:
        raise Unsatisfiable
    return Span(size - length, length)


def wanted(request: Request, size: int, etag: str) -> Span | None:
    """Return the span this request may have; `If-Range` with another version means everything.

    Raises Unsatisfiable.
    """
    condition = request.headers.get("If-Range")
    if condition is not None and condition.strip() != f'"{etag}"':
        return None
    return parse(request.headers.get("Range"), size)


def not_satisfiable(size: int, response: Response) -> Response:
    """Add to a 416 what the client needs to ask again."""
    response.headers["Content-Range"] = f"bytes */{size}"
    response.headers["Accept-Ranges"] = "bytes"
    return response
