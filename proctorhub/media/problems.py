"""Errors over HTTP: problem+json (RFC 9457), and CORS for the pages of this installation."""

from __future__ import annotations

from urllib.parse import urlsplit

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

log = structlog.get_logger(__name__)

_TITLES = {
    400: "Bad request",
    401: "No valid ticket",
    403: "Not with this ticket",
    404: "Not found",
    405: "Method not allowed",
    409: "Not now",
    412: "Another ICE session",
    413: "Too large",
    415: "Wrong content type",
    422: "Not supported",
    500: "Our mistake",
    503: "Not available",
}
_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}


class Problem(Exception):
    """An answer other than success: HTTP status, code for the machine, sentence for the person."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail

    def response(self) -> web.Response:
        """Return it as an HTTP response."""
        headers = {"WWW-Authenticate": "Bearer"} if self.status == 401 else {}
        return web.json_response(
            {
                "type": "about:blank",
                "title": _TITLES.get(self.status, "Error"),
                "status": self.status,
                "code": self.code,
                "detail": self.detail,
            },
            status=self.status,
            content_type="application/problem+json",
            headers=headers,
        )


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error into a problem; an unexpected one is logged and told without details."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except web.HTTPException as error:
        if error.status < 400:
            raise
        code = _CODES.get(error.status, "bad_request")
        return Problem(error.status, code, error.reason).response()
    except (ConnectionError, TimeoutError):
        raise  # the client went away: there is nobody to answer
    except Exception:
        log.exception("request_failed", method=request.method, route=request.match_info.route.name)
        return Problem(500, "internal_error", "Something went wrong here.").response()


def allowed_origins(web_url: str) -> frozenset[str]:
    """Return the origins whose pages may talk to the node.

    `localhost` and `127.0.0.1` are the same machine under two names.
    """
    origins = {web_url}
    for one, other in (("//localhost", "//127.0.0.1"), ("//127.0.0.1", "//localhost")):
        if one in web_url:
            origins.add(web_url.replace(one, other))
    return frozenset(origins)


def cors(web_url: str) -> Middleware:
    """Return a middleware that answers preflights and marks answers for `web_url`'s pages.

    A page on the web process's port of the very host the node was reached at is ours too: a
    machine that listens everywhere has many names.
    """
    origins = allowed_origins(web_url)
    web_port = urlsplit(web_url).port

    def is_ours(request: web.Request, origin: str | None) -> bool:
        if origin is None or origin in origins:
            return origin is not None
        page = urlsplit(origin)
        same_host = page.hostname == urlsplit(f"//{request.host}").hostname
        return same_host and page.port == web_port

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method == "OPTIONS":
            response: web.StreamResponse = web.Response(status=204)
        else:
            response = await handler(request)
        response.headers["Vary"] = "Origin"
        origin = request.headers.get("Origin")
        if origin and is_ours(request, origin):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = (
                "Location, ETag, X-Frame-Time, X-Segment"
            )
            if request.method == "OPTIONS":
                response.headers["Access-Control-Allow-Methods"] = "GET, POST, PATCH, DELETE"
                response.headers["Access-Control-Allow-Headers"] = (
                    "Authorization, Content-Type, If-Match"
                )
                response.headers["Access-Control-Max-Age"] = "600"
        return response

    return middleware
