"""The pages on which a session is read after it is over."""

from __future__ import annotations

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

bp = Blueprint("review", __name__)

_READERS = frozenset({"proctor", "reviewer", "exam_admin", "admin"})


@bp.before_request
@login_required
def _staff_only() -> None:
    if _READERS.isdisjoint(current_user.roles):
        abort(403)


@bp.get("/reports")
def reports() -> ResponseReturnValue:
    """The sessions that are over."""
    return render_template("review/reports.html")


@bp.get("/reports/<session_id>")
def report(session_id: str) -> ResponseReturnValue:
    """One session: its events beside its recordings."""
    return render_template("review/report.html", session_id=session_id, section="review.reports")
