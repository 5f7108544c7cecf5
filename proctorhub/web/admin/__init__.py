"""The pages of administrators: exams, people, access tokens."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from proctorhub.web.auth.access import needs_role

bp = Blueprint("admin", __name__, url_prefix="/admin")


@bp.get("/exams")
@needs_role("exam_admin", "admin")
def exams() -> ResponseReturnValue:
    """Exams: list, create, edit."""
    return render_template("admin/exams.html")


@bp.get("/users")
@needs_role("admin")
def users() -> ResponseReturnValue:
    """People, their roles and photographs."""
    return render_template("admin/users.html")


@bp.get("/tokens")
@needs_role("admin")
def tokens() -> ResponseReturnValue:
    """Access tokens for machines."""
    return render_template("admin/tokens.html")
