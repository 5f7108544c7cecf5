"""The pages of a candidate, and the front door that sends everybody to their own pages."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from proctorhub.domain import identity
from proctorhub.web.auth.access import needs_role, signed_in

bp = Blueprint("candidate", __name__)

#: Where the work of each role starts; the first that fits wins.
_HOME = (
    ("proctor", "proctor.desk"),
    ("candidate", "candidate.exams"),
    ("exam_admin", "admin.exams"),
    ("admin", "admin.exams"),
    ("reviewer", "review.reports"),
)


@bp.get("/")
@signed_in
def home() -> ResponseReturnValue:
    """Send a person to the page their work starts on."""
    for role, endpoint in _HOME:
        if role in current_user.roles:
            return redirect(url_for(endpoint))
    abort(403)


@bp.get("/exams")
@needs_role("candidate")
def exams() -> ResponseReturnValue:
    """The exams open to the candidate, the booked ones, and what to do next."""
    return render_template("candidate/exams.html")


@bp.get("/exams/<exam_id>/book")
@needs_role("candidate")
def book(exam_id: str) -> ResponseReturnValue:
    """Bookable times of one exam, in the candidate's own time zone."""
    return render_template("candidate/book.html", exam_id=exam_id, section="candidate.exams")


@bp.get("/equipment")
@signed_in
def equipment() -> ResponseReturnValue:
    """The equipment check, outside any session."""
    return render_template("candidate/equipment.html")


@bp.get("/sit/<session_id>")
@needs_role("candidate")
def sit(session_id: str) -> ResponseReturnValue:
    """One sitting, from consent to the conclusion."""
    limits = {kind: asdict(limits) for kind, limits in identity.PAGE_LIMITS.items()}
    return render_template("candidate/sit.html", session_id=session_id, picture_limits=limits)


@bp.get("/sessions/<session_id>/result")
@needs_role("candidate")
def result(session_id: str) -> ResponseReturnValue:
    """What was concluded, for the candidate."""
    return render_template(
        "candidate/result.html", session_id=session_id, section="candidate.exams"
    )
