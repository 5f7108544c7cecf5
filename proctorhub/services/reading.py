"""Every read of evidence is itself logged."""

from __future__ import annotations

import hashlib

from proctorhub.domain.permissions import Actor
from proctorhub.records.base import utc_now
from proctorhub.services import log

#: A player fetches one recording in many ranges; one entry stands for all of them in this time.
BUCKET_S = 600


def note(actor: Actor, session_id: str, what: str, *, side: str = "staff") -> None:
    """Log that the actor read `what` (`report`, `log`, `recording:camera`, `still:…`)."""
    now = utc_now()
    bucket = int(now.timestamp()) // BUCKET_S
    name = f"{session_id}/{actor.user_id}/{what}/{bucket}"
    entry_id = hashlib.sha256(name.encode()).hexdigest()[:32]
    entry = log.entry("evidence.read", actor, {"what": what}, side=side, entry_id=entry_id, at=now)
    log.append(session_id, entry)
