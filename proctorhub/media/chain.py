"""A chain: one WHIP session, from the offer to the last closed segment."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import structlog

from proctorhub.domain.alarms import Alarm, Part, Reason
from proctorhub.domain.media import CloseReason, GapCause, NotedGap
from proctorhub.domain.ticket import Source
from proctorhub.media.aiortc_seam import Peer
from proctorhub.media.coverage import Coverage
from proctorhub.media.datagrams import EVERY_S
from proctorhub.media.frame import Frame
from proctorhub.media.lines import MediaLine
from proctorhub.media.publisher import MAX_SOURCES, Publisher
from proctorhub.media.recorder import Keyframe, Recorder, RecorderLinks
from proctorhub.media.sampler import Sampler
from proctorhub.media.spool import ChainRecord, Spool
from proctorhub.media.tasks import spawn
from proctorhub.media.upload import Uploader
from proctorhub.media.watch import TrackWatch
from proctorhub.media.webm import VideoTrack

log = structlog.get_logger(__name__)

#: How often a chain in a hurry is recorded, as often as its socket is read.
HURRY_MS = int(EVERY_S * 1000)


@dataclass(frozen=True)
class Keeping:
    """Where chains keep what they record. `disk` runs slow file work, one job after the other.

    `sampler` is None where nobody looks at pictures.
    """

    spool: Spool
    uploader: Uploader
    disk: Executor
    limits_s: tuple[float, float]
    sampler: Sampler | None = None

    def tell(self, kind: str, **values: Any) -> None:
        """Tell the ledger something, in order, without waiting."""
        self.later(self.uploader.add_note, kind, **values)

    def later(self, job: Callable[..., object], *args: Any, **values: Any) -> None:
        """Do file work behind what was asked for before; an exception in it is logged."""

        def run() -> None:
            try:
                job(*args, **values)
            except Exception as error:  # nobody waits for the result, so nobody else would see it
                log.error("disk_job_failed", job=job.__qualname__, error=repr(error))

        self.disk.submit(run)


class Chain:
    """One sender of one source. `keeping` is None for a source that is not recorded.

    `on_live(chain)` comes when DTLS is up, `on_closed(chain, reason)` once, at the end.
    """

    def __init__(
        self,
        session_id: str,
        source: str,
        ticket_id: str,
        *,
        keeping: Keeping | None,
        origin_ms: int,
        on_live: Callable[[Chain], None],
        on_closed: Callable[[Chain, CloseReason], None],
    ) -> None:
        self.id = uuid.uuid4().hex
        self.session_id = session_id
        self.source = source
        self.ticket_id = ticket_id
        self.peer = Peer()
        self.publisher: Publisher | None = None
        self.coverage: Coverage | None = None
        self.silent: tuple[str, ...] = ()
        self.created_s = time.monotonic()
        self._keeping = keeping
        self._origin_ms = origin_ms
        self._on_live, self._on_closed = on_live, on_closed
        self._folder: Path | None = None
        self._marked_open = False
        self._recorder: Recorder | None = None
        self._watches: dict[str, TrackWatch] = {}
        self._closed = False
        self.peer.on_connected = self._connected
        self.peer.on_closed = lambda: self.close(CloseReason.CONNECTION_LOST)

    @property
    def log(self) -> Any:
        """A logger that names the session, the source and the chain."""
        return log.bind(session_id=self.session_id, source=self.source, chain=self.id)

    def _connected(self, receive: list[MediaLine], send: list[MediaLine]) -> None:
        if self._closed:
            return
        self.publisher = Publisher(self.peer, receive, on_loss=self._lost)
        self.log.info("sender_connected", tracks=[f"{t.kind}:{t.codec}" for t in receive])
        self._on_live(self)

    def record(self, *, replaced: bool) -> None:
        """Begin to record; `replaced` when another sender had to make room."""
        keeping, publisher = self._keeping, self.publisher
        if keeping is None or publisher is None:
            return
        now_ms = int(time.time() * 1000)
        record = ChainRecord(self.session_id, self.source, self.id, self._origin_ms, now_ms)
        self._folder = keeping.spool.folder(record)
        keeping.later(self._mark_open, record)
        # a proctor shows or hides the own picture at will
        expected = publisher.tracks if self.source != Source.PROCTOR else ()
        self.coverage = Coverage(expected, self._gap)
        codec = publisher.tracks["video"].codec if "video" in publisher.tracks else None
        self._recorder = Recorder(
            record,
            self._folder,
            {kind: track.clock for kind, track in publisher.tracks.items()},
            codec,
            keeping.limits_s,
            RecorderLinks(
                require_room=keeping.spool.require_room,
                finished=self._finished,
                request_keyframe=self.request_keyframe,
                storage_gap=self._storage_gap,
                recorded=self.coverage.recorded,
                begun=lambda: self._begun(record),
            ),
        )
        publisher.on_frame = self._recorder.feed
        if keeping.sampler is not None:
            keeping.sampler.opened(self)
        self._tell("source_opened", at_ms=now_ms, replaced=replaced)

    @property
    def recorded(self) -> bool:
        """Whether it is being recorded now."""
        return self._recorder is not None and not self._closed

    @property
    def keyframe(self) -> Keyframe | None:
        """The newest keyframe in the recording."""
        return self._recorder.keyframe if self._recorder is not None else None

    @property
    def video(self) -> VideoTrack | None:
        """What the recorded video is now."""
        return self._recorder.video if self._recorder is not None else None

    def tap(self, taker: Callable[[Frame, int, int], None] | None) -> None:
        """Give every recorded frame with its UTC time in ms and its segment's number to `taker`."""
        if self._recorder is not None:
            self._recorder.tap = taker

    def request_keyframe(self) -> None:
        """Ask the sender for a keyframe."""
        if self.publisher is not None and "video" in self.publisher.tracks:
            self.publisher.tracks["video"].request_keyframe()

    def hurry(self, ms: int) -> None:
        """Record frames as they come for so long: somebody waits for the pictures in them."""
        loop = asyncio.get_running_loop()
        for after in range(HURRY_MS, ms + 1, HURRY_MS):
            loop.call_later(after / 1000, self._hurried)

    def _hurried(self) -> None:
        if self._recorder is not None and not self._closed:
            self._recorder.tick(time.time())

    def _tell(self, kind: str, **values: Any) -> None:
        if self._keeping is not None:
            names = {"session_id": self.session_id, "source": self.source, "chain": self.id}
            self._keeping.tell(kind, **names, **values)

    def _lost(self, kind: str, before_s: float, after_s: float, packets: int) -> None:
        if self._recorder is not None and self.coverage is not None:
            self._recorder.note_loss(packets)
            self.coverage.lost(kind, int(before_s * 1000), int(after_s * 1000))

    def _gap(self, track: str, from_ms: int, to_ms: int, cause: GapCause) -> None:
        self.log.warning("gap", track=track, ms=to_ms - from_ms, cause=cause.value)
        gap = NotedGap(self.session_id, self.source, self.id, track, from_ms, to_ms, cause.value)
        if self._keeping is not None:
            self._keeping.tell("note_gap", **asdict(gap))

    def _storage_gap(self, from_ms: int, to_ms: int) -> None:
        if self.publisher is not None and self.coverage is not None and to_ms > from_ms:
            for kind in self.publisher.tracks:
                self.coverage.not_written(kind, from_ms, to_ms)

    def _finished(self, part: Path, values: dict[str, Any]) -> None:
        keeping = self._keeping
        assert keeping is not None
        loop = asyncio.get_running_loop()

        def finish() -> None:
            try:
                keeping.uploader.add_segment(*keeping.spool.finish(part, values))
            except OSError as error:
                self.log.error("segment_not_closed", error=str(error))
                ends = values["started_at_ms"], values["ended_at_ms"]
                loop.call_soon_threadsafe(self._storage_gap, *ends)

        keeping.later(finish)

    def _mark_open(self, record: ChainRecord) -> None:
        assert self._keeping is not None
        self._keeping.spool.open_chain(record)
        self._marked_open = True

    def _begun(self, record: ChainRecord) -> None:
        # What keeps a chain from being marked when it begins may have been mended by now.
        if not self._marked_open and self._keeping is not None:
            self._keeping.later(self._mark_open, record)

    def tick(self, now: float) -> None:
        """Do what is due between packets; call a few times a second with UTC seconds."""
        if self.publisher is not None:
            if self.publisher.crowded:
                self.log.warning("too_many_streams", more_than=MAX_SOURCES)
                self.close(CloseReason.CONNECTION_LOST)
                return
            self._attempt(self.publisher.tick, now)
            self._attempt(self._watch)
        if self._recorder is not None:
            self._attempt(self._recorder.tick, now)

    def second(self, now: float) -> None:
        """Do what is due each second."""
        if self.publisher is not None:
            self._attempt(self.publisher.report, now)
        if self._recorder is not None:
            self._attempt(self._recorder.flush)

    def _watch(self) -> None:
        assert self.publisher is not None
        now = time.monotonic()
        written = self._recorder.written if self._recorder is not None else {}
        for kind, track in self.publisher.tracks.items():
            watch = self._watches.setdefault(kind, TrackWatch())
            watch.look(now, track.ingest.octets, written.get(kind, 0))
        silent = tuple(kind for kind, watch in self._watches.items() if watch.silent)
        if silent != self.silent:
            self.silent = silent
            state = "silent" if silent else "live"
            self.log.info("track_state", state=state, tracks=silent)
            at_ms = int(time.time() * 1000)
            self._tell("track_state", state=state, at_ms=at_ms, tracks=list(silent))

    def alarms(self) -> list[Alarm]:
        """Return what is not recorded though it comes."""
        if self._recorder is None:
            return []
        if self._recorder.failing is not None:
            return [self._alarm(self._recorder.failing, "all", self._recorder.failing_since_s)]
        now, clock = time.monotonic(), time.time()
        return [
            self._alarm(Reason.NOT_WRITTEN, kind, clock - (now - watch.unwritten_since))
            for kind, watch in self._watches.items()
            if watch.unwritten_since is not None
        ]

    def _alarm(self, reason: Reason, track: str, since_s: float) -> Alarm:
        since_ms = int(since_s * 1000)
        names = (self.session_id, self.source, Part.RECORDER, reason, since_ms)
        return Alarm(*names, track=track, chain=self.id)

    def close(self, reason: CloseReason) -> None:
        """End the chain: close its segment, tell the ledger, close the connection.

        What fails on the way is logged and keeps nothing else from its end.
        """
        if self._closed:
            return
        self._closed = True
        if self.publisher is not None:
            self._attempt(self.peer.catch_up)
            self._attempt(self.publisher.flush, time.time())
            self.publisher.on_frame = None  # packets still come until the connection is closed
        if self._recorder is not None:
            assert self._keeping is not None and self._folder is not None
            self._attempt(self._recorder.close)
            if self.coverage is not None:
                self._attempt(self.coverage.end)
            if self._keeping.sampler is not None:
                self._attempt(self._keeping.sampler.closed, self)
            self._attempt(self._tell_closed, reason)
            self._attempt(self._keeping.later, self._keeping.spool.end_chain, self._folder)
        self.log.info("sender_closed", reason=reason.value)
        self._attempt(self._on_closed, self, reason)
        if not self.peer.closed:
            spawn(self.peer.close())

    def _tell_closed(self, reason: CloseReason) -> None:
        self._tell("source_closed", at_ms=int(time.time() * 1000), reason=reason.value)

    def _attempt(self, step: Callable[..., object], *values: object) -> None:
        """Do one of several things that do not depend on each other; log its failure."""
        try:
            step(*values)
        except Exception:
            self.log.exception("step_failed", step=step.__qualname__)
