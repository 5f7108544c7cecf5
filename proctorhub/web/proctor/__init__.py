"""The pages of a proctor: the day's table, the console of one session, availability."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from proctorhub.web.auth.access import needs_role

bp = Blueprint("proctor", __name__)


@bp.get("/desk")
@needs_role("proctor")
def desk() -> ResponseReturnValue:
    """The day's sessions, live."""
    return render_template("proctor/desk.html")


@bp.get("/desk/grid")
@needs_role("proctor")
def grid() -> ResponseReturnValue:
    """All own candidates at once."""
    return render_template("proctor/grid.html", section="proctor.desk")


@bp.get("/desk/<session_id>")
@needs_role("proctor")
def console(session_id: str) -> ResponseReturnValue:
    """Everything about one running session."""
    return render_template("proctor/console.html", session_id=session_id, section="proctor.desk")


@bp.get("/availability")
@needs_role("proctor")
def availability() -> ResponseReturnValue:
    """When the proctor is available, and for how many at once."""
    return render_template("proctor/availability.html")
