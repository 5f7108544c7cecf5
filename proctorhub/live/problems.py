"""Problem objects (RFC 9457): the same for HTTP answers and for acknowledgements of live events."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask_babel import gettext

from proctorhub.services import errors

_STATUS: dict[type[errors.ServiceError], int] = {
    errors.Invalid: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.Busy: 503,
}


def status_of(error: errors.ServiceError) -> int:
    """Return the HTTP status of a service's refusal."""
    for kind, status in _STATUS.items():
        if isinstance(error, kind):
            return status
    return 400


def body_of(status: int, code: str, detail: str, **extra: Any) -> dict[str, Any]:
    """Return the members of a problem; those without a value are left out."""
    members = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    return members | {name: value for name, value in extra.items() if value is not None}


def of_error(error: errors.ServiceError) -> dict[str, Any]:
    """Return the problem of a service's refusal, in the language of the request."""
    return body_of(
        status_of(error), error.code, gettext(error.message), field=error.field, state=error.state
    )
