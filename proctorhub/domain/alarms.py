"""What is wrong with a session's recording right now: told within seconds, and again when over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Part(StrEnum):
    """Which link between the candidate's devices and storage has fallen silent."""

    TRACK = "track"
    RECORDER = "recorder"
    UPLOADER = "uploader"
    NODE = "node"


class Reason(StrEnum):
    """How it shows, as far as it is known."""

    SILENT = "silent"
    CLOSED = "closed"
    NOT_WRITTEN = "not_written"
    DISK = "disk"
    SPOOL_FULL = "spool_full"
    HANGING = "hanging"
    FAILING = "failing"
    BEHIND = "behind"


@dataclass(frozen=True)
class Alarm:
    """One part that does not do its work for one source; `track` is `video`, `audio` or `all`.

    `chain` is the sender it concerns, empty for the uploader; `since_ms` is UTC.
    """

    session_id: str
    source: str
    part: Part
    reason: Reason
    since_ms: int
    track: str = "all"
    chain: str = ""

    @property
    def key(self) -> tuple[str, str, Part, str]:
        """What tells alarms of one node apart; a reason that changes makes no new alarm."""
        return self.session_id, self.source, self.part, self.track


def of_sources(
    sources: Mapping[str, Mapping[str, Any]], required: frozenset[str]
) -> list[dict[str, Any]]:
    """Return what the connections of an open session alarm about, `{part, source, ...}` each.

    A silent source always does; one that is gone does where the exam requires it.
    """
    found = []
    for name, status in sources.items():
        gone = status["state"] == "closed" and name in required
        if status["state"] == "silent" or gone:
            silent = status.get("silent") or []
            found.append(
                {
                    "part": Part.TRACK.value,
                    "source": name,
                    "track": silent[0] if len(silent) == 1 and not gone else "all",
                    "reason": (Reason.CLOSED if gone else Reason.SILENT).value,
                    "since": status["at"],
                }
            )
    return found
