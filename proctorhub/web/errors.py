"""Every refusal and failure, as problem+json for the API and as a page for people."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import structlog
from flask import Flask, Response, current_app, g, render_template, request
from flask_babel import gettext
from flask_limiter import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from jinja2 import TemplateNotFound
from pymongo.errors import ConnectionFailure
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from proctorhub.live.problems import body_of, status_of
from proctorhub.services.errors import Busy, ServiceError
from proctorhub.web.security import API_PREFIX

log = structlog.get_logger(__name__)

RETRY_AFTER_S = 5
_CODES = {
    400: "bad_request",
    401: "not_signed_in",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "json_expected",
    416: "range_not_satisfiable",
    429: "too_many_requests",
    503: "unavailable",
}


class ApiError(Exception):
    """A refusal by the HTTP layer itself, before any service was asked."""

    def __init__(self, status: int, code: str, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.extra = extra


def problem(status: int, code: str, detail: str, **extra: Any) -> Response:
    """Return a problem as an answer."""
    text = current_app.json.dumps(body_of(status, code, detail, **extra))
    return Response(text, status=status, content_type="application/problem+json")


def _answer(status: int, code: str, detail: str, **extra: Any) -> Response:
    if request.path.startswith(API_PREFIX):
        response = problem(status, code, detail, **extra)
    else:
        response = _page(status, detail)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def _page(status: int, detail: str) -> Response:
    context = {
        "status": status,
        "title": gettext(HTTPStatus(status).phrase),
        "detail": detail,
        "request_id": g.get("request_id"),
    }
    try:
        return Response(render_template("errors/error.html", **context), status=status)
    except TemplateNotFound:
        return Response(f"{status} {context['title']}\n{detail}\n", status, mimetype="text/plain")


def _service_error(error: ServiceError) -> Response:
    status = status_of(error)
    # Without values a sentence may hold a per cent sign of its own.
    said = gettext(error.template, **error.values) if error.values else gettext(error.message)
    response = _answer(status, error.code, said, field=error.field, state=error.state)
    if isinstance(error, Busy):
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def _api_error(error: ApiError) -> Response:
    return _answer(error.status, error.code, gettext(error.detail), **error.extra)


def _csrf_error(error: CSRFError) -> Response:
    detail = gettext("This page is out of date. Reload it and try again.")
    return _answer(403, "csrf_failed", detail)


def _http_error(error: HTTPException) -> BaseResponse:
    status = error.code
    if status is None or status < 400:
        return error.get_response()
    code = _CODES.get(status, HTTPStatus(status).name.lower())
    response = _answer(status, code, _sentence(error))
    if isinstance(error, RateLimitExceeded) and error.limit:
        response.headers["Retry-After"] = str(error.limit.limit.get_expiry())
    for name, value in error.get_headers():
        if name.lower() in ("allow", "retry-after", "content-range"):
            response.headers[name] = value
    return response


def _sentence(error: HTTPException) -> str:
    known = {
        403: gettext("Your account may not do this."),
        404: gettext("There is nothing at this address."),
        429: gettext("Too many requests. Wait a moment and try again."),
    }
    return known.get(error.code or 500) or error.description or "The request failed."


def _database_error(error: Exception) -> Response:
    log.error("database_unavailable", error=type(error).__name__)
    detail = gettext("The database does not answer. Try again in a moment.")
    return _answer(503, "unavailable", detail)


def _unexpected(error: Exception) -> Response:
    log.exception("unexpected_error", error=type(error).__name__)
    detail = gettext("Something went wrong here. It was written down; please try again.")
    return _answer(500, "internal_error", detail, request_id=g.get("request_id"))


def init(app: Flask) -> None:
    """Map every kind of failure to its answer."""
    app.register_error_handler(ServiceError, _service_error)
    app.register_error_handler(ApiError, _api_error)
    app.register_error_handler(CSRFError, _csrf_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(ConnectionFailure, _database_error)
    app.register_error_handler(Exception, _unexpected)
