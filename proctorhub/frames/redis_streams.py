"""The frame bus of many machines: one Redis stream, one consumer group, wishes by publish.

Workers share the load as members of the group; an entry is acknowledged and deleted when it has
been worked on, so the stream holds only what nobody has finished. What a dead worker left is
claimed by another. Needs Redis 7 or what speaks like it.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import redis
import structlog

from proctorhub.frames import codec, planes
from proctorhub.frames.backlog import Backlog
from proctorhub.frames.bus import BusError, Counts, Delivery
from proctorhub.frames.envelope import BurstWish, Sample, SampledPicture
from proctorhub.frames.jpeg import jpeg
from proctorhub.frames.miniature import Miniatures
from proctorhub.frames.outbound import Outbound

log = structlog.get_logger(__name__)

STREAM, GROUP, WISHES = "proctorhub:frames", "vision", "proctorhub:wishes"
FIELD = b"b"
#: Entries that may wait; the oldest give way.
MAX_ENTRIES = 2000
#: A sample that a worker has had for this long without finishing is taken over, ms.
CLAIM_AFTER_MS = 10_000
CLAIM_EVERY_S = 2.0
#: A member of the group that has been gone for this long is struck off, ms.
FORGET_AFTER_MS = 600_000
AGAIN_S = 0.5
READ = 128


def connect(url: str) -> Any:
    """Return a client; nothing is sent yet. Raises BusError for a URL that is none."""
    try:
        return redis.Redis.from_url(url, socket_connect_timeout=2.0, socket_timeout=10.0)
    except ValueError as error:
        raise BusError(f"frame_bus: {error}") from None


class RedisSender(Outbound):
    """See `bus.Sender`."""

    def __init__(self, url: str, on_wish: Callable[[BurstWish], None]) -> None:
        super().__init__()
        self.connected = False
        self._redis = connect(url)
        self._on_wish = on_wish
        self._miniatures = Miniatures()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=job, name="frames", daemon=True)
            for job in (self._run, self._hear)
        ]
        for thread in self._threads:
            thread.start()

    def _outgoing(self, sample: Sample) -> Sample:
        # Planes would be a hundred megabytes a second for sixty candidates.
        if isinstance(sample, SampledPicture) and planes.are_planes(sample.image):
            picture = planes.picture(sample.image)
            own = sample.at_ms, self._miniatures.of(picture)
            return replace(sample, image=jpeg(picture), miniatures=(*sample.miniatures, own))
        return sample

    def close(self) -> None:
        """See Sender."""
        self._stop.set()
        self._backlog.close()
        for thread in self._threads:
            thread.join(AGAIN_S * 4)
        self._redis.close()
        self.counts.dropped += len(self._backlog)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                if not self.connected:
                    self._redis.ping()
                    self.connected = True
                    log.info("frame_bus_connected")
                bodies = self._backlog.take(READ, AGAIN_S)
                if bodies:
                    self._send(bodies)
            except redis.RedisError as error:
                if self.connected:
                    log.warning("frame_bus_lost", error=type(error).__name__)
                self.connected = False
                self._stop.wait(AGAIN_S)

    def _send(self, bodies: list[tuple[bytes, bytes]]) -> None:
        pipe = self._redis.pipeline(transaction=False)
        for body in bodies:
            pipe.xadd(STREAM, {FIELD: b"".join(body)})
        pipe.xtrim(STREAM, maxlen=MAX_ENTRIES, approximate=False)
        try:
            *_, trimmed = pipe.execute()
        except redis.RedisError:
            self.counts.dropped += len(bodies)
            raise
        self.counts.passed += len(bodies)
        self.counts.dropped += trimmed

    def _hear(self) -> None:
        while not self._stop.is_set():
            listening = self._redis.pubsub(ignore_subscribe_messages=True)
            try:
                listening.subscribe(WISHES)
                while not self._stop.is_set():
                    message = listening.get_message(timeout=AGAIN_S)
                    if message is not None:
                        self._told(message["data"])
            except redis.RedisError:
                self._stop.wait(AGAIN_S)
            finally:
                listening.close()

    def _told(self, body: bytes) -> None:
        try:
            wish = codec.decode(body)
        except codec.Malformed as error:
            log.warning("wish_refused", error=str(error))
            return
        if isinstance(wish, BurstWish):
            self._on_wish(wish)


class RedisReceiver:
    """See `bus.Receiver`. A member of the group under a name of its own."""

    def __init__(self, url: str) -> None:
        self.counts = Counts()
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._redis = connect(url)
        self._backlog: Backlog[Delivery] = Backlog()
        self._claimed_s = 0.0
        self._grouped = False

    def take(self, most: int, timeout_s: float) -> list[Delivery]:
        """See Receiver."""
        if not len(self._backlog):
            with away_as(BusError):
                self._fill(timeout_s)
        taken = self._backlog.take(most, 0.0)
        self.counts.passed += len(taken)
        return taken

    def done(self, deliveries: Sequence[Delivery]) -> None:
        """See Receiver."""
        with away_as(BusError):
            self._finish([delivery.id for delivery in deliveries])

    def wish(self, wish: BurstWish) -> None:
        """See Receiver."""
        with away_as(BusError):
            self._redis.publish(WISHES, codec.encode(wish))

    def close(self) -> None:
        """See Receiver."""
        self._backlog.close()
        self._redis.close()

    def _fill(self, timeout_s: float) -> None:
        self._join()
        try:
            self._claim()
            self._read(0.0 if len(self._backlog) else timeout_s)
        except redis.ResponseError as error:
            if not str(error).startswith("NOGROUP"):
                raise
            self._grouped = False  # the server lost its data: next time makes a new group

    def _join(self) -> None:
        if self._grouped:
            return
        try:
            self._redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
        except redis.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise
        self._grouped = True

    def _read(self, timeout_s: float) -> None:
        # BLOCK 0 would wait for ever.
        wait = max(1, int(timeout_s * 1000))
        found = self._redis.xreadgroup(GROUP, self.name, {STREAM: ">"}, count=READ, block=wait)
        for _, entries in found or []:
            self._keep(entries, again=False)

    def _claim(self) -> None:
        now = time.monotonic()
        if now - self._claimed_s < CLAIM_EVERY_S:
            return
        self._claimed_s = now
        _, entries, *_ = self._redis.xautoclaim(
            STREAM, GROUP, self.name, min_idle_time=CLAIM_AFTER_MS, count=READ
        )
        self._keep(entries, again=True)
        for member in self._redis.xinfo_consumers(STREAM, GROUP):
            if not member["pending"] and member["idle"] > FORGET_AFTER_MS:
                self._redis.xgroup_delconsumer(STREAM, GROUP, member["name"])

    def _keep(self, entries: Iterable[tuple[bytes, dict[bytes, bytes]]], *, again: bool) -> None:
        over: list[bytes] = []
        for entry_id, fields in entries:
            sample = self._decoded(fields.get(FIELD, b""))
            if sample is None:
                over.append(entry_id)
                continue
            key = (sample.session_id, sample.source)
            size = len(fields[FIELD])
            gone = self._backlog.put(key, Delivery(sample, entry_id, again), size)
            self.counts.dropped += len(gone)
            over += [delivery.id for delivery in gone]
        self._finish(over)

    def _decoded(self, body: bytes) -> Sample | None:
        try:
            sample = codec.decode_sample(body)
        except codec.Malformed as error:
            self.counts.refused += 1
            log.warning("sample_refused", error=str(error))
            return None
        return sample

    def _finish(self, ids: list[bytes]) -> None:
        if ids:
            pipe = self._redis.pipeline(transaction=False)
            pipe.xack(STREAM, GROUP, *ids)
            pipe.xdel(STREAM, *ids)
            pipe.execute()


@contextmanager
def away_as(error: type[Exception]) -> Iterator[None]:
    """Tell what Redis raises as another error; its own texts may hold the password."""
    try:
        yield
    except redis.RedisError as away:
        raise error(f"Redis is away: {type(away).__name__}") from away
