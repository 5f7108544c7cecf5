"""Request ids, one JSON log line per request without personal data, and Prometheus metrics."""

from __future__ import annotations

import re
import time
import uuid

import structlog
from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram
from structlog.contextvars import bind_contextvars, clear_contextvars

log = structlog.get_logger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_UNNAMED = "(none)"
_QUIET = frozenset({"static", "health.healthz", "health.readyz", "health.metrics"})


class Metrics:
    """The numbers of one web process; a registry of its own keeps several apps apart."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "proctorhub_web_requests",
            "Requests answered",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "proctorhub_web_request_seconds",
            "Time until the answer began",
            ["route"],
            buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
            registry=self.registry,
        )


def _begin() -> None:
    asked = request.headers.get("X-Request-Id", "")
    g.request_id = asked if _REQUEST_ID.fullmatch(asked) else uuid.uuid4().hex
    g.began = time.perf_counter()
    clear_contextvars()
    bind_contextvars(process="web", request_id=g.request_id)


def init(app: Flask) -> Metrics:
    """Give every request an id, a log line and a place in the metrics."""
    metrics = Metrics()
    app.before_request(_begin)

    @app.after_request
    def finish(response: Response) -> Response:
        # A request that failed before `_begin` (a bad host, say) has no start.
        took = time.perf_counter() - g.get("began", time.perf_counter())
        # The rule, not the path: ids and file names stay out of logs and labels.
        route = request.url_rule.rule if request.url_rule else _UNNAMED
        metrics.requests.labels(request.method, route, response.status_code).inc()
        metrics.seconds.labels(route).observe(took)
        response.headers["X-Request-Id"] = g.get("request_id", "")
        if request.endpoint not in _QUIET:
            log.info(
                "request",
                method=request.method,
                route=route,
                status=response.status_code,
                ms=round(took * 1000, 1),
                **{k: v for k, v in (request.view_args or {}).items() if k == "session_id"},
            )
        return response

    return metrics
