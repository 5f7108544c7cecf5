"""What the candidate's own page tells of itself, through the same rules as everything else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from proctorhub.domain import signals as domain
from proctorhub.domain.incident_rules import PHASES
from proctorhub.domain.observation import Source
from proctorhub.domain.permissions import Actor
from proctorhub.domain.session import State
from proctorhub.domain.signals import Signal
from proctorhub.records.base import utc_now
from proctorhub.services import access, changing, journal, log, monitoring, monitoring_settings

MOST_SIGNALS = 100


View = dict[str, list[str]]


def wanted(actor: Actor, session_id: str) -> View:
    """Return `{wanted, observed}`: what the page should tell of now, and all that software looks
    for while this candidate sits this exam. Raises NotFound.
    """
    return _view(access.as_candidate(actor, session_id))


def take(actor: Actor, session_id: str, signals: Iterable[Signal]) -> View:
    """Take what the page noticed, also late after an outage; returns the same as `wanted`.

    Times are the page's word, held between what was heard last (at first: the check-in) and now, so
    that no signal is lost to a wrong clock. Raises NotFound, Conflict.
    """
    session = access.as_candidate(actor, session_id)
    if session["state"] not in PHASES:
        raise changing.state_conflict(session["state"])
    policy = monitoring_settings.policy_of(session)
    if policy is None:
        return _view(session)
    now = log.millis(utc_now())
    first = monitoring.newest(session_id, Source.PAGE) or log.millis(session["checked_in_at"])
    held = [
        replace(signal, at_ms=min(now, max(first, signal.at_ms)))
        for signal in signals
        if signal.detector in policy.checked
    ]
    looks = domain.observations(held)
    journal.add((session_id, look, policy) for look in looks)
    monitoring.observe(session_id, looks, policy)
    return _view(session)


def _view(session: changing.Document) -> View:
    now = monitoring_settings.policy_of(session)
    sitting = monitoring_settings.policy_of({**session, "state": State.RUNNING.value})
    return {
        "wanted": sorted(now.checked & domain.DETECTORS) if now else [],
        "observed": sorted(sitting.checked) if sitting else [],
    }
