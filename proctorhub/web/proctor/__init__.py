"""The pages of a proctor: the day's table, the console of one session, availability."""

from __future__ import annotations

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

bp = Blueprint("proctor", __name__)


@bp.before_request
@login_required
def _proctors_only() -> None:
    if "proctor" not in current_user.roles:
        abort(403)


@bp.get("/desk")
def desk() -> ResponseReturnValue:
    """The day's sessions, live."""
    return render_template("proctor/desk.html")


@bp.get("/desk/<session_id>")
def console(session_id: str) -> ResponseReturnValue:
    """Everything about one running session."""
    return render_template("proctor/console.html", session_id=session_id, section="proctor.desk")


@bp.get("/availability")
def availability() -> ResponseReturnValue:
    """When the proctor is available, and for how many at once."""
    return render_template("proctor/availability.html")
