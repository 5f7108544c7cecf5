"""Guards for pages: signed in, with the right role."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import abort, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from proctorhub.domain.permissions import Actor
from proctorhub.web.auth import people

View = TypeVar("View", bound=Callable[..., Any])

#: Where somebody with a one-time password may still go.
_ALWAYS = frozenset(
    {"auth.password", "auth.change_password", "auth.logout", "i18n.language", "static"}
)


def current_actor() -> Actor:
    """Return who is signed in; only for views behind a guard."""
    actor: Actor = current_user.actor
    return actor


def to_login() -> Response:
    """Send somebody to sign in and back here afterwards."""
    here = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("auth.login", next=here), 303)


def needs_role(*roles: str) -> Callable[[View], View]:
    """Guard a page: any of `roles` opens it; none given means everybody who is signed in."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if not current_user.is_authenticated:
                return to_login()
            if roles and not current_user.roles & set(roles):
                abort(403)
            return view(*args, **kwargs)

        return guarded  # type: ignore[return-value]

    return guard


def signed_in(view: View) -> View:
    """Guard a page that everybody with an account may see."""
    return needs_role()(view)


def force_own_password() -> Response | None:
    """Before every page: somebody with a one-time password chooses an own one first."""
    on_page = request.endpoint is not None and request.blueprint not in ("api", "health")
    if on_page and request.endpoint not in _ALWAYS and people.must_change_password():
        return redirect(url_for("auth.password"), 303)
    return None
