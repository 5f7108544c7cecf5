"""Pictures and sound of live sources for those who watch over exams by machine.

The recorders' frames pass `Tap`s, which choose what to decode; one thread decodes, so that neither
packets nor recordings wait for it. Every picture is one of the recording, with its time.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import av
import structlog

from proctorhub.frames import decoding
from proctorhub.frames.bus import Counts
from proctorhub.frames.envelope import Sample, SampledPicture, SampledSound
from proctorhub.frames.jpeg import jpeg
from proctorhub.frames.miniature import Miniatures
from proctorhub.frames.planes import planes
from proctorhub.media.frame import Frame
from proctorhub.media.tap import Batch, Rate, Tap
from proctorhub.media.webm import VideoTrack

log = structlog.get_logger(__name__)

SOUND_MS = 1000
#: More than this waits only when the thread cannot keep up; what comes then is dropped.
MAX_JOBS = 1000


class FrameSink(Protocol):
    """Takes samples. Called by the sampler's thread: it must not block."""

    @property
    def counts(self) -> Counts:
        """What became of the samples."""

    def publish(self, item: Sample) -> None:
        """Take one sample."""


class Live(Protocol):
    """A source that is being recorded."""

    session_id: str
    source: str
    id: str

    @property
    def video(self) -> VideoTrack | None:
        """What the video is now."""

    def tap(self, taker: Callable[[Frame, int, int], None] | None) -> None:
        """Give every recorded frame with its UTC time in ms and its segment's number to `taker`."""

    def request_keyframe(self) -> None:
        """Ask the sender for a keyframe."""

    def hurry(self, ms: int) -> None:
        """Give frames as they come for so long, at the cost of more time for each."""


@dataclass(frozen=True)
class _Job:
    feed: _Feed
    batch: Batch
    track: VideoTrack
    at_ms: int
    seq: int


class _Feed:
    """One live source that is sampled."""

    def __init__(self, live: Live, rate: Rate, put: Callable[[_Job | SampledSound], bool]) -> None:
        self.live = live
        self.tap = Tap(rate, live.request_keyframe)
        self.decoder: Any = None
        self.track: VideoTrack | None = None
        self._put = put
        self._sounds: list[tuple[int, bytes]] = []
        self._sounds_seq = 0

    def take(self, frame: Frame, at_ms: int, seq: int) -> None:
        """Take a recorded frame."""
        if frame.kind == "audio":
            self._take_sound(frame, at_ms, seq)
            return
        track = self.live.video
        assert track is not None  # a video frame is written only after its keyframe
        batch = self.tap.take(frame, at_ms, track.width * track.height)
        if batch is not None:
            self.tap.busy = True
            if not self._put(_Job(self, batch, track, at_ms, seq)):
                self.tap.busy, self.tap.broken = False, True

    def _take_sound(self, frame: Frame, at_ms: int, seq: int) -> None:
        sounds = self._sounds
        if sounds and at_ms - sounds[0][0] >= SOUND_MS:
            live, self._sounds = self.live, []
            self._put(
                SampledSound(
                    live.session_id,
                    live.source,
                    live.id,
                    self._sounds_seq,
                    sounds[0][0],
                    tuple(sounds),
                )
            )
        if not self._sounds:
            self._sounds_seq = seq
        self._sounds.append((at_ms, frame.data))


class Sampler:
    """Call everything but `start` and `stop` from the loop thread."""

    def __init__(self, sink: FrameSink) -> None:
        self.sink = sink
        self._wanted: dict[str, Mapping[str, Rate]] = {}
        self._live: dict[tuple[str, str], Live] = {}
        self._feeds: dict[str, _Feed] = {}
        self._jobs: queue.SimpleQueue[_Job | SampledSound | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)
        self._miniatures = Miniatures()
        self._dropped = 0
        self.pictures = 0
        self.undecodable = 0
        self.unpublished = 0

    def start(self) -> None:
        """Start the thread that decodes."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what waits, and the thread."""
        self._jobs.put(None)
        self._thread.join()

    @property
    def dropped(self) -> int:
        """Pictures and seconds of sound that the thread was too busy for."""
        return self._dropped + sum(feed.tap.dropped for feed in self._feeds.values())

    def want(self, session_id: str, rates: Mapping[str, Rate]) -> None:
        """Sample these sources of a session at these rates; none of them: no more."""
        if rates:
            self._wanted[session_id] = dict(rates)
        else:
            self._wanted.pop(session_id, None)
        for live in [x for x in self._live.values() if x.session_id == session_id]:
            self._fit(live)

    def burst(self, session_id: str, source: str, count: int, every_ms: int) -> bool:
        """Take the next `count` pictures `every_ms` apart. False if the source is not sampled."""
        live = self._live.get((session_id, source))
        feed = self._feeds.get(live.id) if live is not None else None
        if feed is None:
            return False
        feed.tap.burst(count, every_ms)
        feed.live.hurry((count + 1) * every_ms)
        return True

    def opened(self, live: Live) -> None:
        """A source is recorded from now on; it replaces a former sender of it."""
        self._live[live.session_id, live.source] = live
        self._fit(live)

    def closed(self, live: Live) -> None:
        """A source is recorded no more."""
        key = (live.session_id, live.source)
        if self._live.get(key) is live:
            del self._live[key]
        self._drop(live)

    def _fit(self, live: Live) -> None:
        rate = self._wanted.get(live.session_id, {}).get(live.source)
        feed = self._feeds.get(live.id)
        if rate is None:
            self._drop(live)
        elif feed is not None:
            feed.tap.rate = rate
        else:
            feed = self._feeds[live.id] = _Feed(live, rate, self._put)
            live.tap(feed.take)

    def _drop(self, live: Live) -> None:
        feed = self._feeds.pop(live.id, None)
        if feed is not None:
            live.tap(None)
            self._dropped += feed.tap.dropped

    def _put(self, job: _Job | SampledSound) -> bool:
        if self._jobs.qsize() >= MAX_JOBS:
            self._dropped += 1
            return False
        self._jobs.put(job)
        return True

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            item = self._picture(job) if isinstance(job, _Job) else job
            if item is None:
                continue
            try:
                self.sink.publish(item)
            except Exception as error:  # whatever a bus raises: the next sample tries again
                self.unpublished += 1
                log.warning("sample_lost", session_id=item.session_id, error=repr(error))

    def _picture(self, job: _Job) -> SampledPicture | None:
        feed, live = job.feed, job.feed.live
        try:
            picture, between = self._decode(feed, job)
            image = planes(picture)
            if image is None:
                image = jpeg(picture)
                between.append((job.at_ms, self._miniatures.of(picture)))
        except (av.FFmpegError, _NoPicture) as error:
            feed.tap.broken = True
            self.undecodable += 1
            log.warning("frame_undecodable", session_id=live.session_id, error=str(error))
            return None
        finally:
            feed.tap.busy = False
        self.pictures += 1
        return SampledPicture(
            live.session_id,
            live.source,
            live.id,
            job.seq,
            job.at_ms,
            picture.width,
            picture.height,
            image,
            job.batch.burst,
            tuple(between),
        )

    def _decode(self, feed: _Feed, job: _Job) -> tuple[av.VideoFrame, list[tuple[int, bytes]]]:
        if feed.decoder is None or feed.track != job.track:
            track = feed.track = job.track
            feed.decoder = decoding.decoder_for_looks(track.codec.lower(), track.private)
        between: list[tuple[int, bytes]] = []
        for at_ms, frame in job.batch.frames:
            pictures = feed.decoder.decode(av.Packet(frame.data))
            if not pictures:
                raise _NoPicture("no picture came out")
            if at_ms < job.at_ms:
                between.append((at_ms, self._miniatures.of(pictures[-1])))
        return pictures[-1], between


class _NoPicture(Exception):
    """The decoder took a frame and gave nothing."""
