"""Rolling segments of one chain: 4–10 s, each beginning with a keyframe, nothing transcoded.

Frames are merged in media time and written as blocks that never step back. After `min_s` a
keyframe is asked for and the segment ends at it. Sound alone rolls at `max_s`. A sender that
gives no keyframe keeps its segment open until `HARD_MAX_MS`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from proctorhub.domain.alarms import Reason
from proctorhub.media.clock import TrackClock
from proctorhub.media.coverage import PAUSE_GAP_MS
from proctorhub.media.frame import Frame
from proctorhub.media.interleave import Interleaver
from proctorhub.media.picture import UnusableKeyframe, describe
from proctorhub.media.sidecar import sidecar
from proctorhub.media.spool import ChainRecord, SpoolFull
from proctorhub.media.webm import AUDIO_TRACK, VIDEO_TRACK, SegmentWriter, VideoTrack

log = structlog.get_logger(__name__)

START_WAIT_MS = 3000
VIDEO_IDLE_MS = 2500
HARD_MAX_MS = 30_000
IDLE_CLOSE_S = 5.0
KEYFRAME_EVERY_MS = 1000
#: A segment ends early for pictures of another size, but no more often than this: each is a file.
RESIZE_EVERY_MS = 1000
AUDIO_FRAME_MS = 20
#: After a file could not be written frames wait so long before another is begun.
TRY_AGAIN_MS = 2000
#: While nothing can be written that is told in pieces, so that it shows while it lasts.
TELL_NO_ROOM_MS = 10_000
#: A disk that took something for so long is in order again.
RECOVERED_MS = 3000


@dataclass(frozen=True)
class RecorderLinks:
    """What a recorder needs from around it.

    `require_room()` raises SpoolFull. `finished(part, values)` takes a complete file and its
    sidecar values. `request_keyframe()` reaches the sender. `storage_gap(from_ms, to_ms)` tells of
    media (UTC) that could not be written. `recorded(kind, at_ms)` tells of each frame on its way to
    the file (UTC). `begun()` tells of each file.
    """

    require_room: Callable[[], None]
    finished: Callable[[Path, dict[str, Any]], None]
    request_keyframe: Callable[[], None]
    storage_gap: Callable[[int, int], None]
    recorded: Callable[[str, int], None]
    begun: Callable[[], None]


@dataclass(frozen=True)
class Keyframe:
    """A recorded keyframe: what decodes it, when it was taken (UTC ms), its segment."""

    track: VideoTrack
    data: bytes
    at_ms: int
    seq: int


class Recorder:
    """Feed it frames from the loop thread; times are milliseconds since the session's origin."""

    def __init__(
        self,
        record: ChainRecord,
        folder: Path,
        clocks: dict[str, TrackClock],
        codec: str | None,
        limits_s: tuple[float, float],
        links: RecorderLinks,
    ) -> None:
        self._record = record
        self._folder = folder
        self._clocks = clocks
        self._codec = codec
        self._min_ms, self._max_ms = (int(limit * 1000) for limit in limits_s)
        self._hole_ms = min(PAUSE_GAP_MS[kind] for kind in clocks)
        self._links = links
        self._merged = Interleaver(clocks, record.origin_ms)
        self._fed_s = 0.0
        self._segment: SegmentWriter | None = None
        self._video: VideoTrack | None = None
        self._seq = 0
        self._counts = {"video": 0, "audio": 0}
        self._last = {"video": -1, "audio": -1}
        self._written_ms = 0
        self._asked_ms = -KEYFRAME_EVERY_MS
        self._resized_ms = -RESIZE_EVERY_MS
        self._left_out = False
        self._unusable = False
        self._lost_packets = 0
        self._no_room_since: int | None = None
        self._failed_ms = -TRY_AGAIN_MS
        self._taken = dict.fromkeys(clocks, 0)
        #: How many frames of each track have gone into files, told with each flush.
        self.written = dict(self._taken)
        #: Why files cannot be written, None while they can, and since when (UTC seconds).
        self.failing: Reason | None = None
        self.failing_since_s = 0.0
        self.dropped = 0
        self.keyframe: Keyframe | None = None
        #: Gets every recorded frame with its UTC time in ms and the number of its segment.
        self.tap: Callable[[Frame, int, int], None] | None = None

    @property
    def video(self) -> VideoTrack | None:
        """What the video is now; None before the first keyframe."""
        return self._video

    def feed(self, frame: Frame, now: float) -> None:
        """Take one frame; it is written with the next `tick`. `now` is UTC seconds."""
        self._fed_s = now
        self._merged.feed(frame, now)

    def note_loss(self, packets: int) -> None:
        """Count packets that were given up into the segment being written."""
        self._lost_packets += packets

    def _release(self, everything: bool = False) -> None:
        merged = self._merged
        limit = merged.limit(everything)
        while True:
            try:
                if self._segment is None and not self._begin(everything):
                    return
                queue = merged.first()
                if not queue or queue[0][0] > limit:
                    return
                if self._segment is not None and self._is_behind_a_hole(queue[0][0]):
                    # A hole lies between segments, never in one: there it can be seen and filled.
                    self._end()
                    continue
                at, frame = queue.popleft()
                # No block steps back, and no two of a track have the same time.
                self._write(max(at, self._written_ms, self._last[frame.kind] + 1), frame)
            except Exception:  # a frame that nothing can be made of must not hold up the others
                self.dropped += 1
                log.exception("frame_not_written", session_id=self._record.session_id)

    def _is_behind_a_hole(self, at: int) -> bool:
        assert self._segment is not None
        return at - max(self._written_ms, self._segment.timestamp_ms) > self._hole_ms

    def _begin(self, everything: bool) -> bool:
        """Open a segment where the queues stand; False when that has to wait."""
        pictures, sounds, newest = self._merged.pictures, self._merged.sounds, self._merged.newest
        while pictures and not pictures[0][1].key:
            pictures.popleft()
            self.dropped += 1
            self._ask(newest["video"])
        starts = [queue[0][0] for queue in (pictures, sounds) if queue]
        if not starts or (not everything and max(newest.values()) - self._failed_ms < TRY_AGAIN_MS):
            return False
        waited = newest["audio"] - starts[0] if sounds else 0
        expected = "video" in self._clocks and not pictures
        if expected and waited < START_WAIT_MS and not everything:
            return False  # the first keyframe is on its way; let the sound wait for it
        try:
            video = self._describe(pictures[0][1]) if pictures else None
            self._open(max(min(starts), self._written_ms), video)
        except Exception:
            (pictures or sounds).popleft()  # with it the next one would fail, too
            raise
        if self._segment is None:
            self.dropped += len(pictures) + len(sounds)
            pictures.clear()
            sounds.clear()
            self._tell_no_room(max(newest.values()), TELL_NO_ROOM_MS)
        return self._segment is not None

    def _describe(self, keyframe: Frame) -> VideoTrack | None:
        """Return what a keyframe begins; None if there is nothing in it that can be recorded."""
        try:
            return describe(self._codec, keyframe.data, self._video)
        except UnusableKeyframe as error:
            if not self._unusable:  # the first one tells enough of a sender
                self._unusable = True
                session = self._record.session_id
                log.warning("bad_keyframe", session_id=session, error=str(error))
            return None

    def _open(self, at: int, video: VideoTrack | None) -> None:
        try:
            self._links.require_room()
            # Here, because this is tried again.
            self._folder.mkdir(parents=True, exist_ok=True)
            part = self._folder / f"{self._seq:06d}.part"
            self._segment = SegmentWriter(
                part, video=video, audio="audio" in self._clocks, timestamp_ms=at
            )
        except (SpoolFull, OSError) as error:
            self._no_room(at, error)
            return
        self._links.begun()
        self._tell_no_room(at)
        self._no_room_since = None
        self._video = video
        self._seq += 1
        self._counts = {"video": 0, "audio": 0}

    def _no_room(self, at: int, error: Exception) -> None:
        if self._no_room_since is None:
            log.error("cannot_record", session_id=self._record.session_id, error=str(error))
            self._no_room_since = at
        self._failed_ms = max(self._merged.newest.values())
        if self.failing is None:
            self.failing_since_s = time.time()
        self.failing = Reason.SPOOL_FULL if isinstance(error, SpoolFull) else Reason.DISK

    def _tell_no_room(self, until: int, at_least_ms: int = 0) -> None:
        since = self._no_room_since
        if since is not None and until - since >= at_least_ms:
            origin = self._record.origin_ms
            self._links.storage_gap(origin + since, origin + until)
            self._no_room_since = until

    def _write(self, at: int, frame: Frame) -> None:
        segment = self._segment
        if segment is not None:
            segment = self._roll(segment, at, frame)
        if segment is None or (frame.kind == "video" and self._video is None):
            self.dropped += 1
            return
        track = AUDIO_TRACK if frame.kind == "audio" else VIDEO_TRACK
        segment.add(track, at, frame.data, frame.key)
        self._last[frame.kind] = at
        self._written_ms = at
        self._counts[frame.kind] += 1
        self._taken[frame.kind] += 1
        utc_ms = self._record.origin_ms + at
        if frame.kind == "video" and frame.key and self._video is not None:
            self.keyframe = Keyframe(self._video, frame.data, utc_ms, self._seq - 1)
        self._links.recorded(frame.kind, utc_ms)
        if self.tap is not None:
            self.tap(frame, utc_ms, self._seq - 1)

    def _roll(self, segment: SegmentWriter, at: int, frame: Frame) -> SegmentWriter | None:
        """Return the segment that `frame` belongs to: this one or the next."""
        age = at - segment.timestamp_ms
        if frame.kind == "video" and frame.key:
            return self._roll_at_keyframe(segment, at, frame)
        if frame.kind == "video" and self._left_out:
            if at - self._resized_ms >= RESIZE_EVERY_MS:
                self._ask(at)
            return None
        if frame.kind == "video" and at - self._last["video"] > PAUSE_GAP_MS["video"]:
            self._ask(at)  # what is filled in before it is no reference for what follows
        has_video = self._video is not None and at - self._last["video"] < VIDEO_IDLE_MS
        if age >= HARD_MAX_MS or (age >= self._max_ms and not has_video):
            self._end(at)
            if frame.kind == "audio":
                self._open(at, None)
            return self._segment
        if "video" in self._clocks and (age >= self._min_ms or self._video is None):
            self._ask(at)
        return segment

    def _roll_at_keyframe(
        self, segment: SegmentWriter, at: int, keyframe: Frame
    ) -> SegmentWriter | None:
        video = self._describe(keyframe)
        due = at - segment.timestamp_ms >= self._min_ms
        if video != self._video and not due:
            # What refers to a keyframe that is left out is left out, too.
            self._left_out = at - self._resized_ms < RESIZE_EVERY_MS
            if self._left_out:
                return None
            self._resized_ms = at
            due = True
        if due:
            self._end(at)
            self._open(at, video)
        self._left_out = False
        return self._segment

    def _ask(self, at: int) -> None:
        if at - self._asked_ms >= KEYFRAME_EVERY_MS:
            self._asked_ms = at
            self._links.request_keyframe()

    def _end(self, at: int | None = None) -> None:
        segment, self._segment = self._segment, None
        if segment is None:
            return
        values = sidecar(
            self._record,
            segment,
            self._end_ms() if at is None else at,
            video=self._video,
            clocks=self._clocks,
            frames=self._counts,
            lost_packets=self._lost_packets,
        )
        self._lost_packets = 0
        try:
            segment.close()
        except OSError as error:
            self._no_room(segment.timestamp_ms, error)
            return
        self._into_file()
        if self._counts["video"] + self._counts["audio"]:
            self._links.finished(segment.path, values)
        else:
            segment.path.unlink()

    def _into_file(self) -> None:
        if max(self._merged.newest.values()) - self._failed_ms > RECOVERED_MS:
            self.failing = None
        self.written = dict(self._taken)

    def _end_ms(self) -> int:
        ends = [self._last["audio"] + AUDIO_FRAME_MS, self._last["video"]]
        return max(self._written_ms, *ends)

    def tick(self, now: float) -> None:
        """Write what came; end a silent sender's segment. Call a few times a second.

        Doing it for many frames in a row costs half of doing it for each.
        """
        if not self._merged.ready:
            self._merged.start_when_synced(now)
            return
        idle = now - self._fed_s > IDLE_CLOSE_S
        self._release(everything=idle)
        if idle:
            self._end()

    def flush(self) -> None:
        """Put what was written into the file, where a crash does not reach it. Each second."""
        if self._segment is not None:
            try:
                self._segment.flush()
            except OSError as error:
                self._no_room(self._segment.timestamp_ms, error)
                self._end()
            else:
                self._into_file()

    def close(self) -> None:
        """Write what waits and end the segment."""
        self._merged.start()
        self._release(everything=True)
        self._end()
        self._tell_no_room(max(self._merged.newest.values()))
