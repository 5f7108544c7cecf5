"""Whether this process is alive, can do its work, and how it is doing."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pymongo.errors import PyMongoError

from proctorhub.domain import metrics_access
from proctorhub.live import Live
from proctorhub.records import connection
from proctorhub.services.errors import Forbidden
from proctorhub.web.observability import Metrics

PING_MS = 2000

bp = Blueprint("health", __name__)


def database_answers() -> bool:
    """Tell whether the database answers a ping."""
    try:
        connection.database().client.admin.command("ping", maxTimeMS=PING_MS)
    except PyMongoError:
        return False
    return True


@bp.get("/healthz")
def healthz() -> Response:
    """Say that the process answers."""
    return jsonify({"status": "ok"})


@bp.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Say whether the database answers and news are being followed."""
    live: Live = current_app.extensions["proctorhub.live"]
    checks = {"database": database_answers(), "live": live.following}
    ready = all(checks.values())
    status = {"status": "ready" if ready else "not ready", "checks": checks}
    return jsonify(status), 200 if ready else 503


@bp.get("/metrics")
def metrics() -> Response:
    """Give the numbers in the text format of Prometheus, to whom they concern."""
    if not metrics_access.may_read(
        current_app.config["METRICS_TOKEN"],
        authorization=request.headers.get("Authorization", ""),
        address=request.remote_addr,
        forwarded=any(name in request.headers for name in ("Forwarded", "X-Forwarded-For")),
    ):
        raise Forbidden("The metrics are not public.", code="metrics_not_public")
    kept: Metrics = current_app.extensions["proctorhub.metrics"]
    return Response(generate_latest(kept.registry), content_type=CONTENT_TYPE_LATEST)
