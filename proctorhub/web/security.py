"""What every answer carries to keep the browser on our side: CSP, other headers, CSRF."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import structlog
from flask import Flask, Response, g, request
from flask_login import current_user
from flask_wtf.csrf import CSRFError, CSRFProtect

from proctorhub.config import Settings
from proctorhub.live.door import own_origin
from proctorhub.services import nodes
from proctorhub.services.changing import Document

log = structlog.get_logger(__name__)

LOOK_AGAIN_S = 2.0
API_PREFIX = "/api/"
_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:]{2,45}\](:\d{1,5})?")
_NO_FEATURES = ("accelerometer", "geolocation", "gyroscope", "magnetometer", "payment", "usb")
_OWN_FEATURES = ("camera", "microphone", "display-capture", "fullscreen", "autoplay")
PERMISSIONS_POLICY = ", ".join(
    [f"{name}=(self)" for name in _OWN_FEATURES] + [f"{name}=()" for name in _NO_FEATURES]
)

csrf = CSRFProtect()


def csp_nonce() -> str:
    """Return the nonce that inline scripts of this answer need."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


class MediaOrigins:
    """Where pages may find media nodes: those that are registered, looked up every few seconds."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._known: list[Document] = []
        self._look_at = 0.0

    def of(self, response: Response) -> list[str]:
        """Return the origins for one answer; only a page that worked is worth a look-up."""
        if response.mimetype == "text/html" and response.status_code < 500:
            self._look()
        hostname = called_hostname()
        found = [self._settings.media_url_from(hostname)]
        found += [nodes.url_of(node, hostname) for node in self._known]
        return list(dict.fromkeys([_origin(url) for url in found])) + (
            self._settings.more_media_origins
        )

    def _look(self) -> None:
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_AGAIN_S
        try:
            self._known = nodes.all_stored()
        except Exception as error:  # whatever the database raises: what was known still holds
            log.warning("media_nodes_unknown", error=type(error).__name__)


def content_security_policy(media_origins: list[str], host: str, nonce: str) -> str:
    """Return the policy for one answer; `host` is what the browser called this server."""
    connect = ["'self'"]
    if _HOST.fullmatch(host):
        connect += [f"ws://{host}", f"wss://{host}"]
    connect += media_origins
    return "; ".join(
        [
            "default-src 'self'",
            f"script-src 'self' 'nonce-{nonce}'",
            "style-src 'self'",
            "img-src 'self' blob: data:",
            "media-src 'self' blob:",
            f"connect-src {' '.join(connect)}",
            "font-src 'self'",
            # The exam itself may be shown inside the page where it is sat.
            "frame-src 'self' https: http:",
            "frame-ancestors 'none'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ]
    )


def has_bearer() -> bool:
    """Tell whether a machine asks, with a token instead of a session cookie."""
    return request.headers.get("Authorization", "").lower().startswith("bearer ")


def called_hostname() -> str | None:
    """Return the name or address under which the browser reached us, without the port."""
    if not _HOST.fullmatch(request.host):
        return None
    return urlsplit(f"//{request.host}").hostname


def _needs_csrf_token() -> bool:
    if not request.path.startswith(API_PREFIX):
        return True
    # A page of somebody else can set neither an Authorization header nor a JSON content type
    # without a preflight request, which is never answered with permission.
    # Without a cookie there is nobody in whose name something could be done.
    return not has_bearer() and request.endpoint != "api.login" and current_user.is_authenticated


def _protector(settings: Settings) -> Callable[[], None]:
    own = own_origin(settings.web_url)

    def protect() -> None:
        if request.endpoint and _needs_csrf_token():
            csrf.protect()
            if request.method in _CHANGING and not own(
                request.headers.get("Origin"), request.environ
            ):
                raise CSRFError("Another site asked for this.")

    return protect


def _origin(url: str) -> str:
    return "{0.scheme}://{0.netloc}".format(urlsplit(url))


def _headers(app: Flask, settings: Settings) -> None:
    https = settings.web_url.startswith("https://")
    media = MediaOrigins(settings)

    @app.after_request
    def add(response: Response) -> Response:
        headers = response.headers
        policy = content_security_policy(media.of(response), request.host, csp_nonce())
        headers.setdefault("Content-Security-Policy", policy)
        headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("X-Frame-Options", "DENY")
        # Not `no-referrer`: browsers would then hide the Origin of forms from us, too.
        headers.setdefault("Referrer-Policy", "same-origin")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if https:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        if request.endpoint != "static":
            headers.setdefault("Cache-Control", "no-store")
        return response


def init(app: Flask, settings: Settings) -> None:
    """Add the headers and the CSRF check to an application."""
    app.config.update(
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
        # In its place `_protector` compares the Origin, which machines may leave out.
        WTF_CSRF_SSL_STRICT=False,
        WTF_CSRF_HEADERS=["X-CSRF-Token"],
    )
    csrf.init_app(app)
    app.before_request(_protector(settings))
    _headers(app, settings)
    app.jinja_env.globals["csp_nonce"] = csp_nonce
