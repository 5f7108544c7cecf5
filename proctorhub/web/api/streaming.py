"""Answering with a large file: whole, or the range that was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from flask import Response, current_app, request

from proctorhub.live.gate import Gate, GateFull
from proctorhub.web.api import ranges
from proctorhub.web.errors import ApiError, problem

HOLDER = "stream"


class File(Protocol):
    """Something of a known size that can be read from any byte."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def content_type(self) -> str:
        """MIME type."""

    @property
    def etag(self) -> str:
        """Differs whenever the bytes do."""

    def read(self, start: int, length: int) -> Iterator[bytes]:
        """Yield the bytes of `[start, start+length)`."""


def stream(file: File) -> Response:
    """Return the file or one range of it: 200, 206, 304 or 416."""
    if file.etag in request.if_none_match:
        return _described(Response(status=304), file)
    try:
        span = ranges.wanted(request, file.size, file.etag)
    except ranges.Unsatisfiable:
        refusal = problem(416, "range_not_satisfiable", "The file is shorter than that.")
        return ranges.not_satisfiable(file.size, refusal)
    whole = span is None
    span = span or ranges.Span(0, file.size)
    response = Response(_body(file, span), status=200 if whole else 206)
    response.headers["Content-Length"] = str(span.length)
    if not whole:
        response.headers["Content-Range"] = f"bytes {span.start}-{span.last}/{file.size}"
    return _described(response, file)


def _body(file: File, span: ranges.Span) -> Iterator[bytes] | list[bytes]:
    if request.method == "HEAD" or span.length == 0:
        return []
    gate: Gate = current_app.extensions["proctorhub.streams"]
    try:
        gate.enter(HOLDER)
    except GateFull:
        detail = "Too many recordings are being played at the moment. Try again shortly."
        raise ApiError(503, "unavailable", detail) from None
    return _Held(file.read(span.start, span.length), gate)


class _Held:
    """Chunks that give their place back when they end, or when nobody reads on."""

    def __init__(self, chunks: Iterator[bytes], gate: Gate) -> None:
        self._chunks = chunks
        self._gate = gate
        self._open = True

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._chunks)

    def close(self) -> None:
        """Called by the WSGI server, whatever happened."""
        if self._open:
            self._open = False
            self._gate.leave(HOLDER)


def _described(response: Response, file: File) -> Response:
    response.headers["Content-Type"] = file.content_type
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["ETag"] = f'"{file.etag}"'
    response.headers["Content-Disposition"] = "inline"
    return response
