"""Signing in and out with a form, and changing the password."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_login import current_user
from werkzeug.wrappers import Response

from proctorhub.services import accounts
from proctorhub.services.errors import Invalid, Unauthenticated
from proctorhub.web.auth import access, people
from proctorhub.web.auth.redirects import safe_target
from proctorhub.web.limits import limit_passwords

HOME = "/"

bp = Blueprint("auth", __name__)

Page = str | tuple[str, int] | Response


@bp.get("/login")
def login() -> Page:
    """Show the form, or go on when there is nothing to ask."""
    target = safe_target(request.args.get("next"), HOME)
    if current_user.is_authenticated:
        return redirect(target, 303)
    return render_template("auth/login.html", login="", next=target, error=None)


@bp.post("/login")
@limit_passwords
def sign_in() -> Page:
    """Check login and password."""
    name = request.form.get("login", "")
    target = safe_target(request.form.get("next"), HOME)
    try:
        actor = accounts.sign_in(name, request.form.get("password", ""))
    except Unauthenticated:
        error = gettext("Login or password are wrong.")
        page = render_template("auth/login.html", login=name, next=target, error=error)
        return page, 401
    people.sign_in(actor)
    return redirect(target, 303)


@bp.post("/logout")
def logout() -> Page:
    """End the session of this browser."""
    people.sign_out()
    return redirect(url_for("auth.login"), 303)


@bp.get("/account/password")
@access.signed_in
def password() -> Page:
    """Show the form for another password."""
    return _password_form()


@bp.post("/account/password")
@limit_passwords
@access.signed_in
def change_password() -> Page:
    """Change the password; other browsers are signed out by that."""
    new = request.form.get("new", "")
    if new != request.form.get("repeat", ""):
        return _password_form("repeat", gettext("The two passwords are not the same.")), 400
    actor = access.current_actor()
    try:
        accounts.change_password(actor, request.form.get("old", ""), new)
    except Invalid as refused:
        return _password_form(refused.field, gettext(refused.message)), 400
    people.sign_in(actor)
    return redirect(HOME, 303)


def _password_form(field: str | None = None, error: str | None = None) -> str:
    forced = people.must_change_password()
    return render_template("auth/password.html", forced=forced, field=field, error=error)
