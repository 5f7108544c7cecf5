"""Answering with a picture."""

from __future__ import annotations

from flask import Response


def picture(data: bytes, content_type: str) -> Response:
    """Return a picture that the browser shows and never runs."""
    response = Response(data, content_type=content_type)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Content-Disposition"] = "inline"
    return response
