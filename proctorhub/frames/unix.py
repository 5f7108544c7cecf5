"""The frame bus of one machine: the worker listens on a Unix socket, media nodes connect to it.

Each message is four bytes of length and a body (`codec`), samples one way and wishes the other.
A node begins with the descriptor of memory that both share (`slots`). A length whose highest bit is
set is that of a body whose image lies there; the slot's number and the image's length follow it.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import structlog

from proctorhub.frames import codec, slots
from proctorhub.frames.backlog import Backlog
from proctorhub.frames.bus import BusError, Counts, Delivery
from proctorhub.frames.envelope import BurstWish, Sample
from proctorhub.frames.outbound import Outbound
from proctorhub.frames.slots import NoSlots, Slots

log = structlog.get_logger(__name__)

CONNECT_AGAIN_S = 0.5
#: How long a worker that takes nothing is waited for before the connection is given up.
SEND_WITHIN_S = 5.0
_LENGTH = struct.Struct(">I")
_IN_SLOT = 1 << 31
_SLOT = struct.Struct(">II")


class UnixSender(Outbound):
    """See `bus.Sender`. Connects to `path`, again and again."""

    def __init__(self, path: Path, on_wish: Callable[[BurstWish], None]) -> None:
        super().__init__()
        self._path = path
        self._on_wish = on_wish
        self._connection: socket.socket | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="frames", daemon=True)
        self._thread.start()

    @property
    def connected(self) -> bool:
        """See Sender."""
        return self._connection is not None

    def close(self) -> None:
        """See Sender."""
        self._stop.set()
        self._backlog.close()
        _shut(self._connection)
        self._thread.join(SEND_WITHIN_S)
        self.counts.dropped += len(self._backlog)

    def _run(self) -> None:
        while not self._stop.is_set():
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(str(self._path))
            except OSError:
                connection.close()
                self._stop.wait(CONNECT_AGAIN_S)
                continue
            log.info("frame_bus_connected")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(SEND_WITHIN_S))
            self._connection = connection
            listener = threading.Thread(target=self._hear, args=(connection,), daemon=True)
            listener.start()
            self._send(connection)
            self._connection = None
            _shut(connection)
            listener.join()
            connection.close()
            log.info("frame_bus_lost")

    def _send(self, connection: socket.socket) -> None:
        shared = _share(connection)
        while not self._stop.is_set() and self._connection is connection:
            for head, image in self._backlog.take(1, CONNECT_AGAIN_S):
                slot = shared.put(image) if shared is not None and image else None
                try:
                    if slot is None:
                        length = _LENGTH.pack(len(head) + len(image))
                        connection.sendall(b"".join((length, head, image)))
                    else:
                        length = _LENGTH.pack(_IN_SLOT | len(head))
                        connection.sendall(length + _SLOT.pack(slot, len(image)) + head)
                except OSError:
                    self.counts.dropped += 1
                    return
                self.counts.passed += 1

    def _hear(self, connection: socket.socket) -> None:
        try:
            for body in _bodies(connection):
                wish = codec.decode(body)
                if isinstance(wish, BurstWish):
                    self._on_wish(wish)
        except (OSError, codec.Malformed) as error:
            log.warning("frame_bus_error", error=str(error))
        if self._connection is connection:
            self._connection = None
        _shut(connection)


class UnixReceiver:
    """See `bus.Receiver`. Listens on `path`; raises BusError when another worker does."""

    def __init__(self, path: Path) -> None:
        self.counts = Counts()
        self._path = path
        self._backlog: Backlog[Sample] = Backlog()
        self._nodes: dict[str, socket.socket] = {}
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = path.with_suffix(".lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise BusError(
                "another vision worker listens on this machine's frame bus; "
                "more than one worker needs frame_bus = redis://…"
            ) from None
        path.unlink(missing_ok=True)
        self._server = socket.socket(socket.AF_UNIX)
        before = os.umask(0o077)
        try:
            self._server.bind(str(path))
        finally:
            os.umask(before)
        self._server.listen()
        threading.Thread(target=self._accept, name="frames", daemon=True).start()

    def take(self, most: int, timeout_s: float) -> list[Delivery]:
        """See Receiver."""
        taken = [Delivery(sample) for sample in self._backlog.take(most, timeout_s)]
        self.counts.passed += len(taken)
        return taken

    def done(self, deliveries: Sequence[Delivery]) -> None:
        """See Receiver: nothing to do, since nobody else could take them."""

    def wish(self, wish: BurstWish) -> None:
        """See Receiver."""
        connection = self._nodes.get(wish.session_id)
        if connection is None:
            return
        body = codec.encode(wish)
        try:
            with self._guard:
                connection.sendall(_LENGTH.pack(len(body)) + body)
        except OSError as error:
            log.info("wish_lost", session_id=wish.session_id, error=str(error))

    def close(self) -> None:
        """See Receiver."""
        _shut(self._server)
        self._server.close()
        self._backlog.close()
        for connection in list(self._open):
            _shut(connection)
        self._path.unlink(missing_ok=True)
        self._lock.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(SEND_WITHIN_S))
            self._open.add(connection)
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection: socket.socket) -> None:
        try:
            for body, image in _samples(connection):
                self._keep(connection, body, image)
        except (codec.Malformed, NoSlots) as error:
            # A length or slot that cannot be: where the next message begins is unknown.
            self.counts.refused += 1
            log.warning("frame_bus_error", error=str(error))
        except OSError as error:
            log.info("frame_bus_node_lost", error=str(error))
        self._open.discard(connection)
        for session_id in [s for s, c in self._nodes.items() if c is connection]:
            del self._nodes[session_id]
        connection.close()

    def _keep(self, connection: socket.socket, body: bytes, image: bytes) -> None:
        try:
            sample = codec.decode_sample(body, image)
        except codec.Malformed as error:
            self.counts.refused += 1
            log.warning("sample_refused", error=str(error))
            return
        self._nodes[sample.session_id] = connection
        key = (sample.session_id, sample.source)
        self.counts.dropped += len(self._backlog.put(key, sample, len(body) + len(image)))


def _share(connection: socket.socket) -> Slots | None:
    """Offer memory to share to the other side; None where there is none to have."""
    try:
        descriptor = slots.new_memory()
    except OSError as error:
        log.warning("frame_bus_without_slots", error=str(error))
        return None
    try:
        socket.send_fds(connection, [_LENGTH.pack(_IN_SLOT)], [descriptor])
        return Slots(descriptor)
    except OSError:
        return None  # whoever sends next finds the connection gone
    finally:
        os.close(descriptor)


def _bodies(connection: socket.socket) -> Iterator[bytes]:
    """Yield bodies until the other side closes. Raises Malformed for a length over the limit."""
    for body, _ in _samples(connection):
        yield body


def _samples(connection: socket.socket) -> Iterator[tuple[bytes, bytes]]:
    """Yield bodies and images that came apart from them, until the other side closes.

    Raises Malformed for a length over the limit, NoSlots for an image that is nowhere.
    """
    shared = None
    while True:
        head, descriptors, _, _ = socket.recv_fds(connection, _LENGTH.size, 1)
        rest = _exactly(connection, _LENGTH.size - len(head)) if head else None
        if rest is None:
            return
        if descriptors:
            shared = _shared(descriptors)
            continue
        (length,) = _LENGTH.unpack(head + rest)
        place = None
        if length & _IN_SLOT:
            length ^= _IN_SLOT
            place = _exactly(connection, _SLOT.size)
        if length > codec.MAX_BODY:
            raise codec.Malformed(f"a body of {length} bytes, {codec.MAX_BODY} is the limit")
        body = _exactly(connection, length)
        if body is None:
            return
        if place is None:
            yield body, b""
        elif shared is None:
            raise NoSlots("an image in a slot, and no memory is shared")
        else:
            yield body, shared.take(*_SLOT.unpack(place))


def _shared(descriptors: Sequence[int]) -> Slots:
    try:
        return Slots(descriptors[0])
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _exactly(connection: socket.socket, count: int) -> bytes | None:
    """Return `count` bytes; None when the connection ends before."""
    buffer = bytearray(count)
    view = memoryview(buffer)
    while view:
        got = connection.recv_into(view)
        if not got:
            return None
        view = view[got:]
    return bytes(buffer)


def _shut(connection: socket.socket | None) -> None:
    if connection is None:
        return
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it is shut already


def _timeval(seconds: float) -> bytes:
    return struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))
