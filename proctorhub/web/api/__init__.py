"""The HTTP API under `/api/v1`."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from proctorhub.web.api import (
    backfill,
    booking,
    chat,
    evidence,
    exams,
    identification,
    identity,
    incidents,
    live,
    me,
    media_sessions,
    monitoring,
    nodes,
    openapi,
    proctoring,
    sessions,
    sitting,
    tickets,
    tokens,
    users,
)
from proctorhub.web.api.routing import register

RESOURCES = [
    module.resource
    for module in (
        me,
        users,
        tokens,
        exams,
        booking,
        sessions,
        sitting,
        tickets,
        proctoring,
        identification,
        identity,
        incidents,
        monitoring,
        chat,
        evidence,
        backfill,
        live,
        media_sessions,
        nodes,
    )
]

bp = Blueprint("api", __name__, url_prefix="/api/v1")
TABLE = register(bp, RESOURCES)
DOCUMENT = openapi.document(TABLE)


@bp.get("/openapi.json")
def describe() -> Response:
    """Answer with the OpenAPI description."""
    return jsonify(DOCUMENT)


__all__ = ["DOCUMENT", "TABLE", "bp"]
