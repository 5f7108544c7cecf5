"""What becomes of a look: kept in the journal, put through the rules, told, and let go."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import structlog
from pymongo.errors import PyMongoError

from proctorhub.domain.incident_policy import Policy
from proctorhub.domain.incident_terms import Detector
from proctorhub.domain.incidents import Kind, measured_detectors
from proctorhub.domain.journal import Entry
from proctorhub.domain.observation import Observation, Source, Value
from proctorhub.frames.bus import Delivery, Receiver
from proctorhub.frames.envelope import BurstWish, SampledPicture, SampledSound
from proctorhub.frames.jpeg import coded
from proctorhub.plugins import Capability
from proctorhub.services import journal, monitoring
from proctorhub.services.monitoring import Watched
from proctorhub.vision import abilities
from proctorhub.vision.composition import Composition
from proctorhub.vision.references import References
from proctorhub.vision.status import Metrics

log = structlog.get_logger(__name__)

AGAIN_S = 0.5
#: Pictures of a source that are kept for the stills of an incident: a burst and what led to it.
KEPT_PICTURES = 8


@dataclass(frozen=True)
class Seen:
    """A look that was taken, with the sample it was taken at and the policy it is judged by."""

    delivery: Delivery
    session: Watched
    observation: Observation
    policy: Policy


class Judge:
    """Called from both threads of a worker, each for sources of its own."""

    def __init__(
        self,
        backends: Composition,
        receiver: Receiver,
        metrics: Metrics,
        references: References,
        stop: threading.Event,
    ) -> None:
        self._references = references
        self._receiver = receiver
        self._metrics = metrics
        self._stop = stop
        self._able = abilities.able(backends)
        embedder = backends.backends.get(Capability.EMBED)
        limits = embedder.match_thresholds if embedder else None
        self._match = (limits.accept, limits.reject) if limits else None
        self._pictures: dict[str, OrderedDict[str, bytes]] = {}

    def seen(self, delivery: Delivery, session: Watched, observation: Observation) -> Seen:
        """Return a look with the policy that it is to be judged by."""
        return Seen(delivery, session, observation, replace(session.policy, match=self._match))

    def keep(self, seen: Sequence[Seen]) -> None:
        """Keep the looks, put them through the rules, and then let go of the samples.

        While the database is away this waits: newer pictures push out the older ones on the bus.
        """
        if not seen:
            return
        looks = [(one.session.session_id, one.observation, one.policy) for one in seen]
        judged = [partial(self._judge, one) for one in seen]
        # Who is told to stop before that lets others have the samples.
        if self._insist(partial(journal.add, looks)) and all(map(self._insist, judged)):
            self._receiver.done([one.delivery for one in seen])

    def finish(self, delivery: Delivery, session: Watched, source: Source) -> bool:
        """Judge what another worker looked at but may not have judged; False if it did not look."""
        found: list[Entry | None] = []
        at_ms = delivery.sample.at_ms
        if not self._insist(lambda: found.append(journal.find(session.session_id, source, at_ms))):
            return True
        (kept,) = found
        if kept is None:
            return False
        if self._insist(
            partial(self._judge, Seen(delivery, session, kept.observation, kept.policy))
        ):
            self._receiver.done([delivery])
        return True

    def _insist(self, act: Callable[[], None]) -> bool:
        """Do it, waiting for the database; False when the worker is told to stop before."""
        while not self._stop.is_set():
            try:
                act()
                return True
            except PyMongoError as error:
                log.warning("database_away", error=type(error).__name__)
                self._stop.wait(AGAIN_S)
        return False

    def _judge(self, one: Seen) -> None:
        observation, session = one.observation, one.session
        found = monitoring.observe(
            session.session_id,
            [observation],
            one.policy,
            serves=self._serves(session, observation),
            pictures=self._remembered(one),
        )
        self._measure(one, found)
        if found.suspect and not observation.burst:
            self._receiver.wish(BurstWish(session.session_id, one.delivery.sample.source))

    def _serves(self, session: Watched, observation: Observation) -> frozenset[Detector]:
        can = self._able & session.policy.of(observation.source)
        if Detector.OTHER_PERSON not in can:
            return can
        known = self._references.of(session.session_id, session.face_still) is not None
        return served(can, observation, known=known)

    def _remembered(self, one: Seen) -> dict[str, bytes]:
        """Return the last pictures of a source as JPEG by their hash, this one among them."""
        sample, sha256 = one.delivery.sample, one.observation.frame_sha256
        if not isinstance(sample, SampledPicture) or sha256 is None:
            return {}
        kept = self._pictures.setdefault(f"{sample.session_id}/{sample.source}", OrderedDict())
        kept[sha256] = coded(sample.image)
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

    def keep_only(self, session_ids: frozenset[str]) -> None:
        """Forget the pictures of other sessions: they are over."""
        # The other thread may add to it meanwhile.
        for key in list(self._pictures):
            if key.partition("/")[0] not in session_ids:
                self._pictures.pop(key, None)


def served(
    can: frozenset[Detector], observation: Observation, *, known: bool
) -> frozenset[Detector]:
    """Return which of the detectors that could be served this look does serve.

    Nobody is called the same person whose face is not `known`, or could not be compared for long.
    """
    if known and observation.values.get(Value.COMPARED) != 0:
        return can
    return can - {Detector.OTHER_PERSON}


def source_of(delivery: Delivery) -> Source:
    """Return what kind of look a sample is for."""
    sample = delivery.sample
    if isinstance(sample, SampledSound):
        return Source.MICROPHONE
    return Source.SCREEN if sample.source == Source.SCREEN.value else Source.CAMERA


def segment_of(delivery: Delivery) -> str:
    """Return the id of the segment that holds a sample."""
    return f"{delivery.sample.chain}-{delivery.sample.seq:06d}"
