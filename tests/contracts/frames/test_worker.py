"""A worker between each bus and a real database; without models it still sees covered cameras."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from benchmarks.vision.house import sessions
from proctorhub.domain.incident_terms import Detector
from proctorhub.domain.observation import Source, Value
from proctorhub.frames import redis_streams
from proctorhub.frames.bus import Receiver
from proctorhub.frames.envelope import SampledPicture
from proctorhub.frames.miniature import OCTETS
from proctorhub.plugins import Capability
from proctorhub.services import incidents, journal, rejudging
from proctorhub.vision import memories
from proctorhub.vision.composition import Composition
from proctorhub.vision.status import Metrics
from proctorhub.vision.watchlist import Watchlist
from proctorhub.vision.worker import Worker
from tests.contracts.frames.conftest import House
from tests.vision_faces import jpeg, person
from tests.waiting import PATIENCE_S, wait_for

NOTHING = Composition({}, {})
ABLE = frozenset({Detector.CAMERA_COVERED, Detector.CAMERA_FROZEN, Detector.TOO_DARK})
START_MS = int(time.time() * 1000) - 60_000

pytestmark = pytest.mark.usefixtures("database")


class Looking:
    """Workers in threads of this process."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.backends = NOTHING
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._lists: list[Watchlist] = []

    def worker(self, receiver: Receiver) -> Worker:
        """Return a worker that knows what is watched."""
        watchlist = Watchlist(f"worker-{len(self._lists)}", ABLE)
        watchlist.start()
        self._lists.append(watchlist)
        kept = memories.for_bus(self._house.settings)
        metrics = Metrics(receiver.counts)
        return Worker(self.backends, receiver, kept, watchlist, metrics, self._stop)

    def run(self, worker: Worker) -> None:
        thread = threading.Thread(target=worker.run)
        thread.start()
        self._threads.append(thread)

    def close(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)
        for watchlist in self._lists:
            watchlist.close()


@pytest.fixture
def looking(house: House) -> Iterator[Looking]:
    made = Looking(house)
    yield made
    made.close()


def shot(session_id: str, at_ms: int, *, covered: bool, burst: bool = False) -> SampledPicture:
    random = np.random.default_rng(at_ms)
    picture = np.full((480, 640, 3), 8.0) if covered else person("hopper").picture.astype(float)
    seen = np.clip(picture + random.normal(0, 4, (480, 640, 1)), 0, 255).astype(np.uint8)
    data = jpeg(seen, 85).tobytes()
    return SampledPicture(session_id, "camera", "chain", 0, at_ms, 640, 480, data, burst)


def covering(session_id: str) -> list[SampledPicture]:
    """Two pictures of somebody, then a covered camera and the burst about it, then somebody."""
    plain = [shot(session_id, START_MS + 1000 * n, covered=False) for n in range(2)]
    first = START_MS + 2000
    hidden = [shot(session_id, first + 250 * n, covered=True, burst=n > 0) for n in range(4)]
    return [*plain, *hidden, shot(session_id, START_MS + 9000, covered=False)]


def seen(session_id: str) -> list[int]:
    return [entry.observation.at_ms for entry in journal.entries(session_id, Source.CAMERA)]


def test_a_covered_camera_becomes_one_incident_and_a_wish(house: House, looking: Looking) -> None:
    (session_id,) = sessions(1)
    looking.run(looking.worker(house.receiver()))
    sender = house.sender()
    shots = covering(session_id)
    for number, sample in enumerate(shots, 1):
        sender.publish(sample)
        wait_for(lambda n=number: len(seen(session_id)) == n, "the look")
    found = wait_for(lambda: incidents.kept(session_id), "the incident")
    assert set(found) == {("camera_covered", START_MS + 2000)}
    wait_for(lambda: house.wishes, "the wish")
    assert (house.wishes[0].session_id, house.wishes[0].source) == (session_id, "camera")
    looks = [e.observation for e in journal.entries(session_id)]
    assert [o.since_ms for o in looks] == [None, *[s.at_ms for s in shots[:-1]]]
    assert all(Value.FACE not in o.values for o in looks), "not checked is not clean"
    wait_for(lambda: not rejudging.rejudge(session_id).differences, "the same from the journal")


def test_a_frozen_camera_is_known_by_what_was_decoded_between_looks(
    house: House, looking: Looking
) -> None:
    (session_id,) = sessions(1)
    worker = looking.worker(house.receiver())
    sender = house.sender()
    for number in range(3):
        sample = shot(session_id, START_MS + 800 * number, covered=False)
        times = [sample.at_ms - 267 * back for back in (2, 1, 0)]
        # The sensor's noise is in the pictures alone: what has not changed are the miniatures.
        still = tuple((at_ms, bytes(range(256)) * (OCTETS // 256)) for at_ms in times)
        sender.publish(replace(sample, miniatures=still))
        wait_for(lambda at=sample.at_ms: worker.once(0.1) and at in seen(session_id), "the look")
    looks = [entry.observation for entry in journal.entries(session_id)]
    assert [look.values[Value.STILL_S] for look in looks] == [0.534, 1.334, 2.134]
    assert [START_MS - at for at in looks[0].between_ms] == [534, 267]
    found = wait_for(lambda: incidents.kept(session_id), "the incident")
    assert set(found) == {("camera_frozen", START_MS + 800)}


def test_what_is_not_watched_is_not_looked_at(house: House, looking: Looking) -> None:
    worker = looking.worker(house.receiver())
    sender = house.sender()
    sender.publish(shot("nobody", START_MS, covered=True))
    wait_for(lambda: worker.once(0.1), "the sample")
    assert seen("nobody") == []


def test_what_is_no_picture_is_let_go(house: House, looking: Looking) -> None:
    (session_id,) = sessions(1)
    worker = looking.worker(house.receiver())
    sender = house.sender()
    broken = b"\xff\xd8\xff" + b"broken" * 50 + b"\xff\xd9"
    sender.publish(SampledPicture(session_id, "camera", "c", 0, START_MS, 640, 480, broken))
    sender.publish(shot(session_id, START_MS + 1000, covered=False))
    wait_for(lambda: worker.once(0.1) and seen(session_id), "the good one")
    assert seen(session_id) == [START_MS + 1000]


class Breaks:
    """A backend with a fault that some pictures meet."""

    capabilities = frozenset({Capability.DETECT})
    model_sha256: ClassVar = {Capability.DETECT: "ab" * 32}

    def detect(self, batch):
        if any(picture.mean() < 30 for picture in batch):
            raise RuntimeError("a fault")
        return [[] for _ in batch]


def test_what_a_backend_breaks_on_breaks_no_worker(house: House, looking: Looking) -> None:
    (session_id,) = sessions(1)
    looking.backends = Composition({Capability.DETECT: Breaks()}, {})
    worker = looking.worker(house.receiver())
    sender = house.sender()
    for at_ms, covered in ((START_MS, True), (START_MS + 1000, False)):
        sender.publish(shot(session_id, at_ms, covered=covered))
        wait_for(lambda: worker.once(0.1), "the sample")
    assert seen(session_id) == [START_MS + 1000]


def test_workers_that_share_a_session_find_what_one_would(
    redis_house: House, redis_looking: Looking
) -> None:
    ids = sessions(4)
    for _ in range(3):
        redis_looking.run(redis_looking.worker(redis_house.receiver()))
    sender = redis_house.sender()
    for shots in zip(*[covering(session_id) for session_id in ids], strict=True):
        before = [len(seen(session_id)) for session_id in ids]
        for sample in shots:
            sender.publish(sample)
        wait_for(
            lambda b=before: [len(seen(s)) for s in ids] == [n + 1 for n in b], "a look at each"
        )
    for session_id in ids:
        found = wait_for(lambda s=session_id: incidents.kept(s), "the incident")
        assert set(found) == {("camera_covered", START_MS + 2000)}
        assert all(e.observation.since_ms for e in list(journal.entries(session_id))[1:])


def test_what_a_dead_worker_looked_at_is_judged_by_what_it_kept(
    redis_house: House, redis_looking: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_streams, "CLAIM_AFTER_MS", 1)
    monkeypatch.setattr(redis_streams, "CLAIM_EVERY_S", 0.0)
    (session_id,) = sessions(1)
    sender, receiver = redis_house.sender(), redis_house.receiver()
    first = redis_looking.worker(receiver)
    monkeypatch.setattr(receiver, "done", lambda deliveries: None)  # it dies before
    for sample in covering(session_id):
        sender.publish(sample)
        wait_for(lambda at=sample.at_ms: first.once(0.1) and at in seen(session_id), "the look")
    kept = list(journal.entries(session_id))
    second = redis_looking.worker(redis_house.receiver())
    wait_for(lambda: second.once(0.05) or _is_empty(redis_house), "the samples left")
    assert list(journal.entries(session_id)) == kept
    assert set(incidents.kept(session_id)) == {("camera_covered", START_MS + 2000)}
    assert rejudging.rejudge(session_id).differences == ()


@pytest.fixture
def redis_looking(redis_house: House) -> Iterator[Looking]:
    made = Looking(redis_house)
    yield made
    made.close()


def _is_empty(house: House) -> bool:
    return bool(redis_streams.connect(house.settings.frame_bus).xlen(redis_streams.STREAM) == 0)
