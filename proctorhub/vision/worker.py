"""The worker: takes samples from the bus, looks, keeps what was seen, and asks for more.

One thread looks at cameras and listens; reading screens is slow and has a thread of its own, which
works on the newest picture of each screen and lets the cameras go first.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import structlog

from proctorhub.domain.observation import Source
from proctorhub.domain.screen import signs
from proctorhub.frames.backlog import Backlog
from proctorhub.frames.bus import BusError, Delivery, Receiver
from proctorhub.frames.envelope import SampledPicture, SampledSound
from proctorhub.plugins import Capability
from proctorhub.services.monitoring import Watched
from proctorhub.vision import camera, screen, sound
from proctorhub.vision.composition import Composition
from proctorhub.vision.judging import Judge, Seen, segment_of, source_of
from proctorhub.vision.memories import Memories
from proctorhub.vision.memory import Memory
from proctorhub.vision.pictures import Decoder, Luma, Picture, UndecodablePicture, luma
from proctorhub.vision.references import References
from proctorhub.vision.status import Metrics
from proctorhub.vision.watchlist import Watchlist

log = structlog.get_logger(__name__)

BATCH = 16
WAIT_S = 0.2
AGAIN_S = 0.5
#: How much the reader of screens stands back behind the cameras, of 19.
READER_NICE = 10


class Worker:
    """`run` looks until it is told to stop; everything else is called from its two threads."""

    def __init__(
        self,
        backends: Composition,
        receiver: Receiver,
        memories: Memories,
        watchlist: Watchlist,
        metrics: Metrics,
        stop: threading.Event,
    ) -> None:
        self._backends = backends
        self._receiver = receiver
        self._memories = memories
        self._watchlist = watchlist
        self._metrics = metrics
        self._references = References(backends)
        self._decoder = Decoder()
        self._judge = Judge(backends, receiver, metrics, self._references, stop)
        self._screens: Backlog[tuple[Delivery, Watched]] = Backlog(per_source=1)
        self._stop = stop
        self._bus_away = False

    def problem(self) -> str | None:
        """Say why nothing can be looked at now."""
        if self._watchlist.away:
            return "the database does not answer"
        return "the frame bus does not answer" if self._bus_away else None

    def run(self) -> None:
        """Look until it is told to stop."""
        stop = self._stop
        reader = threading.Thread(target=self._read_screens, name="screens", daemon=True)
        reader.start()
        while not stop.is_set():
            try:
                self.once(WAIT_S)
                self._bus_away = False
            except BusError as error:
                if not self._bus_away:
                    log.warning("frame_bus_away", error=str(error))
                self._bus_away = True
                stop.wait(AGAIN_S)
            self._tidy()
        self._screens.close()
        reader.join()

    def once(self, wait_s: float) -> int:
        """Work on what has come, waiting a little for something; returns how many samples."""
        deliveries = self._receiver.take(BATCH, wait_s)
        left = list(deliveries)
        while left:
            # Two pictures of one source are looked at one after the other.
            turn, left = _one_of_each(left)
            self._guarded(self._work, turn)
        return len(deliveries)

    def _guarded(self, work: Callable[[list[Delivery]], None], deliveries: list[Delivery]) -> None:
        """Work on samples; those that a backend breaks on must not break every worker in turn."""
        try:
            work(deliveries)
        except BusError:
            raise
        except Exception:  # whatever a backend raises: it is told, and the next ones are looked at
            ids = sorted({delivery.sample.session_id for delivery in deliveries})
            log.exception("look_failed", session_ids=ids)
            for delivery in deliveries:
                self._drop(delivery, source_of(delivery))

    def _work(self, deliveries: list[Delivery]) -> None:
        looks: list[tuple[Delivery, Watched, Picture]] = []
        seen: list[Seen] = []
        for delivery in deliveries:
            sample = delivery.sample
            session = self._watchlist.sessions.get(sample.session_id)
            source = source_of(delivery)
            if session is None or not session.policy.of(source):
                self._drop(delivery, source)
            elif delivery.again and self._judge.finish(delivery, session, source):
                continue
            elif source is Source.SCREEN:
                size = len(sample.image) if isinstance(sample, SampledPicture) else 0
                for old, _ in self._screens.put(
                    (sample.session_id, sample.source), (delivery, session), size
                ):
                    self._drop(old, source)
            elif isinstance(sample, SampledSound):
                if (heard := self._listen(delivery, session, sample)) is not None:
                    seen.append(heard)
            elif (picture := self._decoded(self._decoder, delivery)) is not None:
                looks.append((delivery, session, picture))
        seen += self._look(looks)
        self._judge.keep(seen)

    def _look(self, looks: Sequence[tuple[Delivery, Watched, Picture]]) -> list[Seen]:
        """Look at cameras; what another worker overtook is looked at again."""
        seen: list[Seen] = []
        left = list(looks)
        while left:
            keys = [(session.session_id, Source.CAMERA) for _, session, _ in left]
            loaded = [self._memories.load(key) for key in keys]
            wanted = [
                self._camera_look(look, memory)
                for look, (memory, _) in zip(left, loaded, strict=True)
            ]
            again = []
            for look, key, (before, version), (observation, after) in zip(
                left, keys, loaded, camera.look(self._backends, wanted), strict=True
            ):
                # A late look leaves no trace in what is remembered.
                late = look[0].sample.at_ms <= before.at_ms
                if late or self._memories.save(key, after, version):
                    seen.append(self._judge.seen(look[0], look[1], observation))
                else:
                    self._metrics.conflicts.inc()
                    again.append(look)
            left = again
        return seen

    def _camera_look(self, look: tuple[Delivery, Watched, Picture], memory: Memory) -> camera.Look:
        delivery, session, picture = look
        sample = delivery.sample
        assert isinstance(sample, SampledPicture)
        return camera.Look(
            picture=picture,
            at_ms=sample.at_ms,
            between=[
                (at_ms, luma(small))
                for at_ms, small in sample.miniatures
                if memory.at_ms < at_ms < sample.at_ms
            ],
            segment_id=segment_of(delivery),
            frame_sha256=hashlib.sha256(sample.image).hexdigest(),
            burst=sample.burst,
            memory=memory if sample.at_ms > memory.at_ms else Memory(),
            reference=self._references.of(session.session_id, session.face_still),
        )

    def _listen(self, delivery: Delivery, session: Watched, sample: SampledSound) -> Seen | None:
        if Capability.SPEECH not in self._backends:
            self._receiver.done([delivery])
            return None
        try:
            observation = sound.look(
                self._backends, sample.packets, sample.at_ms, segment_of(delivery)
            )
        except sound.UndecodableSound as error:
            log.warning("sound_undecodable", session_id=session.session_id, error=str(error))
            self._drop(delivery, Source.MICROPHONE)
            return None
        return self._judge.seen(delivery, session, observation)

    def _read_screens(self) -> None:
        if sys.platform == "linux":
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), READER_NICE)
        decoder = Decoder()
        while not self._stop.is_set():
            for delivery, session in self._screens.take(1, WAIT_S):
                read = partial(self._read_screen, decoder, session)
                try:
                    self._guarded(read, [delivery])
                except BusError as error:
                    log.warning("screen_not_kept", error=str(error))

    def _read_screen(self, decoder: Decoder, session: Watched, deliveries: list[Delivery]) -> None:
        (delivery,) = deliveries
        picture = self._decoded(decoder, delivery)
        if picture is None:
            return
        sample = delivery.sample
        assert isinstance(sample, SampledPicture)
        key = (session.session_id, Source.SCREEN)
        while True:
            memory, version = self._memories.load(key)
            late = sample.at_ms <= memory.at_ms
            observation, after = screen.look(
                self._backends,
                screen.ScreenLook(
                    picture=picture,
                    at_ms=sample.at_ms,
                    segment_id=segment_of(delivery),
                    frame_sha256=hashlib.sha256(sample.image).hexdigest(),
                    burst=sample.burst,
                    memory=Memory() if late else memory,
                    forbidden=session.forbidden_applications,
                    signs=signs(session.exam_title, session.exam_url),
                ),
            )
            if late or self._memories.save(key, after, version):
                break
            self._metrics.conflicts.inc()
        self._judge.keep([self._judge.seen(delivery, session, observation)])

    def _decoded(self, decoder: Decoder, delivery: Delivery) -> Picture | None:
        sample = delivery.sample
        assert isinstance(sample, SampledPicture)
        try:
            return decoder.decode(sample.image, _own_miniature(sample))
        except UndecodablePicture as error:
            log.warning("picture_undecodable", session_id=sample.session_id, error=str(error))
            self._drop(delivery, source_of(delivery))
            return None

    def _drop(self, delivery: Delivery, source: Source) -> None:
        self._metrics.unusable.labels(source.value).inc()
        self._receiver.done([delivery])

    def _tidy(self) -> None:
        on = frozenset(self._watchlist.sessions)
        self._memories.keep_only(on)
        self._references.keep_only(on)
        self._judge.keep_only(on)


def _own_miniature(sample: SampledPicture) -> Luma | None:
    """Return a picture's miniature where its sender made it."""
    found = dict(sample.miniatures).get(sample.at_ms)
    return None if found is None else luma(found)


def _one_of_each(deliveries: Iterable[Delivery]) -> tuple[list[Delivery], list[Delivery]]:
    first: dict[tuple[str, Source], Delivery] = {}
    rest: list[Delivery] = []
    for delivery in deliveries:
        key = (delivery.sample.session_id, source_of(delivery))
        if key in first:
            rest.append(delivery)
        else:
            first[key] = delivery
    return list(first.values()), rest
