"""The pages of administrators: exams, people, access tokens."""

from __future__ import annotations

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

bp = Blueprint("admin", __name__, url_prefix="/admin")


def _require(*roles: str) -> None:
    if set(roles).isdisjoint(current_user.roles):
        abort(403)


@bp.get("/exams")
@login_required
def exams() -> ResponseReturnValue:
    """Exams: list, create, edit."""
    _require("exam_admin", "admin")
    return render_template("admin/exams.html")


@bp.get("/users")
@login_required
def users() -> ResponseReturnValue:
    """People, their roles and photographs."""
    _require("admin")
    return render_template("admin/users.html")


@bp.get("/tokens")
@login_required
def tokens() -> ResponseReturnValue:
    """Access tokens for machines."""
    _require("admin")
    return render_template("admin/tokens.html")
