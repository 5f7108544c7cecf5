"""The signed-in person as Flask-Login sees them, and the machine behind a token."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from flask import Flask, g, request, session
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from proctorhub.config import Settings
from proctorhub.domain.permissions import Actor
from proctorhub.records.people import User
from proctorhub.services import tokens
from proctorhub.services.errors import Forbidden, Unauthenticated
from proctorhub.web.security import has_bearer

COOKIE = "proctorhub"
SIGNED_IN_FOR = timedelta(hours=12)


@dataclass(frozen=True, eq=False)
class Person(UserMixin):  # type: ignore[misc]
    """Somebody with a session cookie; templates see this as `current_user`."""

    actor: Actor
    login: str
    must_change_password: bool
    time_zone: str | None
    credential: str

    @property
    def id(self) -> str:
        """The user's id."""
        return self.actor.user_id

    @property
    def name(self) -> str:
        """The name shown to others."""
        return self.actor.name

    @property
    def roles(self) -> frozenset[str]:
        """The roles, several at once."""
        return self.actor.roles

    def get_id(self) -> str:
        """Return what the cookie holds: it stops working when the password changes."""
        return f"{self.id}.{self.credential}"


def find(user_id: str) -> Person | None:
    """Return the person with an open account, or None."""
    user = User.objects(id=user_id, active=True).first()
    if user is None:
        return None
    return Person(
        actor=Actor(user.id, user.name, frozenset(user.roles), user.institution_id),
        login=user.login,
        must_change_password=user.must_change_password,
        time_zone=user.time_zone,
        credential=hashlib.sha256((user.secret or "").encode()).hexdigest()[:16],
    )


def _from_cookie(stored: str) -> Person | None:
    user_id, _, credential = stored.partition(".")
    person = find(user_id)
    return person if person and person.credential == credential else None


def sign_in(actor: Actor) -> None:
    """Begin a session for somebody whose password was right."""
    session.clear()
    session.permanent = True
    login_user(find(actor.user_id))


def sign_out() -> None:
    """End the session of this browser."""
    logout_user()
    session.clear()


def signed_in_actor() -> Actor | None:
    """Return who the session cookie stands for, unless they must choose a password first."""
    if not current_user.is_authenticated or current_user.must_change_password:
        return None
    actor: Actor = current_user.actor
    return actor


def request_actor() -> Actor:
    """Return who asks the API: a machine by its token, else the signed-in person.

    A request with a token is never answered in the name of a cookie. Raises Unauthenticated.
    """
    if has_bearer():
        return _machine()
    if not current_user.is_authenticated:
        raise Unauthenticated("Sign in first.", code="not_signed_in")
    actor: Actor = current_user.actor
    return actor


def must_change_password() -> bool:
    """Tell whether the signed-in person has to choose a password before anything else."""
    return bool(
        not has_bearer() and current_user.is_authenticated and current_user.must_change_password
    )


def require_own_password() -> None:
    """Raises Forbidden for somebody who still has a one-time password."""
    if must_change_password():
        raise Forbidden("Choose a password of your own first.", code="must_change_password")


def _machine() -> Actor:
    if "machine" not in g:
        token = request.headers["Authorization"][len("Bearer ") :].strip()
        g.machine = tokens.actor_for_token(token)
    machine: Actor | None = g.machine
    if machine is None:
        raise Unauthenticated("This token is not valid.", code="token_invalid")
    return machine


def init(app: Flask, settings: Settings) -> None:
    """Set up the session cookie and Flask-Login."""
    app.config.update(
        SESSION_COOKIE_NAME=COOKIE,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.web_url.startswith("https://"),
        PERMANENT_SESSION_LIFETIME=SIGNED_IN_FOR,
        # An answer on its way while somebody signs out must not bring the cookie back.
        SESSION_REFRESH_EACH_REQUEST=False,
    )
    manager = LoginManager(app)
    manager.login_view = "auth.login"
    manager.user_loader(_from_cookie)
