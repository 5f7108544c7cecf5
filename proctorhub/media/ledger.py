"""What the node tells the control plane. The only module of `media` that imports services."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from proctorhub.config import Settings
from proctorhub.domain.incident_policy import Policy
from proctorhub.domain.media import ClosedSegment, NotedGap
from proctorhub.domain.observation import Source
from proctorhub.domain.placement import Beat, Orders
from proctorhub.media.change import NewContent, Stir
from proctorhub.media.tap import Rate
from proctorhub.plugins import BlobRefused

ENDING_KINDS = ("state.finished", "state.interrupted", "state.rejected", "state.cancelled")


#: What a media source is looked at for, and how often.
RATES: tuple[tuple[str, tuple[Source, ...], Rate], ...] = (
    ("camera", (Source.CAMERA, Source.MICROPHONE), Rate(800, Stir)),
    ("screen", (Source.SCREEN,), Rate(10_000, NewContent)),
)


class Refused(Exception):
    """The control plane will never take this: asking again is of no use."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Ledger(Protocol):
    """Every call blocks and may raise: Refused for good, anything else for now.

    All are idempotent, so that a call whose answer was lost can be repeated. Times are UTC
    milliseconds.
    """

    def origin_ms(self, session_id: str) -> int:
        """Return where the session's common media timeline begins. Refused if unknown."""

    def source_opened(
        self, session_id: str, source: str, chain: str, at_ms: int, *, replaced: bool
    ) -> None:
        """A sender is connected; `replaced` when it took the place of another."""

    def source_closed(
        self, session_id: str, source: str, chain: str, at_ms: int, reason: str
    ) -> None:
        """A chain has ended, for a `CloseReason`."""

    def store_segment(self, segment: ClosedSegment, path: Path) -> None:
        """Store a closed segment: when this returns it is safe and the file may go."""

    def try_storage(self) -> None:
        """Find out whether storage would take a segment: raises what it raises."""

    def note_gap(self, gap: NotedGap) -> None:
        """Media is missing."""

    def track_state(
        self,
        session_id: str,
        source: str,
        chain: str,
        state: str,
        at_ms: int,
        tracks: Sequence[str] = (),
    ) -> None:
        """A source is `live`, or some of its tracks are `silent`."""

    def heartbeat(self, beat: Beat) -> Orders:
        """The node lives. Return what it is to do with sessions that send to it."""

    def leave(self, node_id: str) -> None:
        """The node stops."""

    def watched(self, session_ids: Iterable[str]) -> dict[str, dict[str, Rate]]:
        """Return which of these sessions software looks at now: session → source → how often."""

    def ended_sessions(self, stop: threading.Event) -> Iterator[str]:
        """Yield ids of sessions as they end, until `stop` is set."""


class ServicesLedger:
    """The ledger of a running installation: the services, in this process.

    The database connection is made by the first call, in the thread that makes it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._started = threading.Lock()
        self._ready = False
        self._trials_cleared = False

    def origin_ms(self, session_id: str) -> int:
        """See Ledger."""
        with self._services() as recording:
            return int(recording.origin_ms(session_id))

    def source_opened(
        self, session_id: str, source: str, chain: str, at_ms: int, *, replaced: bool
    ) -> None:
        """See Ledger."""
        with self._services() as recording:
            recording.source_opened(session_id, source, chain, at_ms, replaced=replaced)

    def source_closed(
        self, session_id: str, source: str, chain: str, at_ms: int, reason: str
    ) -> None:
        """See Ledger."""
        with self._services() as recording:
            recording.source_closed(session_id, source, chain, at_ms, reason)

    def store_segment(self, segment: ClosedSegment, path: Path) -> None:
        """See Ledger."""
        with self._services() as recording:
            try:
                recording.store_segment(segment, path)
            except BlobRefused as error:  # the file is not what its sidecar says, and stays so
                raise Refused("segment_damaged", str(error)) from error

    def try_storage(self) -> None:
        """See Ledger."""
        with self._services() as recording:
            if not self._trials_cleared:  # a former life of this node may have been killed in one
                recording.clear_trials()
                self._trials_cleared = True
            recording.try_storage()

    def note_gap(self, gap: NotedGap) -> None:
        """See Ledger."""
        with self._services() as recording:
            recording.note_gap(gap)

    def track_state(
        self,
        session_id: str,
        source: str,
        chain: str,
        state: str,
        at_ms: int,
        tracks: Sequence[str] = (),
    ) -> None:
        """See Ledger."""
        with self._services() as recording:
            recording.track_state(session_id, source, chain, state, at_ms, tracks)

    def heartbeat(self, beat: Beat) -> Orders:
        """See Ledger."""
        from proctorhub.services import alarms, nodes

        with self._services():
            orders = nodes.heartbeat(beat)
            alarms.told(beat.node_id, beat.alarms)
            return orders

    def leave(self, node_id: str) -> None:
        """See Ledger."""
        from proctorhub.services import alarms, nodes

        with self._services():
            nodes.leave(node_id)
            alarms.told(node_id, ())

    def watched(self, session_ids: Iterable[str]) -> dict[str, dict[str, Rate]]:
        """See Ledger."""
        from proctorhub.services import monitoring

        with self._services():
            found = monitoring.watched(session_ids)
        return {one.session_id: rates for one in found if (rates := _rates(one.policy))}

    def ended_sessions(self, stop: threading.Event) -> Iterator[str]:
        """See Ledger."""
        from proctorhub.services import feed

        with self._services():
            pass
        for entry in feed.follow(ENDING_KINDS, stop):
            if entry.session_id is not None:
                yield entry.session_id

    @contextmanager
    def _services(self) -> Iterator[Any]:
        from proctorhub.services import recording, runtime
        from proctorhub.services.errors import ServiceError

        with self._started:
            if not self._ready:
                runtime.start(self._settings)
                self._ready = True
        try:
            yield recording
        except ServiceError as error:
            raise Refused(error.code, error.message) from error


def _rates(policy: Policy) -> dict[str, Rate]:
    return {name: rate for name, looks, rate in RATES if any(policy.of(look) for look in looks)}
