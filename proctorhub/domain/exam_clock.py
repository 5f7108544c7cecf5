"""How long a sitting still lasts."""

from __future__ import annotations

from datetime import datetime, timedelta


def ends_at(started_at: datetime, duration_min: int) -> datetime:
    """Return when an exam ends that starts now and is never paused."""
    return started_at + timedelta(minutes=duration_min)


def resumed_end(end: datetime, paused_at: datetime, now: datetime) -> datetime:
    """Return the end after a pause: the time of the pause is given back."""
    return end + (now - paused_at)
