"""Tells the control plane every second that the node lives and how busy it is."""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import structlog

from proctorhub.config import Settings
from proctorhub.domain.alarms import Alarm
from proctorhub.domain.media import CloseReason
from proctorhub.domain.placement import Beat, measured_limit
from proctorhub.domain.ticket import Source
from proctorhub.media.ledger import Ledger
from proctorhub.media.registry import Registry
from proctorhub.media.spool import Spool
from proctorhub.media.tickets import TicketGate
from proctorhub.media.upload import Uploader

log = structlog.get_logger(__name__)

BEAT_S = 1.0
#: How long a start waits for the control plane to know the node; it starts without it as well.
FIRST_BEAT_S = 3.0
_STEPS = 5
#: How much of a new measurement goes into a figure.
_SMOOTHING = 0.25
#: Over less time than this a share of the processor says nothing.
_SHORTEST_S = 0.2


def identity(settings: Settings) -> str:
    """Return the node's id: the configured one, or one made at the first start and kept."""
    if settings.media_node_id:
        return settings.media_node_id
    path = settings.path("media-node.id")
    if path.exists():
        return path.read_text().strip()
    host = re.sub("[^a-z0-9]+", "-", socket.gethostname().lower()).strip("-")[:24]
    made = f"{host or 'node'}-{secrets.token_hex(3)}"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(made)
    part.replace(path)
    return made


class Heartbeat:
    """Measures the node and tells the ledger. Lives in the loop thread; telling has its own."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        registry: Registry,
        spool: Spool,
        uploader: Uploader,
        gate: TicketGate,
    ) -> None:
        self.node_id = identity(settings)
        self._settings = settings
        self._ledger = ledger
        self._registry = registry
        self._spool = spool
        self._uploader = uploader
        self._gate = gate
        self._teller = ThreadPoolExecutor(1, "heartbeat")
        self._task: asyncio.Task[None] | None = None
        self._cpu = self._lag_ms = 0.0
        self._seen_cpu, self._seen_at = time.process_time(), time.monotonic()
        self._told = True
        self._alarmed: set[object] = set()

    async def begin(self) -> None:
        """Tell for the first time, and go on telling."""
        first = asyncio.create_task(self._tell())
        await asyncio.wait({first}, timeout=FIRST_BEAT_S)
        self._task = asyncio.create_task(self._run(first))

    async def end(self) -> None:
        """Say that the node stops, so that sessions need not wait for its silence."""
        if self._task is not None:
            self._task.cancel()
        try:
            async with asyncio.timeout(FIRST_BEAT_S):
                await asyncio.get_running_loop().run_in_executor(
                    self._teller, self._ledger.leave, self.node_id
                )
        except Exception as error:  # whatever the database raises: silence will tell it
            log.warning("leave_not_told", error=repr(error))
        self._teller.shutdown(wait=False, cancel_futures=True)

    async def _run(self, telling: asyncio.Task[None]) -> None:
        while True:
            worst = 0.0
            for _ in range(_STEPS):
                wanted = time.monotonic() + BEAT_S / _STEPS
                await asyncio.sleep(BEAT_S / _STEPS)
                worst = max(worst, time.monotonic() - wanted)
                if {alarm.key for alarm in self.alarms()} != self._alarmed:
                    break  # bad news, and good news after it, do not wait for the next beat
            self._lag_ms += _SMOOTHING * (worst * 1000 - self._lag_ms)
            # A ledger that hangs is told again when it is done hanging, not once a second.
            if telling.done():
                telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        try:
            orders = await asyncio.get_running_loop().run_in_executor(
                self._teller, self._ledger.heartbeat, self.measure()
            )
        except Exception as error:  # whatever disk or database raise: the next beat tries again
            if self._told:
                log.warning("heartbeat_not_told", error=repr(error))
            self._told = False
            return
        self._told = True
        for chain in list(self._registry.chains.values()):
            if chain.session_id in orders.elsewhere:
                chain.log.warning("session_moved_away")
                chain.close(CloseReason.NODE_STOPPED)
        for session_id in orders.over:
            self._registry.end_session(session_id)

    def measure(self) -> Beat:
        """Return how the node is now."""
        settings = self._settings
        chains = list(self._registry.chains.values())
        sending = tuple(sorted({c.session_id for c in chains if c.source != Source.CHECK}))
        self._measure_cpu()
        limit = settings.media_max_sessions or measured_limit(
            cpu=self._cpu,
            lag_ms=self._lag_ms,
            spool_used=self._spool.used_bytes / (settings.spool_limit_mb * 1024 * 1024),
            sessions=len(sending),
        )
        alarms = self.alarms()
        self._alarmed = {alarm.key for alarm in alarms}
        tracks = [t for c in chains if c.publisher for t in c.publisher.tracks.values()]
        return Beat(
            node_id=self.node_id,
            url=settings.media_url,
            any_name=settings.media_any_name,
            ticket_key=self._gate.key_sha256,
            limit=limit,
            cpu=round(self._cpu, 4),
            lag_ms=round(self._lag_ms, 1),
            sources=len(chains),
            viewers=len(self._registry.viewers),
            waiting=self._uploader.waiting,
            spool_bytes=self._spool.used_bytes,
            spool_age_s=self._spool_age_s(),
            octets=sum(track.ingest.octets for track in tracks),
            sending=sending,
            holding=tuple(self._spool.sessions()),
            alarms=tuple(alarms),
        )

    def alarms(self) -> list[Alarm]:
        """Return what does not work here now."""
        recorded = [c for c in self._registry.chains.values() if c.recorded]
        found = [alarm for chain in recorded for alarm in chain.alarms()]
        return found + self._uploader.alarms([(c.session_id, c.source) for c in recorded])

    def _measure_cpu(self) -> None:
        cpu, now = time.process_time(), time.monotonic()
        if now - self._seen_at < _SHORTEST_S:
            return
        share = (cpu - self._seen_cpu) / (now - self._seen_at)
        self._cpu += _SMOOTHING * (share - self._cpu)
        self._seen_cpu, self._seen_at = cpu, now

    def _spool_age_s(self) -> float:
        since = self._uploader.failing_since
        return round(time.time() - since, 1) if since is not None else 0.0
