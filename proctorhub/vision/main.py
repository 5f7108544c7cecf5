"""The vision worker's process."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import threading

import structlog

from proctorhub.config import Settings
from proctorhub.frames import bus
from proctorhub.services import runtime
from proctorhub.vision import abilities, composition, memories
from proctorhub.vision.composition import Composition
from proctorhub.vision.identity import Examiner
from proctorhub.vision.status import Metrics, StatusServer
from proctorhub.vision.turns import taking_turns
from proctorhub.vision.watchlist import Watchlist
from proctorhub.vision.worker import Worker

log = structlog.get_logger(__name__)


def main(settings: Settings) -> None:
    """Look until SIGTERM or SIGINT. Raises BusError, and OSError when the port is taken."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    receiver = bus.receiver(settings)
    runtime.start(settings)
    metrics = Metrics(receiver.counts)
    backends, for_checks = taking_turns(
        composition.compose(settings), metrics.waited("looks"), metrics.waited("identity")
    )
    _tell(backends)
    worker_id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
    watchlist = Watchlist(worker_id, abilities.able(backends))
    worker = Worker(backends, receiver, memories.for_bus(settings), watchlist, metrics, stop)
    status = StatusServer(
        settings.vision_host, settings.vision_port, metrics, worker.problem, settings.metrics_token
    )
    examiner = Examiner(worker_id, for_checks, metrics)
    watchlist.start()
    examiner.start()
    log.info(
        "vision_worker_ready", host=settings.vision_host, port=status.port, space=backends.space_id
    )
    worker.run()
    examiner.close()
    watchlist.close()
    status.close()
    receiver.close()
    runtime.stop()
    log.info("vision_worker_stopped")


def _tell(backends: Composition) -> None:
    """Say once what cannot be checked here, and why."""
    for name, why in backends.refused.items():
        log.warning("vision_backend_unusable", backend=name, why=why)
    if backends.missing:
        log.warning("not_checked", capabilities=[missing.value for missing in backends.missing])
