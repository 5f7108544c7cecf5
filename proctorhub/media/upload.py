"""Tells the ledger what waits in the spool, again and again until it is taken.

Notes go in the order they were made, segments go each on its own. The control plane may be away for
hours; nothing is lost by that, the spool only grows. While something is recorded and no segment is
due, a small blob tells whether storage would take one.
"""

from __future__ import annotations

import heapq
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import structlog

from proctorhub.domain.alarms import Alarm, Part, Reason
from proctorhub.domain.media import ClosedSegment, GapCause, NotedGap
from proctorhub.media.attempts import Attempts
from proctorhub.media.ledger import Ledger, Refused
from proctorhub.media.spool import Spool

log = structlog.get_logger(__name__)

FIRST_RETRY_S = 0.5
LAST_RETRY_S = 30.0
#: Storage that has not taken anything for so long is tried.
TRIED_AFTER_S = 1.0
#: A segment that waits longer than this is behind, though others may be taken.
BEHIND_AFTER_S = 15.0


class _Waiting(NamedTuple):
    """A segment to be stored: `due` is monotonic, `since` UTC seconds."""

    due: float
    order: int
    tries: int
    segment: ClosedSegment
    path: Path
    since: float


class _Note(NamedTuple):
    """What the ledger is to be told, and where on disk that is kept, if it could be kept."""

    kind: str
    values: dict[str, Any]
    path: Path | None


class Uploader:
    """Hands over segments and notes. `add_segment` and `add_note` may be called by any thread.

    `recording` tells whether there will be segments; a thread of the uploader calls it.
    """

    def __init__(self, spool: Spool, ledger: Ledger, recording: Callable[[], bool]) -> None:
        self._spool = spool
        self._ledger = ledger
        self._recording = recording
        self._changed = threading.Condition()
        self._segments: list[_Waiting] = []
        self._storing: _Waiting | None = None
        self._stores, self._trials = Attempts(), Attempts()
        self._took_at = 0.0
        self._notes: list[_Note] = []
        self._count = itertools.count()
        self._busy = 0
        self._stopping = False
        self.stored = 0
        self.refused = 0
        self.failures = 0
        self.failing_since: float | None = None
        self._threads = [
            threading.Thread(target=self._run_segments, name="segments", daemon=True),
            threading.Thread(target=self._run_notes, name="notes", daemon=True),
            threading.Thread(target=self._run_trials, name="trials", daemon=True),
        ]

    def start(self) -> None:
        """Take up what the spool holds and start the threads."""
        self._notes = [_Note(**json.loads(p.read_text()), path=p) for p in self._spool.notes()]
        for segment, path in self._spool.closed_segments():
            self.add_segment(segment, path)
        for thread in self._threads:
            thread.start()

    def add_segment(self, segment: ClosedSegment, path: Path) -> None:
        """Hand over a closed segment as soon as may be."""
        with self._changed:
            since = time.time()
            heapq.heappush(
                self._segments, _Waiting(0.0, next(self._count), 0, segment, path, since)
            )
            self._changed.notify_all()

    def add_note(self, kind: str, **values: Any) -> None:
        """Tell the ledger something, after all earlier notes; `kind` is a method of Ledger."""
        path: Path | None = None
        try:
            path = self._spool.add_note(kind, values)
        except OSError as error:  # a disk that is full is just what has to be told
            log.error("note_not_kept", kind=kind, session_id=values["session_id"], error=str(error))
        with self._changed:
            self._notes.append(_Note(kind, values, path))
            self._changed.notify_all()

    @property
    def waiting(self) -> int:
        """How many segments and notes the ledger does not have yet."""
        with self._changed:
            return len(self._segments) + len(self._notes) + self._busy

    def stop(self, timeout_s: float) -> int:
        """Wait for everything to be handed over, but no longer than `timeout_s`.

        Returns what is left waiting; it stays in the spool for the next start.
        """
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while self._segments or self._notes or self._busy:
                left = deadline - time.monotonic()
                if left <= 0 or self.failing_since is not None:
                    break
                self._changed.wait(min(left, 0.25))
            self._stopping = True
            self._changed.notify_all()
        return self.waiting

    def _run_segments(self) -> None:
        while True:
            with self._changed:
                while not self._segments or self._segments[0].due > time.monotonic():
                    if self._stopping:
                        return
                    due = self._segments[0].due - time.monotonic() if self._segments else None
                    self._changed.wait(due)
                waiting = heapq.heappop(self._segments)
                self._storing = waiting
                self._stores.begin()
                self._busy += 1
            taken = self._store(waiting.segment, waiting.path)
            with self._changed:
                self._busy -= 1
                self._storing = None
                news = self._stores.end(worked=taken)
                if not taken:
                    self._put_off(waiting)
                else:
                    self._took_at = time.monotonic()
                    if news:
                        self._hurry()
                self._changed.notify_all()

    def _put_off(self, waiting: _Waiting) -> None:
        again = waiting._replace(
            due=time.monotonic() + _back_off(waiting.tries),
            order=next(self._count),
            tries=waiting.tries + 1,
        )
        heapq.heappush(self._segments, again)

    def _hurry(self) -> None:
        # Storage is back: what was put off need not wait any longer.
        self._segments = [w._replace(due=0.0) for w in self._segments]
        heapq.heapify(self._segments)

    def _run_trials(self) -> None:
        pause = TRIED_AFTER_S
        while True:
            with self._changed:
                if self._changed.wait_for(lambda: self._stopping, pause):
                    return
                pause = self._took_at + TRIED_AFTER_S - time.monotonic()
            if pause <= 0:
                pause = TRIED_AFTER_S
                if self._recording() or self._trials.failing_since is not None:
                    self._try_storage()

    def _try_storage(self) -> None:
        self._trials.begin()
        error = None
        try:
            self._ledger.try_storage()
        except Exception as raised:  # whatever the storage raises: it is tried again
            error = repr(raised)
        if not self._trials.end(worked=error is None):
            return
        if error is not None:
            log.warning("storage_fails", error=error)
            return
        log.info("storage_works_again")
        with self._changed:
            self._hurry()
            self._changed.notify_all()

    def trouble(self) -> tuple[Reason, float] | None:
        """Return what keeps every segment from being stored now, and since when (UTC seconds)."""
        found = [trouble for calls in (self._stores, self._trials) if (trouble := calls.trouble())]
        return min(found, key=lambda trouble: trouble[1], default=None)

    def alarms(self, recorded: Iterable[tuple[str, str]]) -> list[Alarm]:
        """Return whose segments are not stored; `recorded` are (session, source) recorded now.

        While nothing can be stored, that concerns all of them.
        """
        trouble = self.trouble()
        late = time.time() - BEHIND_AFTER_S
        with self._changed:
            found = {
                (w.segment.session_id, w.segment.source): (Reason.BEHIND, w.since)
                for w in sorted(self._segments, key=lambda w: -w.since)
                if trouble is not None or w.since < late
            }
            if trouble is not None and self._storing is not None:
                segment = self._storing.segment
                found[segment.session_id, segment.source] = trouble
        if trouble is not None:
            found = dict.fromkeys([*found, *recorded], trouble)
        return [
            Alarm(session_id, source, Part.UPLOADER, reason, int(since * 1000))
            for (session_id, source), (reason, since) in found.items()
        ]

    def _store(self, segment: ClosedSegment, path: Path) -> bool:
        def call() -> None:
            self._ledger.store_segment(segment, path)

        outcome = self._tried(call, "store_segment", segment.session_id)
        if outcome == "done":
            self._clear(segment.session_id, self._spool.stored, segment, path)
            self.stored += 1
        elif outcome == "refused":
            self._put_aside(segment, path)
        return outcome != "failed"

    def _clear(self, session_id: str, step: Callable[..., object], *values: object) -> None:
        """Change the spool after the ledger has spoken; what fails waits for the next start."""
        try:
            step(*values)
        except OSError as error:
            log.error("spool_not_cleared", session_id=session_id, error=str(error))

    def _put_aside(self, segment: ClosedSegment, path: Path) -> None:
        # Media is never thrown away here: a person may still make use of it.
        self._clear(segment.session_id, self._spool.refuse, segment, path)
        self.refused += 1
        log.error(
            "segment_refused", session_id=segment.session_id, chain=segment.chain, seq=segment.seq
        )
        for track, frames in (("video", segment.video_frames), ("audio", segment.audio_frames)):
            if frames:
                gap = NotedGap(
                    segment.session_id,
                    segment.source,
                    segment.chain,
                    track,
                    segment.started_at_ms,
                    segment.ended_at_ms,
                    GapCause.STORAGE.value,
                )
                self.add_note("note_gap", **asdict(gap))

    def _run_notes(self) -> None:
        tries = 0
        while True:
            with self._changed:
                while not self._notes:
                    if self._stopping:
                        return
                    self._changed.wait()
                note = self._notes[0]
            if self._tell(note):
                tries = 0
                with self._changed:
                    self._notes.pop(0)
                    self._changed.notify_all()
                continue
            with self._changed:
                if self._stopping:
                    return
                self._changed.wait_for(lambda: self._stopping, _back_off(tries))
            tries += 1

    def _tell(self, note: _Note) -> bool:
        def call() -> None:
            if note.kind == "note_gap":
                self._ledger.note_gap(NotedGap(**note.values))
            else:
                getattr(self._ledger, note.kind)(**note.values)

        session_id = note.values["session_id"]
        if self._tried(call, note.kind, session_id) == "failed":
            return False
        if note.path is not None:
            self._clear(session_id, note.path.unlink)
        return True

    def _tried(self, call: Callable[[], None], what: str, session_id: str) -> str:
        try:
            call()
        except Refused as error:
            log.error("ledger_refused", what=what, session_id=session_id, code=error.code)
            return "refused"
        except Exception as error:  # whatever the database or the storage raises: try again later
            self.failures += 1
            if self.failing_since is None:
                self.failing_since = time.time()
            log.warning("ledger_failed", what=what, session_id=session_id, error=repr(error))
            return "failed"
        self.failing_since = None
        return "done"


def _back_off(tries: int) -> float:
    return float(min(LAST_RETRY_S, FIRST_RETRY_S * 2**tries))
