"""Health, metrics, and the equipment check's probe."""

from __future__ import annotations

import time
from collections.abc import Iterator

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from proctorhub.domain import metrics_access
from proctorhub.domain.alarms import Part
from proctorhub.domain.media import GapCause
from proctorhub.domain.ticket import Direction, Source
from proctorhub.media.chain import Chain
from proctorhub.media.clock import sound_offset_ms
from proctorhub.media.coverage import Coverage
from proctorhub.media.problems import Problem
from proctorhub.media.publisher import Publisher
from proctorhub.media.registry import Registry
from proctorhub.media.sampler import Sampler
from proctorhub.media.spool import Spool
from proctorhub.media.tickets import TicketGate
from proctorhub.media.upload import Uploader

MAX_PROBE = 1024 * 1024
TRACK_COUNTERS = (
    ("packets", "RTP packets received"),
    ("octets", "RTP payload bytes received"),
    ("frames", "Whole frames"),
    ("recovered", "Packets that came as retransmissions"),
    ("lost_packets", "Packets given up"),
    ("dropped_frames", "Frames that did not become whole"),
)


class NodeCollector(Collector):
    """Reads the live objects when metrics are asked for, so that packets pay nothing for it."""

    def __init__(
        self, registry: Registry, spool: Spool, uploader: Uploader, sampler: Sampler | None
    ) -> None:
        self._registry = registry
        self._spool = spool
        self._uploader = uploader
        self._sampler = sampler

    def collect(self) -> Iterator[Metric]:
        """Yield the node's metrics."""
        chains = list(self._registry.chains.values())
        gauges = (
            ("senders", "Connected senders", sum(c.publisher is not None for c in chains)),
            ("senders_silent", "Senders without packets", sum(bool(c.silent) for c in chains)),
            ("viewers", "Viewers", len(self._registry.viewers)),
            ("spool_bytes", "Closed segments waiting", self._spool.used_bytes),
            ("ledger_waiting", "Segments and notes waiting", self._uploader.waiting),
            ("ledger_failing_seconds", "How long calls have been failing", self._failing_s()),
        )
        for name, text, value in gauges:
            yield GaugeMetricFamily(f"proctorhub_media_{name}", text, value=value)
        yield _alarms(chains, self._uploader)
        stored, failures = self._uploader.stored, self._uploader.failures
        yield CounterMetricFamily("proctorhub_media_segments_stored", "Segments stored", stored)
        yield CounterMetricFamily(
            "proctorhub_media_segments_refused", "Segments put aside", self._uploader.refused
        )
        yield CounterMetricFamily("proctorhub_media_ledger_failures", "Failed calls", failures)
        for name, text in TRACK_COUNTERS:
            family = GaugeMetricFamily(
                f"proctorhub_media_live_{name}", f"{text}, of live senders", labels=["kind"]
            )
            totals = {"audio": 0, "video": 0}
            for chain in chains:
                for kind, track in (chain.publisher.tracks if chain.publisher else {}).items():
                    totals[kind] += getattr(track.ingest, name)
            for kind, total in totals.items():
                family.add_metric([kind], total)
            yield family
        if self._sampler is not None:
            yield from _sampling(self._sampler)
        yield from _sync([c.publisher for c in chains if c.publisher])
        yield from self._completeness([c.coverage for c in chains if c.coverage])

    def _failing_s(self) -> float:
        since = self._uploader.failing_since
        return 0.0 if since is None else time.time() - since

    def _completeness(self, found: list[Coverage]) -> Iterator[Metric]:
        recorded = GaugeMetricFamily(
            "proctorhub_media_live_recorded_seconds",
            "Recorded media time, of live senders",
            labels=["kind"],
        )
        missing = GaugeMetricFamily(
            "proctorhub_media_live_missing_seconds",
            "Media time missing from recordings, of live senders",
            labels=["kind", "cause"],
        )
        for kind in ("audio", "video"):
            recorded.add_metric([kind], sum(c.recorded_ms.get(kind, 0) for c in found) / 1000)
            for cause in GapCause:
                total = sum(c.missing_ms.get((kind, cause), 0) for c in found)
                missing.add_metric([kind, cause.value], total / 1000)
        yield recorded
        yield missing


def _alarms(chains: list[Chain], uploader: Uploader) -> Metric:
    recorded = [chain for chain in chains if chain.recorded]
    found = uploader.alarms([(c.session_id, c.source) for c in recorded])
    found += [alarm for chain in recorded for alarm in chain.alarms()]
    silent = {Part.TRACK: sum(len(chain.silent) for chain in recorded)}
    family = GaugeMetricFamily(
        "proctorhub_media_alarms",
        "Sources or tracks whose media, recorder or uploader has fallen silent",
        labels=["part"],
    )
    for part in (Part.TRACK, Part.RECORDER, Part.UPLOADER):
        family.add_metric([part.value], sum(a.part is part for a in found) + silent.get(part, 0))
    return family


def _sync(publishers: list[Publisher]) -> Iterator[Metric]:
    drift = GaugeMetricFamily(
        "proctorhub_media_live_drift_ms_per_hour",
        "Largest drift of a track's clock against its sender's, of live senders",
        labels=["kind"],
    )
    for kind in ("audio", "video"):
        clocks = [p.tracks[kind].clock for p in publishers if kind in p.tracks]
        found = [abs(c.drift_ms_h) for c in clocks if c.drift_ms_h is not None]
        drift.add_metric([kind], max(found, default=0.0))
    yield drift
    parted = [
        abs(offset) / 1000
        for p in publishers
        if (offset := sound_offset_ms({k: t.clock for k, t in p.tracks.items()})) is not None
    ]
    yield GaugeMetricFamily(
        "proctorhub_media_live_sound_offset_seconds",
        "Largest distance between sound and picture in a recording, of live senders",
        value=max(parted, default=0.0),
    )


def _sampling(sampler: Sampler) -> Iterator[Metric]:
    sink = sampler.sink.counts
    counts = (
        ("pictures", "Pictures given to the frame bus", sampler.pictures),
        ("dropped", "Pictures and seconds of sound the decoder had no time for", sampler.dropped),
        ("undecodable", "Pictures that could not be decoded", sampler.undecodable),
        ("unpublished", "Samples the frame bus did not take", sampler.unpublished),
        ("sent", "Samples sent over the frame bus", sink.passed),
        ("outdated", "Samples that no worker took in time", sink.dropped),
        ("refused", "Samples beyond the frame bus' limits", sink.refused),
    )
    for name, text, value in counts:
        yield CounterMetricFamily(f"proctorhub_media_sampled_{name}", text, value)


class Status:
    """The endpoints that tell how the node is."""

    def __init__(
        self,
        gate: TicketGate,
        registry: Registry,
        spool: Spool,
        uploader: Uploader,
        sampler: Sampler | None,
        metrics_token: str | None,
    ) -> None:
        self._gate = gate
        self._metrics_token = metrics_token
        self._uploader = uploader
        self._metrics = CollectorRegistry()
        self._metrics.register(NodeCollector(registry, spool, uploader, sampler))
        ProcessCollector(registry=self._metrics)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/healthz", self.healthz),
            web.get("/readyz", self.readyz),
            web.get("/metrics", self.metrics),
            web.get("/probe", self.probe),
            web.post("/probe", self.probe),
        ]

    async def healthz(self, request: web.Request) -> web.Response:
        """Answer that the process runs."""
        return web.json_response({"status": "ok"})

    async def readyz(self, request: web.Request) -> web.Response:
        """Answer whether senders can be taken. Raises Problem 503."""
        if not self._gate.ready:
            raise Problem(503, "not_ready", "The node has no ticket key yet.")
        if self._uploader.failing_since is not None:
            raise Problem(503, "control_plane_away", "The control plane cannot be reached.")
        return web.json_response({"status": "ready"})

    async def metrics(self, request: web.Request) -> web.Response:
        """Answer the metrics in Prometheus' text format. Raises Problem 403."""
        if not metrics_access.may_read(
            self._metrics_token,
            authorization=request.headers.get("Authorization", ""),
            address=request.remote,
            forwarded=any(name in request.headers for name in ("Forwarded", "X-Forwarded-For")),
        ):
            raise Problem(403, "metrics_not_public", "The metrics are not public.")
        body = generate_latest(self._metrics)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def probe(self, request: web.Request) -> web.Response:
        """Answer at once; a body is swallowed and counted. Raises Problem 413."""
        self._gate.check(request, source=Source.CHECK, direction=Direction.SEND)
        size = 0
        async for part in request.content.iter_chunked(64 * 1024):
            size += len(part)
            if size > MAX_PROBE:
                raise Problem(413, "too_large", f"The limit is {MAX_PROBE} bytes.")
        return web.json_response({"bytes": size}, headers={"Cache-Control": "no-store"})
