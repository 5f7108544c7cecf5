"""The media node's process: takes sources by WHIP, records them, relays them by WHEP."""

from __future__ import annotations

import asyncio
import logging
import signal
import ssl
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import structlog
import uvloop
from aiohttp import web

from proctorhub.config import Settings
from proctorhub.domain.media import CloseReason
from proctorhub.media import coverage
from proctorhub.media.aiortc_seam import use_host_addresses
from proctorhub.media.chain import Keeping
from proctorhub.media.doors import Doors, share_of
from proctorhub.media.file_limit import file_limit, raise_file_limit
from proctorhub.media.heartbeat import Heartbeat
from proctorhub.media.ledger import Ledger, ServicesLedger
from proctorhub.media.leftovers import Leftovers, spare_the_living
from proctorhub.media.problems import cors, problems
from proctorhub.media.registry import Registry
from proctorhub.media.sampler import FrameSink, Sampler
from proctorhub.media.spool import Spool, SpoolInUse
from proctorhub.media.status import MAX_PROBE, Status
from proctorhub.media.still import Stills
from proctorhub.media.tasks import spawn
from proctorhub.media.ticket_key import fetch_until_there
from proctorhub.media.tickets import TicketGate
from proctorhub.media.upload import Uploader
from proctorhub.media.vision_link import VisionLink
from proctorhub.media.webm import read_segment
from proctorhub.media.whep import Whep
from proctorhub.media.whip import Whip

log = structlog.get_logger(__name__)

TICK_S = 0.25
SECOND = 4  # ticks
HAND_OVER_S = 20.0
FOLLOW_AGAIN_S = 2.0


class Node:
    """The parts of one media node. `sink` takes what `sampler` is told to sample."""

    def __init__(self, settings: Settings, ledger: Ledger, sink: FrameSink | None = None) -> None:
        self._settings = settings
        self._ledger = ledger
        self._spool = Spool(settings.spool_dir, settings.spool_limit_mb * 1024 * 1024)
        self._registry = Registry()
        self._uploader = Uploader(self._spool, ledger, self._registry.recording)
        self._disk = ThreadPoolExecutor(1, "disk")
        self._stop_following = threading.Event()
        limits = (settings.segment_min_s, settings.segment_max_s)
        self.sampler = Sampler(sink) if sink is not None else None
        keeping = Keeping(self._spool, self._uploader, self._disk, limits, self.sampler)
        gate = TicketGate(settings.path("secrets", "ticket.pub"))
        self._heartbeat = Heartbeat(
            settings, ledger, self._registry, self._spool, self._uploader, gate
        )
        self._doors = Doors(share_of(file_limit()))
        self.app = web.Application(
            middlewares=[self._doors.guard, cors(settings.web_url), problems],
            client_max_size=MAX_PROBE,
        )
        self.app.add_routes(Whip(gate, self._registry, ledger, keeping).routes())
        self.app.add_routes(Whep(gate, self._registry).routes())
        self.app.add_routes(Stills(gate, self._registry).routes())
        status = Status(
            gate,
            self._registry,
            self._spool,
            self._uploader,
            self.sampler,
            settings.metrics_token,
        )
        self.app.add_routes(status.routes())

    def sending(self) -> set[str]:
        """Return the sessions that send to this node."""
        return {chain.session_id for chain in self._registry.chains.values()}

    def recover(self) -> None:
        """Take up what a former life of this node left in the spool."""
        for record, folder in self._spool.abandoned_chains():
            found = self._spool.recover(record, folder)
            ended = max((s.ended_at_ms for s, _ in found), default=None)
            if ended is None:
                ended = int(folder.stat().st_mtime * 1000)
            log.info("chain_recovered", session_id=record.session_id, segments=len(found))
            for segment, path in found:
                for gap in coverage.cut_off(segment, read_segment(path.read_bytes())):
                    self._spool.add_note("note_gap", asdict(gap))
            self._spool.add_note(
                "source_closed",
                {
                    "session_id": record.session_id,
                    "source": record.source,
                    "chain": record.chain,
                    "at_ms": ended,
                    "reason": CloseReason.NODE_STOPPED.value,
                },
            )
            self._spool.end_chain(folder)

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set. Raises OSError when the port is taken."""
        settings = self._settings
        self.recover()
        tls = _tls(settings)
        if settings.ticket_key_sha256:
            key_file = settings.path("secrets", "ticket.pub")
            spawn(fetch_until_there(settings.web_url, settings.ticket_key_sha256, key_file))
        # Known before it can be reached: who finds it ready can be placed on it.
        await self._heartbeat.begin()
        try:
            await self._doors.open(self.app, settings.media_host, settings.media_port, tls)
        except OSError:
            await self._heartbeat.end()
            raise
        self._uploader.start()
        if self.sampler is not None:
            self.sampler.start()
        follower = threading.Thread(
            target=self._follow, args=(asyncio.get_running_loop(),), name="feed", daemon=True
        )
        follower.start()
        ticker = asyncio.create_task(self._tick())
        spare_the_living()
        node_id, port = self._heartbeat.node_id, settings.media_port
        log.info("media_node_ready", node=node_id, host=settings.media_host, port=port)
        await stop.wait()
        log.info("media_node_stopping", senders=len(self._registry.chains))
        ticker.cancel()
        self._stop_following.set()
        await self._heartbeat.end()
        await self._doors.shut()
        await self._registry.close_all()
        if self.sampler is not None:
            self.sampler.stop()
        left = await asyncio.get_running_loop().run_in_executor(None, self._hand_over)
        await self._doors.close()
        log.info("media_node_stopped", left_in_spool=left)

    def _hand_over(self) -> int:
        self._disk.shutdown(wait=True)
        return self._uploader.stop(HAND_OVER_S)

    async def _tick(self) -> None:
        beat = 0
        leftovers = Leftovers()
        while True:
            await asyncio.sleep(TICK_S)
            beat += 1
            chains = list(self._registry.chains.values())
            now = time.time()
            for chain in chains:
                try:
                    chain.tick(now)
                    if beat % SECOND == 0:
                        chain.second(now)
                except Exception:  # one sender's trouble must not stop the others' clock
                    chain.log.exception("tick_failed")
            if beat % SECOND == 0:
                for viewer in list(self._registry.viewers.values()):
                    try:
                        viewer.report(now)
                    except Exception:  # as above
                        log.exception("report_failed", viewer=viewer.id)
                try:
                    self._registry.sweep()
                    leftovers.second(self._registry.ended, now)
                except Exception:  # what is not cleared away now is so in a second
                    log.exception("sweep_failed")

    def _follow(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._stop_following.is_set():
            try:
                for session_id in self._ledger.ended_sessions(self._stop_following):
                    loop.call_soon_threadsafe(self._registry.end_session, session_id)
            except Exception as error:  # whatever the database raises: follow again
                log.warning("feed_lost", error=repr(error))
            self._stop_following.wait(FOLLOW_AGAIN_S)


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if not settings.tls:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.path("tls", "cert.pem"), settings.path("tls", "key.pem"))
    return context


def _log_json(level: str) -> None:
    number = logging.getLevelNamesMapping()[level]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # The libraries' lines name addresses of people's machines.
    for name in ("aioice", "aiortc"):
        logging.getLogger(name).setLevel(logging.ERROR)


def serve(settings: Settings, make: Callable[[], Node]) -> int:
    """Run the node that `make` returns until SIGTERM or SIGINT; return the exit status.

    `make` is called in the loop.
    """
    _log_json(settings.log_level)
    raise_file_limit()
    use_host_addresses(settings.media_addresses)

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await make().run(stop)

    try:
        uvloop.run(run())
    except (OSError, SpoolInUse) as error:
        print(f"media node: {error}", file=sys.stderr)
        return 1
    return 0


def _node(settings: Settings) -> Node:
    ledger = ServicesLedger(settings)
    if not settings.vision_backends:
        return Node(settings, ledger)
    link = VisionLink(settings, ledger)
    node = Node(settings, ledger, link)
    assert node.sampler is not None
    link.begin(node.sampler, node.sending)
    return node


def main(settings: Settings) -> None:
    """Run the media node of an installation; exits the process with status 1 if it cannot start."""
    status = serve(settings, lambda: _node(settings))
    if status:
        raise SystemExit(status)
