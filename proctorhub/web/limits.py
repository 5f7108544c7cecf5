"""How often and how much somebody may ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Response, current_app, request
from flask_limiter import ApplicationLimit, Limiter
from flask_login import current_user

from proctorhub.web.security import has_bearer

View = TypeVar("View", bound=Callable[..., Any])

KIB = 1024
MIB = 1024 * KIB
BODY_LIMIT = 64 * KIB
IMAGE_LIMIT = 4 * MIB
#: Some seconds of one source, as the candidate's browser recorded them.
CHUNK_LIMIT = 4 * MIB
#: Room for the boundaries and small fields around the picture of a multipart body.
FORM_OVERHEAD = 64 * KIB

#: Wrong passwords for one login from one address, and from one address altogether.
WRONG_PASSWORDS = "10 per minute"
WRONG_PASSWORDS_PER_ADDRESS = "200 per minute"
#: Everything else, per signed-in person, machine or (when nobody is known) address.
REQUESTS = "1200 per minute"
#: Everything from one address: a whole building of candidates, but not a flood of made-up tokens.
REQUESTS_PER_ADDRESS = "30000 per minute"


def asker() -> str:
    """Return whose requests are counted together."""
    if has_bearer():
        return f"token {hash(request.headers['Authorization'])}"
    if current_user and current_user.is_authenticated:
        return f"user {current_user.get_id()}"
    return f"address {request.remote_addr}"


def login_and_address() -> str:
    """Return the key for wrong passwords: candidates behind one address do not block each other."""
    body = request.get_json(silent=True) if request.is_json else request.form
    login = str(body.get("login", "")) if isinstance(body, dict) else ""
    return f"{login.casefold()[:200]} {request.remote_addr}"


def address() -> str:
    """Return the address that asks."""
    return str(request.remote_addr)


def _refused(response: Response) -> bool:
    return response.status_code in (400, 401, 403)


limiter = Limiter(
    key_func=asker,
    default_limits=[REQUESTS],
    application_limits=[ApplicationLimit(REQUESTS_PER_ADDRESS, key_function=address)],
    storage_uri="memory://",
    strategy="fixed-window",
)


def limit_passwords(view: Callable[..., Any]) -> Callable[..., Any]:
    """Bound the guesses at a view that takes a password.

    Only refusals count, so that a whole room behind one address can sign in at once.
    """
    for amount, key in (
        (WRONG_PASSWORDS, login_and_address),
        (WRONG_PASSWORDS_PER_ADDRESS, address),
    ):
        view = limiter.limit(amount, key_func=key, deduct_when=_refused)(view)
    return view


def allow_body(size: int) -> Callable[[View], View]:
    """Let a view take bodies up to `size` bytes."""

    def allow(view: View) -> View:
        view.body_limit = size  # type: ignore[attr-defined]
        return view

    return allow


def _bound_body() -> None:
    # First of all: whoever reads a field of a form, be it the CSRF check, reads the whole body.
    view = current_app.view_functions.get(request.endpoint or "")
    request.max_content_length = getattr(view, "body_limit", BODY_LIMIT)


def init(app: Flask) -> None:
    """Bound the size of bodies and the number of requests."""
    app.config.update(
        MAX_CONTENT_LENGTH=BODY_LIMIT,
        # The parser adds 64 KiB at a time to what it held back of the last: room for both.
        MAX_FORM_MEMORY_SIZE=2 * BODY_LIMIT,
        MAX_FORM_PARTS=20,
    )
    app.before_request(_bound_body)
    limiter.init_app(app)

    @limiter.request_filter
    def static_files() -> bool:
        return request.endpoint in ("static", "health.healthz", "health.readyz", "health.metrics")
