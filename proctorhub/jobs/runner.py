"""Runs the jobs of this installation on their schedule."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from proctorhub.config import Settings
from proctorhub.services import (
    alarms,
    backfill,
    booking,
    identity_judging,
    log,
    monitoring,
    monitoring_settings,
    outbox,
    recorded,
    runtime,
    sitting,
    watchers,
)

#: Job name, what it does, every how many seconds.
SCHEDULE: tuple[tuple[str, Callable[[], int], float], ...] = (
    ("finish_overdue", sitting.finish_overdue, 1),
    ("mark_missing", sitting.mark_missing, 60),
    ("drain_log", log.drain_all, 5),
    ("queue_missed_verdicts", outbox.queue_missed, 30),
    ("tell_recordings", recorded.tell_finished, 1),
    ("finish_fillings", backfill.finish_accepted, 15),
    ("deliver_outbox", outbox.deliver_due, 1),
    ("reconcile_bookings", booking.reconcile, 60),
    ("tick_rules", monitoring.tick_due, 1),
    ("finish_rules", monitoring.finish_over, 2),
    ("settle_identity", identity_judging.settle_due, 0.5),
    ("admit_recognised", identity_judging.admit_due, 0.5),
    ("remove_bursts", identity_judging.remove_bursts, 30),
    ("watch_the_watchers", watchers.check, 1),
    ("watch_the_nodes", alarms.check, 1),
    ("log_monitoring_changes", monitoring_settings.spread_all, 30),
)

_log = structlog.get_logger()


def main(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; a job that is under way is finished first."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    runtime.start(settings)
    scheduler = scheduler_for(SCHEDULE)
    scheduler.start()
    _log.info("jobs.started", jobs=[name for name, _, _ in SCHEDULE])
    stop.wait()
    scheduler.shutdown(wait=True)
    runtime.stop()
    _log.info("jobs.stopped")


def scheduler_for(
    schedule: tuple[tuple[str, Callable[[], int], float], ...],
) -> BackgroundScheduler:
    """Return a scheduler that never runs one job twice at a time and catches up by one run."""
    scheduler = BackgroundScheduler(timezone="UTC")
    for name, job, seconds in schedule:
        scheduler.add_job(
            _told(name, job),
            "interval",
            seconds=seconds,
            id=name,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
        )
    return scheduler


def _told(name: str, job: Callable[[], int]) -> Callable[[], None]:
    def run() -> None:
        try:
            count = job()
        except Exception:
            _log.exception("job.failed", job=name)
            return
        if count:
            _log.info("job.done", job=name, count=count)

    return run
