"""How a worker is doing: its numbers, and the port that tells them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.metrics import Counter, Gauge, Histogram
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from proctorhub.domain import metrics_access
from proctorhub.frames.bus import Counts
from proctorhub.vision.turns import Waited

SECONDS = (0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10)
#: A turn at the models takes milliseconds, a check some seconds; after 90 a person is asked.
TURN_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2)
CHECK_S = (0.5, 1, 2, 3, 5, 7.5, 10, 15, 30, 60, 90)


class Metrics:
    """The numbers of one worker. Times are seconds."""

    def __init__(self, counts: Counts) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_Bus(counts))
        ProcessCollector(registry=self.registry)
        self.looks = Counter(
            "proctorhub_vision_looks", "Looks taken", ["source"], registry=self.registry
        )
        self.unusable = Counter(
            "proctorhub_vision_unusable",
            "Samples that could not be decoded or are no longer wanted",
            ["source"],
            registry=self.registry,
        )
        self.conflicts = Counter(
            "proctorhub_vision_conflicts",
            "Looks taken again because another worker was quicker",
            registry=self.registry,
        )
        self.lag = Histogram(
            "proctorhub_vision_lag_seconds",
            "From a sample's time to the end of the look at it",
            ["source"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.incidents = Counter(
            "proctorhub_vision_incidents", "Incidents opened", ["detector"], registry=self.registry
        )
        self.flag = Histogram(
            "proctorhub_vision_event_to_flag_seconds",
            "From the first picture that shows it to the incident being stored",
            ["detector"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.turn_wait = Histogram(
            "proctorhub_vision_turn_wait_seconds",
            "Waiting for another thread of the worker to leave the models",
            ["who", "work"],
            buckets=TURN_S,
            registry=self.registry,
        )
        self.identity_wait = Histogram(
            "proctorhub_vision_identity_wait_seconds",
            "From a candidate's sending an identity check to this worker's taking it",
            buckets=CHECK_S,
            registry=self.registry,
        )
        self.identity = Histogram(
            "proctorhub_vision_identity_seconds",
            "Measuring an identity check",
            ["outcome"],
            buckets=CHECK_S,
            registry=self.registry,
        )
        self.last_look = Gauge(
            "proctorhub_vision_last_look_timestamp_seconds",
            "When a detector last had something to go by, UTC",
            ["detector"],
            registry=self.registry,
        )

    def waited(self, who: str) -> Waited:
        """Return what counts the time that `who` waits for turns at the models."""
        return lambda work, seconds: self.turn_wait.labels(who, work).observe(seconds)


class _Bus(Collector):
    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        for name, text, value in (
            ("taken", "Samples taken from the frame bus", self._counts.passed),
            ("dropped", "Samples that gave way to newer ones", self._counts.dropped),
            ("refused", "Malformed samples", self._counts.refused),
        ):
            yield CounterMetricFamily(f"proctorhub_vision_samples_{name}", text, value=value)
        yield GaugeMetricFamily("proctorhub_vision_up", "The worker runs", value=1)


class StatusServer:
    """`/healthz`, `/readyz` and `/metrics`. `problem()` says why the worker is not ready, or None.

    Port 0 is any free one. Raises OSError when the port is taken.
    """

    def __init__(
        self,
        host: str,
        port: int,
        metrics: Metrics,
        problem: Callable[[], str | None],
        metrics_token: str | None = None,
    ) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 10.0

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                if path == "/metrics" and not self.may_read_metrics():
                    status, kind, body = _json(403, {"status": "the metrics are not public"})
                else:
                    status, kind, body = _answer(path, metrics, problem)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def may_read_metrics(self) -> bool:
                return metrics_access.may_read(
                    metrics_token,
                    authorization=self.headers.get("Authorization", ""),
                    address=self.client_address[0],
                    forwarded=any(n in self.headers for n in ("Forwarded", "X-Forwarded-For")),
                )

            def log_message(self, format: str, *args: object) -> None:
                pass  # who asks how we are is no news

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, name="status", daemon=True).start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()


def _answer(
    path: str, metrics: Metrics, problem: Callable[[], str | None]
) -> tuple[int, str, bytes]:
    if path == "/metrics":
        return 200, CONTENT_TYPE_LATEST, generate_latest(metrics.registry)
    if path == "/healthz":
        return _json(200, {"status": "ok"})
    if path == "/readyz":
        wrong = problem()
        status = "ready" if wrong is None else "not ready"
        return _json(503 if wrong else 200, {"status": status, **({"why": wrong} if wrong else {})})
    return _json(404, {"status": "no such page"})


def _json(status: int, value: dict[str, str]) -> tuple[int, str, bytes]:
    return status, "application/json", json.dumps(value).encode()
