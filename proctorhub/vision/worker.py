"""The worker: takes samples from the bus, looks, keeps what was seen, and asks for more.

One thread looks at cameras and listens; reading screens is slow and has a thread of its own, which
works on the newest picture of each screen and lets the cameras go first.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import structlog
from pymongo.errors import PyMongoError

from proctorhub.domain.incident_rules import Detector, Policy
from proctorhub.domain.incidents import Kind, measured_detectors
from proctorhub.domain.observation import Observation, Source
from proctorhub.domain.screen import signs
from proctorhub.frames.backlog import Backlog
from proctorhub.frames.bus import BusError, Delivery, Receiver
from proctorhub.frames.envelope import BurstWish, SampledPicture, SampledSound
from proctorhub.plugins import Capability
from proctorhub.services import journal, monitoring
from proctorhub.services.monitoring import Watched
from proctorhub.vision import abilities, camera, screen, sound
from proctorhub.vision.composition import Composition
from proctorhub.vision.memories import Memories
from proctorhub.vision.memory import Memory
from proctorhub.vision.pictures import Decoder, Picture, UndecodablePicture
from proctorhub.vision.references import References
from proctorhub.vision.status import Metrics
from proctorhub.vision.watchlist import Watchlist

log = structlog.get_logger(__name__)

BATCH = 16
WAIT_S = 0.2
AGAIN_S = 0.5
#: Pictures of a source that are kept for the stills of an incident: a burst and what led to it.
KEPT_PICTURES = 8
#: How much the reader of screens stands back behind the cameras, of 19.
READER_NICE = 10


@dataclass(frozen=True)
class Seen:
    """A look that was taken, with the sample it was taken at and the policy it is judged by."""

    delivery: Delivery
    session: Watched
    observation: Observation
    policy: Policy


class Worker:
    """`run` looks until it is told to stop; everything else is called from its two threads."""

    def __init__(
        self,
        backends: Composition,
        receiver: Receiver,
        memories: Memories,
        watchlist: Watchlist,
        metrics: Metrics,
    ) -> None:
        self._backends = backends
        self._able = abilities.able(backends)
        self._receiver = receiver
        self._memories = memories
        self._watchlist = watchlist
        self._metrics = metrics
        self._references = References(backends)
        self._decoder = Decoder()
        self._pictures: dict[str, OrderedDict[str, bytes]] = {}
        self._screens: Backlog[tuple[Delivery, Watched]] = Backlog(per_source=1)
        self._stop = threading.Event()
        self._bus_away = False

    def problem(self) -> str | None:
        """Say why nothing can be looked at now."""
        if self._watchlist.away:
            return "the database does not answer"
        return "the frame bus does not answer" if self._bus_away else None

    def run(self, stop: threading.Event) -> None:
        """Look until `stop` is set."""
        self._stop = stop
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
            self._work(turn)
        return len(deliveries)

    def _work(self, deliveries: list[Delivery]) -> None:
        looks: list[tuple[Delivery, Watched, Picture]] = []
        seen: list[Seen] = []
        for delivery in deliveries:
            sample = delivery.sample
            session = self._watchlist.sessions.get(sample.session_id)
            source = source_of(delivery)
            if session is None or not session.policy.of(source):
                self._drop(delivery, source)
            elif delivery.again and self._finish(delivery, session, source):
                continue
            elif source is Source.SCREEN:
                size = len(sample.jpeg) if isinstance(sample, SampledPicture) else 0
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
        self._keep(seen)

    def _finish(self, delivery: Delivery, session: Watched, source: Source) -> bool:
        """Judge what another worker looked at but may not have judged; False if it did not look."""
        kept = journal.find(session.session_id, source, delivery.sample.at_ms)
        if kept is not None:
            self._insist(
                lambda: self._judge(Seen(delivery, session, kept.observation, kept.policy))
            )
            self._receiver.done([delivery])
        return kept is not None

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
                    seen.append(self._seen(look[0], look[1], observation))
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
            segment_id=segment_of(delivery),
            frame_sha256=hashlib.sha256(sample.jpeg).hexdigest(),
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
        return self._seen(delivery, session, observation)

    def _read_screens(self) -> None:
        if sys.platform == "linux":
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), READER_NICE)
        decoder = Decoder()
        while not self._stop.is_set():
            for delivery, session in self._screens.take(1, WAIT_S):
                try:
                    self._read_screen(decoder, delivery, session)
                except BusError as error:
                    log.warning("screen_not_kept", error=str(error))

    def _read_screen(self, decoder: Decoder, delivery: Delivery, session: Watched) -> None:
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
                    frame_sha256=hashlib.sha256(sample.jpeg).hexdigest(),
                    burst=sample.burst,
                    memory=Memory() if late else memory,
                    forbidden=session.forbidden_applications,
                    signs=signs(session.exam_title, session.exam_url),
                ),
            )
            if late or self._memories.save(key, after, version):
                break
            self._metrics.conflicts.inc()
        self._keep([self._seen(delivery, session, observation)])

    def _decoded(self, decoder: Decoder, delivery: Delivery) -> Picture | None:
        sample = delivery.sample
        assert isinstance(sample, SampledPicture)
        try:
            return decoder.decode(sample.jpeg)
        except UndecodablePicture as error:
            log.warning("picture_undecodable", session_id=sample.session_id, error=str(error))
            self._drop(delivery, source_of(delivery))
            return None

    def _drop(self, delivery: Delivery, source: Source) -> None:
        self._metrics.unusable.labels(source.value).inc()
        self._receiver.done([delivery])

    def _keep(self, seen: Sequence[Seen]) -> None:
        """Keep the looks, put them through the rules, and then let go of the samples.

        While the database is away this waits: newer pictures push out the older ones on the bus.
        """
        if not seen:
            return
        self._insist(
            lambda: journal.add(
                (one.session.session_id, one.observation, one.policy) for one in seen
            )
        )
        for one in seen:
            self._insist(lambda one=one: self._judge(one))
        self._receiver.done([one.delivery for one in seen])

    def _insist(self, act: Callable[[], None]) -> None:
        while not self._stop.is_set():
            try:
                act()
                return
            except PyMongoError as error:
                log.warning("database_away", error=type(error).__name__)
                self._stop.wait(AGAIN_S)

    def _judge(self, one: Seen) -> None:
        observation, session = one.observation, one.session
        found = monitoring.observe(
            session.session_id,
            [observation],
            one.policy,
            serves=self._serves(session, observation.source),
            pictures=self._remembered(one),
        )
        self._measure(one, found)
        if found.suspect and not observation.burst:
            self._receiver.wish(BurstWish(session.session_id, one.delivery.sample.source))

    def _seen(self, delivery: Delivery, session: Watched, observation: Observation) -> Seen:
        return Seen(delivery, session, observation, replace(session.policy, match=self._match()))

    def _match(self) -> tuple[float, float] | None:
        backend = self._backends.backends.get(Capability.EMBED)
        thresholds = backend.match_thresholds if backend else None
        return (thresholds.accept, thresholds.reject) if thresholds else None

    def _serves(self, session: Watched, source: Source) -> frozenset[Detector]:
        can = self._able & session.policy.of(source)
        if session.face_still is None:
            can -= {Detector.OTHER_PERSON}
        return can

    def _remembered(self, one: Seen) -> dict[str, bytes]:
        """Return the last pictures of a source by their hash, this one among them."""
        sample, sha256 = one.delivery.sample, one.observation.frame_sha256
        if not isinstance(sample, SampledPicture) or sha256 is None:
            return {}
        kept = self._pictures.setdefault(f"{sample.session_id}/{sample.source}", OrderedDict())
        kept[sha256] = sample.jpeg
        while len(kept) > KEPT_PICTURES:
            kept.popitem(last=False)
        return dict(kept)

    def _measure(self, one: Seen, found: monitoring.Seen) -> None:
        metrics, observation = self._metrics, one.observation
        now = time.time()
        metrics.looks.labels(observation.source.value).inc()
        metrics.lag.labels(observation.source.value).observe(
            max(0.0, now - observation.at_ms / 1000)
        )
        for detector in measured_detectors(observation):
            metrics.last_look.labels(detector.value).set(now)
        for change in found.changes:
            if change.kind is Kind.OPENED:
                metrics.incidents.labels(change.detector.value).inc()
                taken = max(0.0, now - change.started_at / 1000)
                metrics.flag.labels(change.detector.value).observe(taken)

    def _tidy(self) -> None:
        on = frozenset(self._watchlist.sessions)
        self._memories.keep_only(on)
        self._references.keep_only(on)
        # The other thread may add to it meanwhile.
        for key in list(self._pictures):
            if key.partition("/")[0] not in on:
                self._pictures.pop(key, None)


def source_of(delivery: Delivery) -> Source:
    """Return what kind of look a sample is for."""
    sample = delivery.sample
    if isinstance(sample, SampledSound):
        return Source.MICROPHONE
    return Source.SCREEN if sample.source == Source.SCREEN.value else Source.CAMERA


def segment_of(delivery: Delivery) -> str:
    """Return the id of the segment that holds a sample."""
    return f"{delivery.sample.chain}-{delivery.sample.seq:06d}"


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
