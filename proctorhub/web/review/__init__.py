"""The pages on which a session is read after it is over."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from proctorhub.web.auth.access import needs_role

bp = Blueprint("review", __name__)

READERS = ("proctor", "reviewer", "exam_admin", "admin")


@bp.get("/reports")
@needs_role(*READERS)
def reports() -> ResponseReturnValue:
    """The sessions that are over."""
    return render_template("review/reports.html")


@bp.get("/reports/<session_id>")
@needs_role(*READERS)
def report(session_id: str) -> ResponseReturnValue:
    """One session: its events beside its recordings."""
    return render_template("review/report.html", session_id=session_id, section="review.reports")
